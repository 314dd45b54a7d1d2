//! Runs, some at a time.

use super::super::super::console::Console;
use super::super::super::failure::Failure;
use super::case::{kernel_of, Case};
use super::report::{compare, grouped, Run};
use anyhow::Result;
use nearfield_abi::kernel::Kernel;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Does all runs, the longest first, and gives them in the order of `cases`.
///
/// # Errors
///
/// A device that is none, before anything runs, and what the first failing run fails with; those under way are ended first.
pub fn run(cases: &[Case], jobs: NonZero<usize>, console: &Console) -> Result<Vec<Run>, Failure> {
    let mut devices = Vec::new();
    for case in cases {
        let config = kernel_of(&case.device).map_err(Failure::refused)?.1;
        if !case.model && !devices.iter().any(|(_, known)| *known == config) {
            devices.push((&case.device, config));
        }
    }
    // A kernel is built once, not by two threads.
    for (device, _) in devices {
        drop(console.open_kernel(device, Kernel::SgcnAggregate)?);
    }
    let mut order: Vec<usize> = (0..cases.len()).collect();
    order.sort_by_key(|&number| std::cmp::Reverse(cases[number].work()));
    let bar = console.progress("rows", cases.iter().map(Case::rows).sum());
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<Option<Result<Run>>>> = Mutex::new(cases.iter().map(|_| None).collect());
    let lock = || done.lock().unwrap_or_else(PoisonError::into_inner);
    let work = || {
        while let Some(&number) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            let run = cases[number].run(&|rows| bar.inc(rows));
            match &run {
                Ok(run) => bar.suspend(|| console.say(&line(&cases[number], run))),
                // The others are not begun.
                Err(_) => next.store(order.len(), Ordering::Relaxed),
            }
            lock()[number] = Some(run);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs.get().min(cases.len()) {
            scope.spawn(work);
        }
        work();
    });
    bar.finish_and_clear();
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut runs = done.into_iter().flatten().collect::<Result<Vec<Run>>>().map_err(Failure::failed)?;
    compare(&mut runs);
    Ok(runs)
}

fn line(case: &Case, run: &Run) -> String {
    let speed = grouped(run.simulated_cycles_per_second as u64);
    format!("{}: {} cycles, {:.1} s, {speed} cycles/s", case.name(), grouped(run.cycles), run.seconds)
}
