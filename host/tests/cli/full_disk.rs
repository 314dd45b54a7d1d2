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

/// What a store's owner sees of it.
fn exported(bench: &Workbench) -> Option<Vec<u8>> {
    let there = bench.path("store").exists();
    there.then(|| {
        bench.done("export --store store -o seen --state");
        let bytes = std::fs::read(bench.path("seen")).unwrap();
        std::fs::remove_file(bench.path("seen")).unwrap();
        bytes
    })
}

/// A step may have begun to write over the set before the last; whatever else fails leaves every file as it was.
fn fails(bench: &Workbench, line: &str) {
    let (before, seen) = (bench.everything(), exported(bench));
    let ended = limited(bench, line);
    assert_eq!(ended.code, 1, "nearfield {line}: {ended:?}");
    assert!(ended.stderr.contains("cannot write"), "{}", ended.stderr);
    assert!(ended.stdout.is_empty());
    assert!(exported(bench) == seen, "nearfield {line}: something was lost");
    let after = bench.everything();
    match line.starts_with("step") {
        true => assert!(after.keys().all(|path| before.contains_key(path)), "nearfield {line}: something was left"),
        false => assert!(after == before, "nearfield {line}: something was left or lost"),
    }
}

#[test]
fn a_file_that_cannot_grow() {
    let bench = ready();
    fails(&bench, "init --params params --store store");
    bench.done("init --params params --store store");
    fails(&bench, "step --store store --grads grads");
    fails(&bench, "step --store store --grads grads --top-k 1");
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
    // Room for the parameters and the moments twice (2.4 MB), not for an export too.
    let mount = "mount -t tmpfs -o size=2500k tmpfs small";
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
         {NEARFIELD} export --store small/store -o small/out; echo export $?
         {NEARFIELD} init --params params --store small/other; echo init $?
         diff -r before small/store && echo same; ls -A small
         {NEARFIELD} step --store small/store --grads grads --json > said; echo step $?"
    );
    let ended: Ended = alone(&script).current_dir(bench.folder()).output().unwrap().into();
    let lines: Vec<&str> = ended.stdout.lines().skip(1).collect();
    // Room for every step was made with the store.
    assert_eq!(lines, ["export 1", "init 1", "same", "store", "step 0"], "{ended:?}");
    assert!(ended.stderr.contains("No space left on device") && ended.stderr.contains("nothing was changed"));
}
