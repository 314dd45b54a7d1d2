//! A run dealt to threads in pieces.

use std::sync::{Mutex, PoisonError};

/// Elements of a piece: long enough that taking one costs nothing, short enough that a thread which is held up does not
/// hold up the others.
pub const ELEMENTS: usize = 1 << 17;

/// Does `work` on every piece, on up to `threads` threads, each of which takes the next piece when it is done with one.
/// Gives what each thread made of its pieces, in no order.
pub fn deal<P: Send, R: Send>(
    pieces: impl ExactSizeIterator<Item = P> + Send,
    threads: usize,
    start: impl Fn() -> R + Sync,
    work: impl Fn(&mut R, usize, P) + Sync,
) -> Vec<R> {
    let threads = threads.min(pieces.len()).max(1);
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
    if threads == 1 {
        return vec![run()];
    }
    std::thread::scope(|scope| {
        let spawned: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut results = vec![run()];
        for thread in spawned {
            match thread.join() {
                Ok(result) => results.push(result),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    })
}
