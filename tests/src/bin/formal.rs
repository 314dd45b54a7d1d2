//! `make formal`: proves the units that have properties in `hdl/formal`, two at a time.

use nearfield_tests::formal::{prove, Proof, PROOFS};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

/// Proves `proof` and says so, or why not.
fn told(proof: &Proof) -> bool {
    match (proof.emit)().map_err(|e| e.to_string()).and_then(|design| prove(proof, &design)) {
        Ok(time) => {
            println!(
                "{}: proved in {:.1} s ({} cycles from the start, induction over {}, all that must be reached within {})",
                proof.name,
                time.as_secs_f64(),
                proof.steps,
                proof.induction,
                proof.reach
            );
            true
        }
        Err(e) => {
            eprintln!("formal: {}: {e}", proof.name);
            false
        }
    }
}

fn main() -> ExitCode {
    let begin = Instant::now();
    // The longest stand last in the table, so they are begun first.
    let next = AtomicUsize::new(PROOFS.len());
    let good = AtomicBool::new(true);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Ok(left) = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)) {
                    if !told(&PROOFS[left - 1]) {
                        good.store(false, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    if good.load(Ordering::Relaxed) {
        println!("{} proofs in {:.0} s", PROOFS.len(), begin.elapsed().as_secs_f64());
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}
