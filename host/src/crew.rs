//! Threads that work is dealt to.

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};

/// The thread that asks, and others that wait for work. To start one takes as long as to read some hundred thousand numbers, so whoever has several
/// things to do keeps its crew.
#[derive(Debug)]
pub struct Crew {
    /// The others, if there are any.
    pool: Option<ThreadPool>,
}

impl Crew {
    /// Of so many threads, or one a core; where the system starts no more, of the one that asks.
    pub fn new(threads: Option<NonZero<usize>>) -> Crew {
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        let others = threads.map_or_else(cores, NonZero::get) - 1;
        let pool = || ThreadPoolBuilder::new().num_threads(others).build().ok();
        Crew { pool: if others == 0 { None } else { pool() } }
    }

    /// How many threads it has.
    pub fn threads(&self) -> usize {
        1 + self.pool.as_ref().map_or(0, ThreadPool::current_num_threads)
    }

    /// Does `work` on every piece, on all threads, each of which takes the next piece when it is done with one. Gives what each
    /// thread made of its pieces, in no order.
    pub fn deal<P: Send, R: Send>(
        &self,
        pieces: impl ExactSizeIterator<Item = P> + Send,
        start: impl Fn() -> R + Sync,
        work: impl Fn(&mut R, usize, P) + Sync,
    ) -> Vec<R> {
        let threads = self.threads().min(pieces.len());
        let queue = Mutex::new(pieces.enumerate());
        let run = || {
            let mut result = start();
            loop {
                // A panic of `work` happens outside of the lock; and it ends the scope below.
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                match next {
                    Some((number, piece)) => work(&mut result, number, piece),
                    None => return result,
                }
            }
        };
        let Some(pool) = self.pool.as_ref().filter(|_| threads > 1) else {
            return vec![run()];
        };
        let others = Mutex::new(Vec::with_capacity(threads));
        let mut results = vec![pool.in_place_scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|_| {
                    let result = run();
                    others.lock().unwrap_or_else(PoisonError::into_inner).push(result);
                });
            }
            run()
        })];
        results.append(&mut others.into_inner().unwrap_or_else(PoisonError::into_inner));
        results
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_done_once_on_any_number_of_threads() {
        for threads in [1, 2, 5] {
            let crew = Crew::new(NonZero::new(threads));
            assert_eq!(crew.threads(), threads);
            for pieces in [0, 1, 2, 1000] {
                let found = crew.deal(10..10 + pieces, Vec::new, |found, number, piece| found.push((number, piece)));
                assert!(found.len() <= threads.min(pieces).max(1), "{threads} threads, {pieces} pieces");
                let mut found: Vec<_> = found.into_iter().flatten().collect();
                found.sort_unstable();
                let expected: Vec<_> = (0..pieces).map(|number| (number, 10 + number)).collect();
                assert_eq!(found, expected, "{threads} threads");
            }
        }
    }

    #[test]
    fn a_panic_reaches_who_asked_and_the_crew_goes_on() {
        let crew = Crew::new(NonZero::new(3));
        let broken = || crew.deal(0..100, || (), |_, number, _| assert_ne!(number, 50, "the fiftieth"));
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(broken)).unwrap_err();
        assert!(panic.downcast_ref::<String>().is_some_and(|text| text.contains("the fiftieth")));
        assert_eq!(crew.deal(0..100, || 0, |count, _, _| *count += 1).into_iter().sum::<i32>(), 100);
    }
}
