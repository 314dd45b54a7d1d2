//! Devices through the real XRT, with an emulated board behind it.

mod faults;
mod gradients;
mod library;
mod refusals;
mod same_bytes;

use crate::journey::{gradient, model};
use crate::workbench::Workbench;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::RwLock;
use std::time::{Duration, Instant};

/// Taken for writing by the test that keeps every core busy, and for reading by those that look at the clock.
static CLOCK: RwLock<()> = RwLock::new(());

/// A step whose board is the quickest to simulate, and which says where XRT works.
const STEP: &str = "-v step --store store --grads grads --device xrt-emu:ideal,lanes=1 --json";

/// A store of so many parameters, with gradients beside it.
fn ready(elements: u64) -> Workbench {
    let bench = Workbench::new();
    bench.write("params", &model(elements, |i| (i as f32 / 100.0).cos()));
    bench.write("grads", &model(elements, |i| gradient(1, i)));
    bench.done("init --params params --store store");
    bench
}

/// The folder XRT worked in, as `-v` says it.
fn place(stderr: &str) -> PathBuf {
    let marker = "XRT works in ";
    let at = stderr.find(marker).unwrap_or_else(|| panic!("no folder is named in: {stderr}")) + marker.len();
    PathBuf::from(stderr[at..].split([',', '\n']).next().unwrap())
}

/// Living processes that work in a folder, or name it on their command line.
fn processes_in(folder: &Path) -> Vec<String> {
    let name = folder.to_str().unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let process = entry.path();
        let words = fs::read(process.join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).replace('\0', " ");
        // A folder that is gone is called so: `/tmp/nearfield-xrt-abc (deleted)`.
        let works_there = fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.to_string_lossy().starts_with(name));
        if works_there || words.contains(name) {
            found.push(words);
        }
    }
    found
}

/// No process and no file is left of a run. What was told to end may take a moment.
fn assert_nothing_is_left(folder: &Path) {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let (processes, there) = (processes_in(folder), folder.exists());
        if processes.is_empty() && !there {
            return;
        }
        assert!(Instant::now() < until, "left of {}: processes {processes:?}, folder {there}", folder.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}
