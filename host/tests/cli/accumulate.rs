//! Gradients of several micro-batches, added up in the store.

use crate::journey::{gradient, model};
use crate::workbench::Workbench;
use serde_json::Value;
use std::fs;

const ELEMENTS: u64 = 200_003;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
fn a_step_with_the_sum_is_a_step_with_accumulated_gradients() {
    let bench = Workbench::new();
    bench.write("params", &model(ELEMENTS, |i| (i as f32 / 1000.0).sin()));
    bench.done("init --params params --store one");
    bench.done("init --params params --store a,b --subgroup 65536");
    // Another way around: three of them, summed here in the same order.
    let grads = |number: u64, i: u64| gradient(number, i) * 1e-30;
    for round in 0..2 {
        let sum = |i: u64| (1..3).fold(grads(round * 3, i), |sum, number| sum + grads(round * 3 + number, i));
        bench.write("sum", &model(ELEMENTS, sum));
        let flags = "--loss-scale 4 --clip-norm 0.5 --json";
        let alone = json(&bench.done(&format!("step --store one --grads sum {flags}")));
        for number in 0..3 {
            bench.write("grads", &model(ELEMENTS, |i| grads(round * 3 + number, i)));
            let told = json(&bench.done("accumulate --store a,b --grads grads --json"));
            assert_eq!((told["accumulated"].as_u64(), &told["nonfinite"]), (Some(number + 1), &false.into()));
        }
        bench.refused("step --store a,b --grads sum", &["3 accumulated gradients wait", "--accumulated", "--drop"]);
        let together = json(&bench.done(&format!("step --store a,b --accumulated {flags}")));
        assert!(alone["norm"].as_f64().unwrap() > 0.0);
        assert_eq!((&together["norm"], &together["step"]), (&alone["norm"], &alone["step"]));
        bench.done("export --store one -o one.safetensors --state");
        bench.done("export --store a,b -o two.safetensors --state");
        let read = |name: &str| fs::read(bench.path(name)).unwrap();
        assert!(read("one.safetensors") == read("two.safetensors"), "round {round}");
    }
    bench.refused("step --store a,b --accumulated", &["no accumulated gradients wait", "nearfield accumulate"]);
}

#[test]
fn infinite_sums_skip_the_step_and_are_gone() {
    let bench = Workbench::new();
    bench.write("params", &[("w", vec![2], vec![1.0, 2.0])]);
    bench.write("huge", &[("w", vec![2], vec![3e38, 0.0])]);
    bench.done("init --params params --store store");
    for nonfinite in [false, true] {
        let told = json(&bench.done("accumulate --store store --grads huge --json"));
        assert_eq!(told["nonfinite"], nonfinite);
    }
    let skipped = json(&bench.done("step --store store --accumulated --loss-scale dynamic --json"));
    assert_eq!(
        (&skipped["skipped"], &skipped["step"], &skipped["nonfinite_gradients"]),
        (&true.into(), &0.into(), &1.into())
    );
    bench.refused("step --store store --accumulated", &["no accumulated gradients wait"]);
    bench.done("accumulate --store store --grads params");
    assert_eq!(json(&bench.done("accumulate --store store --drop --json"))["dropped"], 1);
    bench.done("step --store store --grads params");
    bench.refused("accumulate --store store", &["--grads"]);
    // What was added up is checked when it is used.
    bench.done("accumulate --store store --grads params");
    let whole = json(&bench.done("check --store store --json"));
    assert_eq!(whole["accumulated"], serde_json::json!({ "count": 1, "damage": [] }));
    let file = bench.path("store/accumulated-0.f32");
    let mut bytes = fs::read(&file).unwrap();
    bytes[5] ^= 1;
    fs::write(&file, bytes).unwrap();
    let before = fs::read(bench.path("store/manifest.toml")).unwrap();
    for flags in ["", "--repair"] {
        let ended = bench.run(&format!("check --store store {flags}"));
        assert!(ended.code == 1 && ended.stderr.contains("its last step is whole, the gradients"), "{ended:?}");
        assert!(ended.stderr.contains("accumulate --drop"), "{ended:?}");
        assert!(ended.stdout.contains("the sum of 1 accumulated gradients is damaged"), "{ended:?}");
        assert!(ended.stdout.contains("accumulated-0.f32"), "{ended:?}");
    }
    let ended = bench.run("step --store store --accumulated");
    assert!(ended.code == 1 && ended.stderr.contains("checksums it was written with"), "{ended:?}");
    assert!(fs::read(bench.path("store/manifest.toml")).unwrap() == before);
    bench.done("accumulate --store store --drop");
    assert!(bench.done("check --store store").contains("is whole"));
}
