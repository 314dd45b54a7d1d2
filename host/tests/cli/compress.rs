//! `nearfield compress`, and steps with what it makes.

use crate::journey::{gradient, model};
use crate::workbench::Workbench;
use nearfield::compress::{Amount, Compressor};
use nearfield::source::{for_each_piece, stream_name};
use nearfield::store::{Layout, TensorEntry};
use nearfield::topk::ValueFormat;
use safetensors::SafeTensors;
use serde_json::Value;
use std::fs;

const ELEMENTS: u64 = 70_001;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// Two stores of one model, and gradients of step 1.
fn bench() -> Workbench {
    let bench = Workbench::new();
    bench.write("params.safetensors", &model(ELEMENTS, |i| (i as f32 / 1000.0).sin()));
    bench.write("grads.safetensors", &model(ELEMENTS, |i| gradient(1, i)));
    for store in ["one", "two"] {
        bench.done(&format!("init --params params.safetensors --store {store}"));
    }
    bench
}

/// A file's tensors end to end.
fn flat(bench: &Workbench, name: &str) -> Vec<f32> {
    let bytes = fs::read(bench.path(name)).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    ["a/../weight", "b", "c"]
        .iter()
        .flat_map(|tensor| file.tensor(tensor).unwrap().data().to_vec())
        .collect::<Vec<u8>>()
        .chunks_exact(4)
        .map(|word| f32::from_le_bytes(word.try_into().unwrap()))
        .collect()
}

#[test]
fn a_step_is_that_of_the_expanded_gradient() {
    for (flags, amount, format) in [
        ("--ratio 1", Amount::Ratio(1.0), ValueFormat::Fp32),
        ("--ratio 0.01", Amount::Ratio(0.01), ValueFormat::Fp32),
        ("--count 777 --format bf16", Amount::Count(777), ValueFormat::Bf16),
    ] {
        let bench = bench();
        let made =
            json(&bench.done(&format!("compress --store one --grads grads.safetensors {flags} -o grads.topk --json")));
        let run: Vec<f32> = (0..ELEMENTS).map(|i| gradient(1, i)).collect();
        let kept = Compressor::new(None).select(&run, amount).unwrap();
        let mut dense = vec![0.0; run.len()];
        kept.iter().for_each(|(index, value)| dense[index as usize] = format.round(value));
        assert_eq!(made["kept"].as_u64(), Some(kept.len() as u64));
        assert_eq!((made["subgroups"].as_u64(), made["elements"].as_u64()), (Some(1), Some(ELEMENTS)));

        bench.write("dense.safetensors", &model(ELEMENTS, |i| dense[i as usize]));
        bench.done("step --store one --grads grads.topk");
        bench.done("step --store two --grads dense.safetensors");
        for store in ["one", "two"] {
            bench.done(&format!("export --store {store} --state -o {store}.safetensors"));
        }
        let read = |name| fs::read(bench.path(name)).unwrap();
        assert!(read("one.safetensors") == read("two.safetensors"), "{flags}");
    }
}

#[test]
fn what_is_not_sent_is_kept_and_sent_later() {
    let bench = bench();
    let line = "compress --store one --grads grads.safetensors --ratio 0.01 --format fp16 -o grads.topk";
    let (mut residual, compressor) = (vec![0.0; ELEMENTS as usize], Compressor::new(None));
    for step in 1..=3 {
        // Ordinary values: those of 1e38 would overflow fp16.
        let value = |i| gradient(step, i).clamp(-1.0, 1.0);
        bench.write("grads.safetensors", &model(ELEMENTS, value));
        let made = json(&bench.done(&format!("{line} --residual residual.safetensors --json")));
        assert_eq!(made["finite"].as_bool(), Some(true));
        let mut run: Vec<f32> = (0..ELEMENTS).map(value).collect();
        let sent = compressor.with_feedback(&mut run, &residual, Amount::Ratio(0.01), ValueFormat::Fp16).unwrap();
        residual = run;
        assert!(flat(&bench, "residual.safetensors") == residual);
        let mut dense = vec![0.0; residual.len()];
        sent.kept.iter().for_each(|(index, value)| dense[index as usize] = value);
        let entries = [TensorEntry { name: "all".into(), shape: vec![ELEMENTS] }];
        // One subgroup, as in the stores above.
        let layout = Layout::new(&[ELEMENTS], 1 << 24, 1);
        let source = nearfield::source::open(&bench.path("grads.topk"), &entries, &layout).unwrap();
        let mut read = Vec::new();
        for_each_piece(source.as_ref(), &layout, |_, grads| {
            read.extend_from_slice(&grads.widened());
            Ok(())
        })
        .unwrap();
        assert!(read == dense);
    }
    // An overflow leaves the residual alone.
    let before = fs::read(bench.path("residual.safetensors")).unwrap();
    bench.write("grads.safetensors", &model(ELEMENTS, |i| gradient(4, i)));
    let made = json(&bench.done(&format!("{line} --residual residual.safetensors --json")));
    assert_eq!(made["finite"].as_bool(), Some(false));
    assert!(fs::read(bench.path("residual.safetensors")).unwrap() == before);
}

