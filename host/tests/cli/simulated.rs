//! Steps on simulated boards against `soft`: byte for byte, at the promised rate. Emission: the same bytes twice.

use crate::journey::{gradient, model};
use crate::workbench::Workbench;
use std::fs;

/// Inits two stores with the same parameters, does the same steps on `soft` and on `device`, compares the exports.
/// Gives what the last step on `device` printed.
pub fn same_as_soft(elements: u64, steps: u64, device: &str) -> serde_json::Value {
    same_steps("--weight-decay 0.05", elements, steps, device)
}

/// The same with these flags of `init`.
fn same_steps(flags: &str, elements: u64, steps: u64, device: &str) -> serde_json::Value {
    let bench = Workbench::new();
    bench.write("params", &model(elements, |i| (i as f32 / 100.0).cos()));
    let mut printed = serde_json::Value::Null;
    for (store, device) in [("soft", "soft"), ("board", device)] {
        bench.done(&format!("init --params params --store {store} {flags}"));
        for step in 1..=steps {
            bench.write("grads", &model(elements, |i| gradient(step, i)));
            let line = format!("step --store {store} --grads grads --device {device} --json");
            printed = serde_json::from_str(&bench.done(&line)).unwrap();
        }
        bench.done(&format!("export --store {store} -o {store}.safetensors --state"));
    }
    let read = |name: &str| fs::read(bench.path(name)).unwrap();
    assert!(read("soft.safetensors") == read("board.safetensors"), "{device} differs from soft");
    printed
}

#[test]
fn a_million_parameters_at_098_elements_per_lane_and_cycle() {
    let printed = same_as_soft(1_000_003, 1, "sim:ideal,lanes=4");
    assert_eq!(printed["elements"], 1_000_003);
    assert_eq!(printed["lanes"], 4);
    let (cycles, rate) = (printed["cycles"].as_f64().unwrap(), printed["elements_per_lane_cycle"].as_f64().unwrap());
    assert!((rate - 1_000_003.0 / 4.0 / cycles).abs() < 1e-12);
    assert!((0.98..=1.0).contains(&rate), "{printed}");
    assert_eq!(printed["stalls"].as_object().unwrap().len(), 8, "{printed}");
}

#[test]
fn ten_steps_equal_soft() {
    same_as_soft(10_007, 10, "sim:ideal,lanes=4");
    same_as_soft(1_003, 10, "sim:ideal,lanes=1");
    // Fewer elements than a beat, a tensor each of one or two.
    same_as_soft(3, 10, "sim:ideal,lanes=4");
}

#[test]
fn other_boards_equal_soft() {
    same_as_soft(5_001, 2, "sim:hostile,lanes=4,seed=11");
    same_as_soft(5_001, 2, "sim:smartssd,lanes=1,clock=250");
}

/// 28 bytes an element: 0.57 Gparam/s are 16 of the DDR4's 19.2 GB/s, reached only with staggered bases.
#[test]
fn smartssd_feeds_two_lanes() {
    let text = Workbench::new().done("bench kernel --device sim:smartssd --elements 200000 --json");
    let figures: serde_json::Value = serde_json::from_str(&text).unwrap();
    let figures = &figures["runs"][0];
    assert_eq!(figures["lanes"], 2);
    assert!(figures["board_parameters_per_second"].as_f64().unwrap() >= 0.57e9, "{text}");
    assert!(figures["simulated_cycles_per_second"].as_f64().unwrap() > 0.0);
}

/// The optimizers of one kernel, one after the other: what one leaves in its registers and buffers is nothing to the next.
#[test]
fn every_optimizer_equals_soft() {
    for flags in [
        "--optimizer adam --weight-decay 0.01",
        "--optimizer adam",
        "--optimizer adagrad --weight-decay 0.02",
        "--optimizer lion --weight-decay 0.1",
        "--optimizer lion",
        "--optimizer sgd --lr 0.1",
        "--optimizer sgd --momentum 0.9 --dampening 0.3 --weight-decay 0.01",
        "--optimizer sgd --momentum 0.8 --nesterov",
    ] {
        let printed = same_steps(flags, 10_007, 3, "sim:ideal,lanes=4");
        assert!(printed["elements_per_lane_cycle"].as_f64().unwrap() > 0.9, "{flags}: {printed}");
        same_steps(flags, 1_001, 2, "sim:hostile,lanes=1,seed=5");
    }
    same_steps("--optimizer lion --weight-decay 0.1", 3_001, 2, "xrt-emu:ideal,lanes=1");
}

#[test]
fn emission_is_reproducible() {
    let bench = Workbench::new();
    bench.done("emit --all -o one");
    bench.done("emit --all -o two");
    let everything = bench.everything();
    let of = |folder: &str| -> Vec<_> {
        let root = bench.path(folder);
        let below = everything.iter().filter_map(|(path, bytes)| Some((path.strip_prefix(&root).ok()?, bytes)));
        below.collect()
    };
    assert!(of("one") == of("two"));
    let list = fs::read_to_string(bench.path("one/smartupdate_l4/smartupdate_l4.f")).unwrap();
    for file in list.lines() {
        assert!(bench.path("one/smartupdate_l4").join(file).is_file(), "{file} of the list is missing");
    }
    bench.done("emit --unit fp32_add -o three");
    let file = "fp32_add/fp32_add.v";
    assert_eq!(fs::read(bench.path("three").join(file)).unwrap(), fs::read(bench.path("one").join(file)).unwrap());
}
