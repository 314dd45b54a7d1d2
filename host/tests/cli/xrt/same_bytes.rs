//! The same bytes as `soft`, the same cycles every time.

use super::refusals::changed;
use super::{assert_nothing_is_left, place, ready, CLOCK, STEP};
use crate::journey::{gradient, model};
use crate::simulated::same_as_soft;
use crate::workbench::Workbench;
use nearfield::xclbin;
use nearfield_abi::board::Board;
use nearfield_abi::kernel::KernelConfig;
use std::fs;
use std::time::{Duration, Instant};

#[test]
fn a_trained_network_is_the_one_of_soft() {
    let bench = Workbench::new();
    // The kernel may have to be built first, which is not what is timed.
    bench.done("bench kernel --device xrt-emu:smartssd --elements 64");
    let _quiet = CLOCK.read();
    let begun = Instant::now();
    bench.done("gcn train --dataset cora --epochs 3 --device xrt-emu:smartssd -o board");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    bench.done("gcn train --dataset cora --epochs 3 --device soft -o soft");
    let read = |name: &str| fs::read(bench.path(name)).unwrap();
    assert!(read("soft") == read("board"));
}

#[test]
fn steps_equal_soft_on_every_board_and_unit() {
    same_as_soft(10_007, 3, "xrt-emu:ideal,lanes=4");
    same_as_soft(5_001, 2, "xrt-emu:ideal,lanes=1,unit=1");
    same_as_soft(3, 2, "xrt-emu:hostile,lanes=4,seed=11");
}

/// Whatever type the file gives a scalar, its register holds its bits.
#[test]
fn scalars_may_be_called_floats() {
    let config = KernelConfig::smartupdate(1).unwrap();
    let file = xclbin::write(&config, Board::from_name("ideal").unwrap()).unwrap();
    let integer = br#"hostOffset="0x0" hostSize="0x4" type="uint"/>"#;
    let float = br#"hostOffset="0" hostSize="0x4" type="float" />"#;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("floats.xclbin");
    fs::write(&path, changed(&file, integer, float)).unwrap();
    same_as_soft(1_003, 2, &format!("xrt-emu:ideal,lanes=1,xclbin={}", path.display()));
}

/// The board has written its waves to their end when the program is done.
#[test]
fn waves_are_whole() {
    let bench = Workbench::new();
    let size = |device: &str| {
        bench.done(&format!("bench kernel --device {device}:ideal,lanes=1,waves={device}.fst --elements 500"));
        fs::metadata(bench.path(&format!("{device}.fst"))).unwrap().len() as f64
    };
    let (simulated, emulated) = (size("sim"), size("xrt-emu"));
    assert!(emulated > 0.8 * simulated, "{emulated} bytes, but {simulated} without XRT");
}

#[test]
fn cycles_are_the_same_every_time_twenty_at_once() {
    let _alone = CLOCK.write();
    let bench = ready(5_003);
    let grads = bench.path("grads");
    let cycles: Vec<u64> = std::thread::scope(|scope| {
        let run = || {
            let bench = ready(5_003);
            fs::copy(&grads, bench.path("grads")).unwrap();
            let ended = bench.run(STEP);
            assert_eq!(ended.code, 0, "{ended:?}");
            assert_nothing_is_left(&place(&ended.stderr));
            let printed: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
            assert_eq!((&printed["elements"], &printed["lanes"]), (&5_003.into(), &1.into()));
            printed["cycles"].as_u64().unwrap()
        };
        let running: Vec<_> = (0..20).map(|_| scope.spawn(run)).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(cycles[0] > 5_003 && cycles.iter().all(|&c| c == cycles[0]), "{cycles:?}");
}

#[test]
fn the_self_test_passes_where_the_simulation_does() {
    let bench = Workbench::new();
    let checks = |device: &str| -> Vec<serde_json::Value> {
        let text = bench.done(&format!("selftest --device {device} --json"));
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(report["failed"], 0, "{report}");
        report["checks"].as_array().unwrap().clone()
    };
    let (simulated, emulated) = (checks("sim:ideal,lanes=1"), checks("xrt-emu:ideal,lanes=1"));
    let passed = |checks: &[serde_json::Value]| checks.iter().filter(|check| check["outcome"] == "passed").count();
    // The same vectors; XRT also offers the host's memory, and peer-to-peer memory.
    assert_eq!((passed(&simulated), passed(&emulated)), (simulated.len() - 2, simulated.len()));
    let report = bench.done("selftest --device xrt-emu:ideal,lanes=1,unit=1");
    for part in ["kernel    smartupdate_l1, configuration 0x", "libxrt_coreutil", "tensors in 2, 3, 2, 3", "0 failed"] {
        assert!(report.contains(part), "`{part}` is not in: {report}");
    }
}

/// Files go into the board's memory and back past the host, which is left with the kernel's checksums.
#[test]
fn the_store_goes_past_the_host() {
    let bench = Workbench::new();
    bench.write("params", &model(150_003, |i| (i as f32 / 100.0).cos()));
    bench.write("grads", &model(150_003, |i| gradient(1, i)));
    for store in ["one", "a,b"] {
        bench.done(&format!("init --params params --store {store} --subgroup 66000 --no-decay c"));
    }
    let step = |store: &str, device: &str| {
        let flags = "--grads grads --loss-scale 2 --half bf16 --half-output";
        let line = format!("step --store {store} {flags} {device}.half --device {device} --json");
        serde_json::from_str::<serde_json::Value>(&bench.done(&line)).unwrap()
    };
    for _ in 0..2 {
        let board = step("a,b", "xrt-emu:smartssd");
        for device in board["devices"].as_array().unwrap() {
            assert_eq!((&device["peer_to_peer"], &device["direct"]), (&true.into(), &true.into()), "{board}");
            assert_eq!(device["read_bytes"], device["written_bytes"]);
        }
        assert_eq!(step("one", "soft")["devices"][0]["peer_to_peer"], false);
    }
    bench.done("export --store one -o one.safetensors --state");
    bench.done("export --store a,b -o two.safetensors --state");
    let read = |name: &str| fs::read(bench.path(name)).unwrap();
    assert!(read("one.safetensors") == read("two.safetensors"), "the states differ");
    assert!(read("soft.half") == read("xrt-emu:smartssd.half"), "the half copies differ");

    // A bit of a file that only the board reads: its checksum finds it.
    let file = bench.path("b/exp_avg-0.f32");
    let mut bytes = fs::read(&file).unwrap();
    bytes[777] ^= 4;
    fs::write(&file, bytes).unwrap();
    let ended = bench.run("step --store a,b --grads grads --device xrt-emu:smartssd");
    assert!(ended.code == 1 && ended.stderr.contains("exp_avg-0.f32 is damaged: subgroup"), "{ended:?}");
}