#[test]
fn bad_requests_are_refused() {
    let bench = bench();
    let with = |flags: &str| format!("compress --store one --grads grads.safetensors -o grads.topk {flags}");
    for ratio in ["0", "-0.1", "1.01", "nan", "inf"] {
        bench.refused(&with(&format!("--ratio {ratio}")), &["choose one above 0 and at most 1"]);
    }
    bench.refused(&with("--count 0"), &["choose 1 to 70001"]);
    bench.refused(&with("--count 70002"), &["70002 elements cannot be kept", "choose 1 to 70001"]);
    bench.refused(&with(""), &["--ratio", "--count"]);
    bench.refused(&with("--ratio 0.1 --count 3"), &["cannot be used with"]);
    bench.refused(&with("--ratio 0.1 --format fp8"), &["fp16"]);
    bench.refused(&with("--ratio 0.1 --residual grads.safetensors"), &["name a file of its own"]);
    bench.refused(&with("--ratio 0.1 --residual grads.topk"), &["name a file of its own"]);
    bench.refused(&with("--ratio 0.1 --residual one/residual"), &["lies in a store"]);
    bench.write("grads.safetensors", &model(ELEMENTS, |i| if i == 40_000 { f32::NAN } else { 1.0 }));
    bench.refused(&with("--ratio 0.1"), &["element 40000 is NaN"]);
}

#[test]
fn bad_files_are_refused() {
    let bench = bench();
    bench.done("compress --store one --grads grads.safetensors --ratio 0.01 -o grads.topk");
    let good = fs::read(bench.path("grads.topk")).unwrap();
    let refused = |name: &str, bytes: &[u8], says: &[&str]| {
        fs::write(bench.path(name), bytes).unwrap();
        bench.refused(&format!("step --store one --grads {name}"), says);
    };
    // A bit of the last group's indices: the checksum is met before they are.
    let mut damaged = good.clone();
    let at = damaged.len() - 150;
    damaged[at] ^= 1;
    refused("damaged", &damaged, &["subgroup 0", "(chunk 1)", "checksum", "compress the gradients again"]);
    refused("cut", &good[..good.len() - 1], &["not a valid safetensors file"]);
    let write = |name: &str, streams: &[Vec<u8>]| {
        let named = streams.iter().enumerate().map(|(number, stream)| (stream_name(number), stream.as_slice()));
        nearfield::safetensors::write_bytes(&bench.path(name), &named.collect(), &Default::default()).unwrap();
    };
    let stream = |elements| nearfield::topk::encode(elements, ValueFormat::Fp32, &Default::default()).unwrap();
    write("short", &[stream(ELEMENTS - 1)]);
    bench.refused("step --store one --grads short", &["70000 elements instead of 70001"]);
    write("two-streams", &[stream(ELEMENTS), stream(1)]);
    bench.refused("step --store one --grads two-streams", &["it has 2 tensors", "1 subgroups"]);
    write("no-stream", &[b"NFTOPK01".to_vec()]);
    bench.refused("step --store one --grads no-stream", &["not a valid Top-K stream", "it ends"]);
    bench.refused("init --params grads.topk --store three", &["is U8"]);
}

#[test]
fn the_bench_prints_rates() {
    let bench = Workbench::new();
    let rates = json(&bench.done("bench compress --elements 100000 --rounds 2 --json"));
    assert_eq!(rates["kept"].as_u64(), Some(1000));
    for rate in ["read", "add", "select", "stream", "feedback"] {
        assert!(rates[format!("{rate}_gelem_per_s")].as_f64().unwrap() > 0.0);
    }
    bench.refused("bench compress --ratio 2", &["choose one above 0"]);
}
