//! Work on several threads whose result does not depend on how many there are.

use std::sync::Mutex;
use std::thread;

/// Does all tasks, each whole on one of `threads` threads. Which thread takes which task is chance: a task may write only
/// what is its own.
pub(super) fn each<T: Send>(threads: usize, tasks: Vec<T>, work: impl Fn(T) + Sync) {
    let threads = threads.min(tasks.len());
    if threads <= 1 {
        return tasks.into_iter().for_each(work);
    }
    let queue = Mutex::new(tasks.into_iter());
    let take = || queue.lock().expect("a task does not panic while it is taken").next();
    let run = || {
        while let Some(task) = take() {
            work(task);
        }
    };
    thread::scope(|scope| {
        (1..threads).for_each(|_| drop(scope.spawn(run)));
        run();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_done_once() {
        for threads in [1, 2, 7] {
            let mut values = [0u32; 50];
            each(threads, values.iter_mut().enumerate().collect(), |(index, value)| *value += index as u32);
            assert!(values.iter().enumerate().all(|(index, &value)| value == index as u32));
        }
        each(3, Vec::<u8>::new(), |_| panic!("there is nothing to do"));
    }
}
