//! A disk that fills up while something is written: exit code 1, and what was there is still there.

use crate::workbench::{Ended, Workbench, NEARFIELD};
use std::io::Write;
use std::process::Command;

const ELEMENTS: u64 = 100_000;

fn ready() -> Workbench {
    let bench = Workbench::new();
    let data: Vec<f32> = (0..ELEMENTS).map(|i| i as f32).collect();
    bench.write("params", &[("w", vec![ELEMENTS], data.clone())]);
    bench.write("grads", &[("w", vec![ELEMENTS], data)]);
    bench
}

/// Runs the program where no file may grow past 64 KiB; the write that would fails, as on a full disk.
fn limited(bench: &Workbench, line: &str) -> Ended {
    let script = "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, NEARFIELD]).args(line.split_whitespace()).current_dir(bench.folder());
    command.output().unwrap().into()
}

fn fails(bench: &Workbench, line: &str) {
    let before = bench.everything();
    let ended = limited(bench, line);
    assert_eq!(ended.code, 1, "nearfield {line}: {ended:?}");
    assert!(ended.stderr.contains("cannot write"), "{}", ended.stderr);
    assert!(ended.stdout.is_empty());
    assert!(bench.everything() == before, "nearfield {line}: something was left or lost");
}

#[test]
fn a_file_that_cannot_grow() {
    let bench = ready();
    fails(&bench, "init --params params --store store");
    bench.done("init --params params --store store");
    fails(&bench, "step --store store --grads grads");
    fails(&bench, "export --store store -o out");
    bench.done("export --store store -o out");
    bench.done("step --store store --grads grads");
    fails(&bench, "export --store store -o out");
    fails(&bench, "step --store store --grads grads");
}

/// A command of this user's that may mount a file system which no other process sees.
fn alone(script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
    command
}

/// The same on a real file system that is full, where this user may mount one.
#[test]
fn a_file_system_that_is_full() {
    let bench = ready();
    std::fs::create_dir(bench.path("small")).unwrap();
    // Room for the parameters and the moments once (1.2 MB), not for a step's second set.
    let mount = "mount -t tmpfs -o size=1500k tmpfs small";
    let mounted = alone(mount).current_dir(bench.folder()).output();
    if !mounted.as_ref().is_ok_and(|output| output.status.success()) {
        // Not by `eprintln!`, which a test that passes keeps to itself.
        writeln!(std::io::stderr(), "skipped a_file_system_that_is_full: no file system can be mounted ({mounted:?})")
            .unwrap();
        return;
    }
    let script = format!(
        "{mount} || exit 99
         {NEARFIELD} init --params params --store small/store || exit 98
         cp -r small/store before
         {NEARFIELD} step --store small/store --grads grads; echo step $?
         {NEARFIELD} export --store small/store -o small/out; echo export $?
         diff -r before small/store && echo same; ls -A small"
    );
    let ended: Ended = alone(&script).current_dir(bench.folder()).output().unwrap().into();
    let lines: Vec<&str> = ended.stdout.lines().skip(1).collect();
    assert_eq!(lines, ["step 1", "export 1", "same", "store"], "{ended:?}");
    assert!(ended.stderr.contains("No space left on device") && ended.stderr.contains("nothing was changed"));
}
