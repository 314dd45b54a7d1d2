//! From parameters to trained parameters, and the commands that only tell.

use crate::workbench::{Ended, Tensor, Workbench};
use nearfield_model::optimizer::adamw::{self, Coefficients, Hyper};
use safetensors::SafeTensors;
use serde_json::Value;
use std::fs;
use std::process::Stdio;

/// Elements of the gradient of step `step`: ordinary, zero, subnormal and huge ones.
pub fn gradient(step: u64, i: u64) -> f32 {
    let mut z = (step << 32 | i).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ z >> 29;
    let sign = if z & 1 == 0 { 1.0 } else { -1.0 };
    sign * match z >> 1 & 7 {
        0 => 0.0,
        1 => f32::from_bits((z >> 40) as u32 & 0x007f_ffff),
        2 => f32::from_bits(0x7e00_0000 | (z >> 40) as u32 & 0x00ff_ffff),
        _ => (z >> 40) as f32 / (1 << 24) as f32,
    }
}

/// A model of `elements` parameters in three tensors, one of them a scalar.
pub fn model(elements: u64, value: impl Fn(u64) -> f32) -> Vec<Tensor> {
    let half = elements / 2;
    let data = |from: u64, to: u64| (from..to).map(&value).collect();
    vec![
        ("a/../weight", vec![half], data(0, half)),
        ("b", vec![], data(half, half + 1)),
        ("c", vec![1, elements - half - 1], data(half + 1, elements)),
    ]
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
fn ten_steps_are_those_of_the_specification() {
    let elements = 70_001;
    let bench = Workbench::new();
    let params = |i: u64| (i as f32 / 1000.0).sin();
    bench.write("params.safetensors", &model(elements, params));
    let flags = "--lr 0.01 --betas 0.9,0.95 --eps 1e-10 --weight-decay 0.1";
    let made = json(&bench.done(&format!("init --params params.safetensors --store store {flags} --json")));
    assert_eq!((made["elements"].as_u64(), made["tensors"].as_u64()), (Some(elements), Some(3)));

    let mut p: Vec<f32> = (0..elements).map(params).collect();
    let (mut m, mut v) = (vec![0.0; p.len()], vec![0.0; p.len()]);
    let hyper = Hyper { lr: 0.01, beta1: 0.9, beta2: 0.95, eps: 1e-10, weight_decay: 0.1, bias_correction: true };
    let mut powers = hyper.powers();
    for step in 1..=10 {
        bench.write("grads.safetensors", &model(elements, |i| gradient(step, i)));
        // The seventh step has a rate of its own.
        let lr = if step == 7 { "--lr 0.5" } else { "" };
        let done = json(&bench.done(&format!("step --store store --grads grads.safetensors {lr} --json")));
        assert_eq!((done["step"].as_u64(), done["elements"].as_u64()), (Some(step), Some(elements)));
        assert!(done["cycles"].is_null() && done["elements_per_lane_cycle"].is_null(), "`soft` has no cycles");
        powers = powers.next(hyper.beta1, hyper.beta2);
        let hyper = Hyper { lr: if step == 7 { 0.5 } else { 0.01 }, ..hyper };
        let grads: Vec<f32> = (0..elements).map(|i| gradient(step, i)).collect();
        adamw::step(&Coefficients::new(&hyper, &powers), &mut p, &mut m, &mut v, &grads);
    }

    let exported = json(&bench.done("export --store store -o out.safetensors --state --json"));
    assert_eq!((exported["step"].as_u64(), exported["tensors"].as_u64()), (Some(10), Some(9)));
    let bytes = fs::read(bench.path("out.safetensors")).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(header.metadata().as_ref().unwrap()["step"], "10");
    let read = SafeTensors::deserialize(&bytes).unwrap();
    for (suffix, run) in [("", &p), (".exp_avg", &m), (".exp_avg_sq", &v)] {
        let mut at = 0;
        for (name, shape, data) in model(elements, params) {
            let tensor = read.tensor(&format!("{name}{suffix}")).unwrap();
            let shape: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
            assert_eq!(tensor.shape(), shape);
            let expected = &run[at..at + data.len()];
            assert!(tensor.data() == bytemuck::cast_slice::<f32, u8>(expected), "{name}{suffix} differs");
            at += data.len();
        }
    }
    bench.done("export --store store -o again.safetensors --state");
    assert!(fs::read(bench.path("again.safetensors")).unwrap() == bytes, "an export is reproducible");
}

#[test]
fn results_are_on_standard_output_and_nothing_else_is() {
    let bench = Workbench::new();
    bench.write("params", &[("w", vec![2], vec![1.0, 2.0])]);
    for line in
        ["init --params params --store store", "step --store store --grads params", "export --store store -o out"]
    {
        let ended = bench.run(line);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "nearfield {line}");
        assert!(!ended.stdout.is_empty());
    }
}

#[test]
fn verbosity_is_for_standard_error() {
    let bench = Workbench::new();
    bench.write("params", &[("w", vec![2], vec![1.0, 2.0])]);
    bench.done("init --params params --store store");
    let said = bench.run("step --store store --grads params -v --json");
    assert!(said.stderr.contains("opened store") && said.stderr.contains("opened soft"), "{said:?}");
    assert_eq!(json(&said.stdout)["step"], 1);
    assert_eq!(bench.run("step --store store --grads params -q").stderr, "");
    bench.refused("step --store store --grads params -q -v", &["cannot be used with"]);
}

