//! An emulated board that dies or falls silent, at any message: an error in time, the store as it was, nothing left.

use super::{assert_nothing_is_left, place, ready, CLOCK, STEP};
use crate::workbench::{Ended, Workbench};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const FAULT: &str = "NEARFIELD_XRT_BOARD_FAULT";

/// Runs a command, and measures from the last line that says that it got on to its end: how long it took to notice.
fn timed(command: &mut Command) -> (Ended, Duration) {
    let mut running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut stderr, mut last) = (String::new(), Instant::now());
    for line in BufReader::new(running.stderr.take().unwrap()).lines().map(Result::unwrap) {
        if line.contains("INFO") {
            last = Instant::now();
        }
        stderr += &line;
        stderr.push('\n');
    }
    let mut ended: Ended = running.wait_with_output().unwrap().into();
    ended.stderr = stderr;
    (ended, last.elapsed())
}

/// Does a step of a new store while the board fails, and gives it if it succeeded all the same: the board did not come so
/// far. A failure is checked.
fn step(fault: &str, says: &[&str]) -> Option<Ended> {
    let bench = ready(1_003);
    let before = bench.everything();
    let (ended, took) = timed(bench.command(STEP).env(FAULT, fault));
    assert_nothing_is_left(&place(&ended.stderr));
    if ended.code == 0 {
        return Some(ended);
    }
    // Refused where it could not be opened, failed where the step had begun.
    assert!(matches!(ended.code, 1 | 2), "{fault}: {ended:?}");
    assert!(took < Duration::from_secs(10), "{fault}: took {took:?}");
    for part in says {
        assert!(ended.stderr.contains(part), "{fault}: `{part}` is not in: {}", ended.stderr);
    }
    assert_eq!(ended.stdout, "", "{fault}");
    assert!(bench.everything() == before, "{fault}: something was written");
    None
}

#[test]
fn a_board_that_dies_at_any_message_is_an_error() {
    let _quiet = CLOCK.read();
    // Each run fails at the next message; the first that does not tells that there are no more.
    let (next, last) = (AtomicU64::new(1), AtomicU64::new(u64::MAX));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                if number >= last.load(Ordering::SeqCst) {
                    return;
                }
                let says = ["the emulated board ended (exit status: 137)", "open it again"];
                if step(&format!("end:{number}"), &says).is_some() {
                    last.fetch_min(number, Ordering::SeqCst);
                }
            });
        }
    });
    // A step takes some eighty; the last ones are those of a close, whose failure comes after all that matters.
    let messages = last.load(Ordering::SeqCst);
    assert!((70..200).contains(&messages), "{messages}");
}

#[test]
fn a_board_that_falls_silent_is_given_up() {
    let _quiet = CLOCK.read();
    // While it is opened, while a buffer is allocated, while data goes there, while it runs, while it is looked at.
    std::thread::scope(|scope| {
        for number in [1, 8, 13, 57, 70] {
            scope.spawn(move || {
                let ended = step(&format!("hang:{number}"), &["did not answer", "was given up"]);
                assert!(ended.is_none(), "message {number} never came");
            });
        }
    });
}

#[test]
fn a_program_that_is_killed_leaves_nothing() {
    let bench: Workbench = ready(1_003);
    let mut running = bench.command(STEP).env(FAULT, "hang:20").stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = String::new();
    let mut from = BufReader::new(running.stderr.take().unwrap());
    while !stderr.contains("opened xrt-emu") {
        assert!(from.read_line(&mut stderr).unwrap() > 0, "{stderr}");
    }
    let folder = place(&stderr);
    // XRT makes everything in it writable for everybody; the folder itself lets nobody in.
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    assert!(folder.is_dir() && super::processes_in(&folder).len() >= 2, "helper and board run");
    running.kill().unwrap();
    running.wait().unwrap();
    assert_nothing_is_left(&folder);
}

#[test]
fn a_fault_that_cannot_be_understood_is_refused() {
    let bench = ready(10);
    let ended: Ended = bench.command(STEP).env(FAULT, "burn:3").output().unwrap().into();
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.stderr.contains("must be end:N or hang:N"), "{}", ended.stderr);
    assert_nothing_is_left(&place(&ended.stderr));
}
