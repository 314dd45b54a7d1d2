//! `nearfield step --top-k`: the same store as `nearfield compress` and a step with what it makes.

use crate::journey::{gradient, model};
use crate::workbench::Workbench;
use nearfield::safetensors::{ElementType, RunWriter};
use nearfield::store::TensorEntry;
use serde_json::Value;
use std::fs;

const ELEMENTS: u64 = 70_001;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// Ordinary gradients: those of 1e38 overflow fp16.
fn ordinary(step: u64, i: u64) -> f32 {
    gradient(step, i).clamp(-1.0, 1.0)
}

/// Stores `one`, in one folder, and `a,b`, in two, of one model in several subgroups.
fn bench() -> Workbench {
    let bench = Workbench::new();
    bench.write("params", &model(ELEMENTS, |i| (i as f32 / 1000.0).sin()));
    bench.done("init --params params --store one --subgroup 16384");
    bench.done("init --params params --store a,b --subgroup 16384");
    bench
}

fn exported(bench: &Workbench, store: &str) -> Vec<u8> {
    bench.done(&format!("export --store {store} -o exported --state"));
    fs::read(bench.path("exported")).unwrap()
}

#[test]
fn a_step_is_that_of_the_compressed_gradients() {
    for (ratio, format) in [("0.01", "fp32"), ("0.3", "fp16"), ("1e-9", "bf16"), ("1", "fp32")] {
        let bench = bench();
        for step in 1..=2 {
            bench.write("grads", &model(ELEMENTS, |i| ordinary(step, i)));
            let line = format!("compress --store one --grads grads --ratio {ratio} --format {format} -o sent --json");
            let made = json(&bench.done(&line));
            let flags = "--clip-norm 0.5 --loss-scale 4 --json";
            let apart = json(&bench.done(&format!("step --store one --grads sent {flags}")));
            let device = if cfg!(feature = "sim") && format == "fp16" { "sim:ideal,lanes=4" } else { "soft" };
            let line = format!("step --store a,b --grads grads --top-k {ratio} --format {format} {flags}");
            let line = format!("{line} --device {device}");
            let together = json(&bench.done(&line));
            for key in ["kept", "bytes", "format"] {
                assert_eq!(together["compression"][key], made[key], "{key}");
            }
            assert_eq!((&together["norm"], &together["step"]), (&apart["norm"], &apart["step"]));
            assert!(apart["compression"].is_null());
            assert!(exported(&bench, "one") == exported(&bench, "a,b"), "{ratio}, {format}, step {step}");
        }
    }
}

#[test]
fn what_is_sent_is_told_and_nothing_of_it_stays() {
    let bench = bench();
    bench.write("grads", &model(ELEMENTS, |i| ordinary(1, i)));
    let before: Vec<_> = bench.everything().into_keys().collect();
    let text = bench.done("step --store one --grads grads --top-k 0.1 --format bf16");
    assert!(text.contains("of 70001 gradients sent, bf16, "), "{text}");
    let kept = bench.everything().into_keys().filter(|path| !before.contains(path)).collect::<Vec<_>>();
    // What any step leaves.
    assert_eq!(kept, [bench.path("one/manifest-before.toml"), bench.path("one/state-1.toml")]);
}

#[test]
fn accumulated_gradients_are_compressed_too() {
    let bench = bench();
    for number in 1..=2 {
        bench.write("grads", &model(ELEMENTS, |i| ordinary(number, i)));
        bench.done("accumulate --store a,b --grads grads");
    }
    bench.write("grads", &model(ELEMENTS, |i| ordinary(1, i) + ordinary(2, i)));
    let flags = "--top-k 0.02 --clip-norm 1 --json";
    let one = json(&bench.done(&format!("step --store one --grads grads {flags}")));
    let two = json(&bench.done(&format!("step --store a,b --accumulated {flags}")));
    assert_eq!(one["norm"], two["norm"]);
    assert!(exported(&bench, "one") == exported(&bench, "a,b"));
}

#[test]
fn gradients_that_are_not_finite_skip_the_step_as_without_it() {
    let bench = bench();
    let before = exported(&bench, "one");
    for bad in [f32::NAN, f32::INFINITY] {
        bench.write("grads", &model(ELEMENTS, |i| if i == 50_000 { bad } else { 1.0 }));
        let line = "step --store one --grads grads --top-k 0.1 --loss-scale dynamic --json";
        let done = json(&bench.done(line));
        assert_eq!((&done["skipped"], &done["nonfinite_gradients"]), (&true.into(), &1.into()), "{bad}");
    }
    assert!(exported(&bench, "one") == before);
    bench.write("grads", &model(ELEMENTS, |i| if i == 50_000 { f32::NAN } else { 1.0 }));
    bench.refused("step --store one --grads grads --top-k 0.1", &["element 50000 is NaN", "skip this step"]);
    // A value that fp16 cannot hold.
    bench.write("grads", &model(ELEMENTS, |i| if i == 50_000 { 1e6 } else { 1.0 }));
    let done = json(&bench.done("step --store one --grads grads --top-k 0.1 --format fp16 --loss-scale 2 --json"));
    assert_eq!((&done["skipped"], &done["nonfinite_gradients"]), (&true.into(), &1.into()));
}

#[test]
fn bad_requests_are_refused() {
    let bench = bench();
    bench.write("grads", &model(ELEMENTS, |i| ordinary(1, i)));
    let with = |flags: &str| format!("step --store one --grads grads {flags}");
    for ratio in ["0", "-0.1", "1.01", "nan", "inf"] {
        bench.refused(&with(&format!("--top-k {ratio}")), &["--top-k", "choose one above 0 and at most 1"]);
    }
    bench.refused(&with("--top-k some"), &["--top-k", "invalid"]);
    bench.refused(&with("--top-k 0.1 --format fp8"), &["fp16"]);
    bench.refused(&with("--format fp16"), &["--top-k"]);
    bench.refused(&with("--top-k 0.1 --memory 64K"), &["bytes of buffers at least", "--memory"]);
    bench.done("compress --store one --grads grads --ratio 0.1 -o sent");
    bench.refused("step --store one --grads sent --top-k 0.1", &["compressed already", "leave out --top-k"]);
    for (element, name) in [(ElementType::F16, "F16"), (ElementType::BF16, "BF16")] {
        let tensors = model(ELEMENTS, |_| 0.0);
        let entry = |(name, shape, _): &(&str, Vec<u64>, Vec<f32>)| TensorEntry {
            name: name.to_string(),
            shape: shape.clone(),
        };
        let entries: Vec<_> = tensors.iter().map(entry).collect();
        let file = RunWriter::create(&bench.path("halves"), element, &entries).unwrap();
        file.write(0, &vec![0; 2 * ELEMENTS as usize]).unwrap();
        file.finish().unwrap();
        let says = format!("the gradients are {name}, but --top-k takes F32");
        bench.refused("step --store one --grads halves --top-k 0.1", &[&says]);
    }
}