/// Who sees a step fail does it again: a step that is stored has to say so.
#[test]
fn a_step_that_is_stored_says_so_even_if_its_result_cannot_be_printed() {
    let bench = Workbench::new();
    bench.write("params", &[("w", vec![2], vec![1.0, 2.0])]);
    bench.done("init --params params --store store");
    let step = || bench.command("step --store store --grads params");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let ended: Ended = step().stdout(full).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap().into();
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stderr.contains("step 1 is stored in store; do not repeat it"), "{ended:?}");

    // A reader that has gone away, of standard output and of both.
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        writer
    };
    assert_eq!(step().stdout(closed()).status().unwrap().code(), Some(0));
    assert_eq!(step().stdout(closed()).stderr(closed()).status().unwrap().code(), Some(0));
    assert_eq!(bench.command("step --store none --grads params").stderr(closed()).status().unwrap().code(), Some(2));
    assert_eq!(json(&bench.done("step --store store --grads params --json"))["step"], 4);
}

#[test]
fn gradients_that_are_not_finite_are_applied_and_counted() {
    let bench = Workbench::new();
    bench.write("params", &[("a", vec![1], vec![0.0]), ("b", vec![3], vec![1.0, 2.0, 3.0])]);
    bench.write("grads", &[("a", vec![1], vec![0.0]), ("b", vec![3], vec![f32::NAN, 1.0, f32::NEG_INFINITY])]);
    bench.done("init --params params --store store");
    let ended = bench.run("step --store store --grads grads --json");
    assert_eq!((ended.code, &json(&ended.stdout)["nonfinite_gradients"]), (0, &2.into()), "{ended:?}");
    assert!(ended.stderr.contains("2 gradients are infinite or NaN, the first in tensor \"b\""), "{ended:?}");
    let finite = bench.run("step --store store --grads params --json");
    assert_eq!((finite.stderr.as_str(), &json(&finite.stdout)["nonfinite_gradients"]), ("", &0.into()));
}

#[test]
fn kernels_tell_lanes_ports_and_registers() {
    let bench = Workbench::new();
    let all = json(&bench.done("kernels --json"));
    let lanes: Vec<u64> = all.as_array().unwrap().iter().map(|k| k["lanes"].as_u64().unwrap()).collect();
    // `smartupdate`, `gradient_norm` and the kernels for one optimizer; engines, each with one port and with eight.
    assert_eq!(lanes, [[1, 2, 4, 8].repeat(7), vec![1, 1, 2, 2, 4, 4, 8, 8, 16, 16]].concat());
    let text = bench.done("kernels sgcn_aggregate_n4_m8");
    for part in ["m_axi_gmem7", "0x070", "row_pointers", "engine3_hazard", "cache_hits", "gmem7_write_stalls"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let text = bench.done("kernels smartupdate_l4");
    for part in ["m_axi_gmem3", "512 bits", "0x010", "step_size", "configuration_hash", "params_write_stalls"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let text = bench.done("kernels gradient_norm_l2");
    for part in [
        "gradient_norm_l2: 2 lanes",
        "0x010",
        "grad_bytes",
        "grads_read_checksum_a",
        "nonfinite",
        "0x650    608  sum_1",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!text.contains("m_axi_gmem1") && !text.contains("sum_2"), "{text}");
}

#[test]
fn help_has_an_example_for_every_command() {
    let bench = Workbench::new();
    for command in ["doctor", "kernels", "emit", "init", "step", "export", "bench", "bench kernel"] {
        let help = bench.done(&format!("{command} --help"));
        assert!(help.contains("Example:\n  nearfield "), "{command}: {help}");
        assert!(help.contains("--json"), "{command}: {help}");
    }
}

#[test]
fn bench_measures_soft_too() {
    let bench = Workbench::new();
    let figures = json(&bench.done("bench kernel --device soft --elements 1000 --json"));
    assert!(figures["runs"][0]["elements_per_second"].as_f64().unwrap() > 0.0);
    assert!(figures["runs"][0]["simulated_cycles_per_second"].is_null());
    let all = "--optimizer adamw,sgd --grads fp32,bf16,topk-fp16 --half none,fp16";
    let figures = json(&bench.done(&format!("bench kernel --device soft --elements 1000 {all} --json")));
    let runs = figures["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2 * 3 * 2);
    // 28 bytes dense in binary32; SGD without momentum has no state; a half copy is 2 more.
    let bytes = |i: usize| runs[i]["bytes_per_parameter"].as_f64().unwrap();
    assert_eq!((bytes(0), bytes(1), bytes(2), bytes(6)), (28.0, 30.0, 26.0, 12.0));
    bench.refused("bench kernel --device soft --grads topk", &["choose fp32, fp16, bf16, topk-fp32"]);
    bench.refused("bench kernel --device soft --half fp32", &["choose none, fp16 or bf16"]);
    bench.refused("bench kernel --device soft --top-k 0", &["above 0"]);
    let plot = bench.run("bench kernel --device soft --elements 1000 --plot roof.svg");
    assert_eq!(plot.code, 1);
    assert!(plot.stderr.contains("add --device sim:smartssd"), "{}", plot.stderr);
}
