//! What is refused before XRT is called, or by XRT: exit code 2, a message that says what to do, nothing written.

use super::{assert_nothing_is_left, ready};
use crate::workbench::{Ended, Workbench, NEARFIELD};
use nearfield::xclbin;
use nearfield_abi::board::Board;
use nearfield_abi::kernel::KernelConfig;
use std::fs;

/// Steps on `device` in an environment of its own; it must be refused with all of `says`.
fn refused(bench: &Workbench, device: &str, environment: &[(&str, &str)], says: &[&str]) {
    let before = bench.everything();
    let line = format!("-v step --store store --grads grads --device {device}");
    let mut command = bench.command(&line);
    let ended: Ended = command.envs(environment.iter().copied()).output().unwrap().into();
    assert_eq!(ended.code, 2, "{device}: {ended:?}");
    for part in says {
        assert!(ended.stderr.contains(part), "{device}: `{part}` is not in: {}", ended.stderr);
    }
    assert!(bench.everything() == before, "{device}: something was written");
    if ended.stderr.contains("XRT works in") {
        assert_nothing_is_left(&super::place(&ended.stderr));
    }
}

fn written(board: &str, lanes: u32) -> Vec<u8> {
    xclbin::write(&KernelConfig::smartupdate(lanes).unwrap(), Board::from_name(board).unwrap()).unwrap()
}

/// `bytes` with `new` wherever `old` stands.
pub fn changed(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let at: Vec<usize> = (0..bytes.len() - old.len()).filter(|&at| bytes[at..].starts_with(old)).collect();
    assert!(!at.is_empty());
    let mut bytes = bytes.to_vec();
    for at in at {
        bytes[at..at + new.len()].copy_from_slice(new);
    }
    bytes
}

#[test]
fn what_is_missing_is_named() {
    let bench = ready(10);
    let nowhere = [("XILINX_XRT", "/nowhere")];
    refused(&bench, "xrt:0,xclbin=x", &nowhere, &["XILINX_XRT is /nowhere", "unset it"]);
    // Emulation takes the system's XRT, whatever is set up for a card, and a program at a relative path.
    let relative = std::os::unix::fs::symlink(NEARFIELD, bench.path("program"));
    relative.unwrap();
    let mut command = bench.command("bench kernel --device xrt-emu:ideal,lanes=1 --elements 64");
    let ended: Ended = command.envs(nowhere).env("NEARFIELD_BIN", "program").output().unwrap().into();
    assert_eq!(ended.code, 0, "{ended:?}");
    let program = [("NEARFIELD_BIN", "/nowhere/nearfield")];
    refused(&bench, "xrt-emu:ideal,lanes=1", &program, &["NEARFIELD_BIN names /nowhere/nearfield"]);
    let other = [("NEARFIELD_BIN", "/bin/true")];
    refused(&bench, "xrt-emu:ideal,lanes=1", &other, &["the helper process ended during the start of the helper"]);
}

#[test]
fn no_board_and_no_file() {
    let bench = ready(10);
    fs::write(bench.path("emulated.xclbin"), written("smartssd", 2)).unwrap();
    refused(&bench, "xrt:0", &[], &["xrt:0,xclbin=FILE", "make xclbin"]);
    refused(&bench, "xrt:0,xclbin=absent", &[], &["absent"]);
    refused(&bench, "xrt:0,xclbin=grads", &[], &["grads is not a valid xclbin file"]);
    refused(&bench, "xrt:0,xclbin=emulated.xclbin", &[], &["is built for hw_emu, but xrt:0", "takes one for hw"]);
    refused(&bench, "xrt:0,xclbin=emulated.xclbin", &[("XCL_EMULATION_MODE", "hw_emu")], &["unset it"]);
    // The mode in the header: a board's. This machine's bus has no card that XRT could open.
    let mut hardware = written("smartssd", 2);
    let mode = 304 + 28;
    hardware[mode..mode + 2].copy_from_slice(&[0, 0]);
    fs::write(bench.path("hardware.xclbin"), hardware).unwrap();
    let has_card = |entry: std::io::Result<fs::DirEntry>| {
        fs::read_link(entry.unwrap().path().join("driver")).is_ok_and(|driver| driver.ends_with("xocl"))
    };
    if fs::read_dir("/sys/bus/pci/devices").is_ok_and(|mut devices| devices.any(has_card)) {
        println!("skipped: this machine has a card, which the rest of this test must not open");
        return;
    }
    for device in ["xrt:0,xclbin=hardware.xclbin", "xrt:0000:65:00.1,xclbin=hardware.xclbin"] {
        refused(&bench, device, &[], &["card"]);
    }
}

#[test]
fn files_that_do_not_fit() {
    let bench = ready(10);
    let own = written("ideal", 1);
    fs::write(bench.path("own"), &own).unwrap();
    fs::write(bench.path("smartssd"), written("smartssd", 1)).unwrap();
    fs::write(bench.path("argument"), changed(&own, b"exp_avg_sq", b"exp_avg_qs")).unwrap();
    fs::write(bench.path("kernel"), changed(&own, b"smartupdate", b"smartupdote")).unwrap();
    let with = |file: &str| format!("xrt-emu:ideal,lanes=1,xclbin={file}");
    bench.done(&format!("step --store store --grads grads --device {}", with("own")));
    refused(&bench, &with("smartssd"), &[], &["is built for", "whose memory and compute units are not those of ideal"]);
    refused(&bench, &with("argument"), &[], &["has nothing this program can drive", "exp_avg_qs"]);
    refused(&bench, &with("kernel"), &[], &["has nothing this program can drive"]);
    refused(&bench, &format!("{},unit=2", with("own")), &[], &["counted from 0; there is no unit 2"]);
    refused(&bench, "xrt-emu:smartssd,unit=1", &[], &["1 compute units", "there is no unit 1"]);
}
