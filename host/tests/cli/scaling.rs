//! Loss scales, clipping, gradients in 16 bits, and the half copy.

use crate::journey::{gradient, model};
use crate::workbench::{Tensor, Workbench};
use nearfield::safetensors::{ElementType, RunWriter, SafetensorsFile};
use nearfield::store::TensorEntry;
use nearfield_model::half::{bf16_to_f32, f32_to_bf16, f32_to_f16};
use serde_json::Value;

const ELEMENTS: u64 = 1003;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// A store, and gradients in several files.
fn workbench() -> Workbench {
    let bench = Workbench::new();
    bench.write("params.safetensors", &model(ELEMENTS, |i| (i as f32 / 100.0).cos()));
    bench.done("init --params params.safetensors --store store --lr 0.01");
    bench
}

fn grads(bench: &Workbench, name: &str, scale: f32) {
    bench.write(name, &model(ELEMENTS, |i| scale * ((i % 31) as f32 / 64.0 - 0.25)));
}

fn with_infinity(bench: &Workbench, name: &str) {
    bench.write(name, &model(ELEMENTS, |i| if i == 700 { f32::NEG_INFINITY } else { 1.0 }));
}

fn exported(bench: &Workbench) -> Vec<u8> {
    bench.done("export --store store -o exported.safetensors --state");
    std::fs::read(bench.path("exported.safetensors")).unwrap()
}

#[test]
fn a_scale_that_is_a_power_of_two_changes_nothing() {
    let (plain, scaled) = (workbench(), workbench());
    grads(&plain, "grads.safetensors", 1.0);
    grads(&scaled, "grads.safetensors", 1024.0);
    plain.done("step --store store --grads grads.safetensors");
    let done = json(&scaled.done("step --store store --grads grads.safetensors --loss-scale 1024 --json"));
    assert_eq!((done["skipped"].as_bool(), done["grad_scale"].as_f64()), (Some(false), Some(1.0 / 1024.0)));
    assert_eq!((done["loss_scale"].as_f64(), done["norm"].is_null()), (Some(1024.0), true));
    assert!(exported(&plain) == exported(&scaled));
}

#[test]
fn a_dynamic_scale_skips_halves_and_is_kept_in_the_store() {
    let bench = workbench();
    let before = exported(&bench);
    with_infinity(&bench, "bad.safetensors");
    for scale in [32_768.0, 16_384.0] {
        let ended = bench.run("step --store store --grads bad.safetensors --loss-scale dynamic --json");
        let done = json(&ended.stdout);
        assert_eq!((ended.code, done["skipped"].as_bool(), done["step"].as_u64()), (0, Some(true), Some(0)));
        assert_eq!((done["loss_scale"].as_f64(), done["nonfinite_gradients"].as_u64()), (Some(scale), Some(1)));
        assert!(ended.stderr.contains("1 gradients are infinite or NaN") && ended.stderr.contains("skipped"));
    }
    assert!(exported(&bench) == before, "a step that is skipped changes no parameter and no state");
    let text = bench.done("step --store store --grads bad.safetensors --loss-scale dynamic");
    assert!(text.contains("skipped") && text.contains("the next loss scale is 8192"), "{text}");
    grads(&bench, "grads.safetensors", 8192.0);
    let done = json(&bench.done("step --store store --grads grads.safetensors --loss-scale dynamic --json"));
    assert_eq!((done["step"].as_u64(), done["loss_scale"].as_f64()), (Some(1), Some(8192.0)));
    let plain = workbench();
    grads(&plain, "grads.safetensors", 1.0);
    plain.done("step --store store --grads grads.safetensors");
    assert!(exported(&plain) == exported(&bench));
    // A scale of the caller's is not the store's.
    let done = json(&bench.done("step --store store --grads bad.safetensors --loss-scale 2 --json"));
    assert_eq!((done["skipped"].as_bool(), done["loss_scale"].as_f64()), (Some(true), Some(2.0)));
    assert!(std::fs::read_to_string(bench.path("store/manifest.toml")).unwrap().contains("scale = 8192"));
}

#[test]
fn a_norm_is_clipped_on_every_backend_alike() {
    let run = |device: &str| {
        let bench = workbench();
        grads(&bench, "grads.safetensors", 512.0);
        let line = format!(
            "step --store store --grads grads.safetensors --loss-scale 512 --clip-norm 0.5 --device {device} --json"
        );
        let done = json(&bench.done(&line));
        let squares: f64 = (0..ELEMENTS).map(|i| ((i % 31) as f64 / 64.0 - 0.25).powi(2)).sum();
        let norm = done["norm"].as_f64().unwrap();
        assert!((norm - squares.sqrt()).abs() < 1e-6 * norm, "{norm}");
        let coefficient = (0.5 / (norm as f32 + 1e-6)).min(1.0);
        assert_eq!(done["grad_scale"].as_f64().map(|scale| scale as f32), Some(coefficient / 512.0));
        exported(&bench)
    };
    let soft = run("soft,threads=1");
    assert!(soft == run("soft"));
    #[cfg(feature = "sim")]
    assert!(soft == run("sim:ideal,lanes=4"));
}

#[test]
fn a_norm_that_is_not_finite_is_refused_without_a_loss_scale() {
    let bench = workbench();
    with_infinity(&bench, "bad.safetensors");
    let before = bench.everything();
    let ended = bench.run("step --store store --grads bad.safetensors --clip-norm 1");
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("--loss-scale 1, which skips it"), "{}", ended.stderr);
    assert!(bench.everything() == before);
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let bench = workbench();
    grads(&bench, "grads.safetensors", 1.0);
    let before = bench.everything();
    for (options, told) in [
        ("--loss-scale 0", "above 0, or `dynamic`"),
        ("--loss-scale often", "above 0, or `dynamic`"),
        ("--clip-norm -1", "finite number above 0"),
        ("--clip-norm nan", "finite number above 0"),
        ("--half fp8 --half-output x", "choose fp16 or bf16"),
        ("--half fp16", "--half-output"),
        ("--half-output x", "--half"),
        ("--half fp16 --half-output store/x", "lies in a store"),
        ("--half fp16 --half-output nowhere/x", "name another place"),
    ] {
        let ended = bench.run(&format!("step --store store --grads grads.safetensors {options}"));
        assert_eq!(ended.code, 2, "{options}: {}", ended.stderr);
        assert!(ended.stderr.contains(told), "{options}: {}", ended.stderr);
        assert!(bench.everything() == before, "{options} changed something");
    }
}

fn half_file(bench: &Workbench, name: &str, element: ElementType, tensors: &[Tensor], round: fn(f32) -> u16) {
    let entry = |t: &Tensor| TensorEntry { name: t.0.into(), shape: t.1.clone() };
    let file = RunWriter::create(&bench.path(name), element, &tensors.iter().map(entry).collect::<Vec<_>>()).unwrap();
    let rounded: Vec<u16> = tensors.iter().flat_map(|t| t.2.iter().map(|&x| round(x))).collect();
    file.write(0, bytemuck::cast_slice(&rounded)).unwrap();
    file.finish().unwrap();
}

#[test]
fn gradients_of_16_bits_are_those_they_stand_for() {
    let tensors = model(ELEMENTS, |i| gradient(3, i).clamp(-60_000.0, 60_000.0));
    for (element, round, widen) in [
        (ElementType::F16, f32_to_f16 as fn(f32) -> u16, nearfield_model::half::f16_to_f32 as fn(u16) -> f32),
        (ElementType::BF16, f32_to_bf16, bf16_to_f32),
    ] {
        let (short, wide) = (workbench(), workbench());
        half_file(&short, "grads.safetensors", element, &tensors, round);
        let rounded: Vec<Tensor> =
            tensors.iter().map(|t| (t.0, t.1.clone(), t.2.iter().map(|&x| widen(round(x))).collect())).collect();
        wide.write("grads.safetensors", &rounded);
        short.done("step --store store --grads grads.safetensors");
        wide.done("step --store store --grads grads.safetensors");
        assert!(exported(&short) == exported(&wide), "{element:?}");
    }
}

#[test]
fn the_half_copy_is_the_rounded_parameters() {
    for (name, element, round) in
        [("fp16", ElementType::F16, f32_to_f16 as fn(f32) -> u16), ("bf16", ElementType::BF16, f32_to_bf16)]
    {
        let bench = workbench();
        grads(&bench, "grads.safetensors", 1.0);
        bench.done(&format!(
            "step --store store --grads grads.safetensors --half {name} --half-output half.safetensors"
        ));
        bench.done("export --store store -o exported.safetensors");
        let half = SafetensorsFile::open_any(&bench.path("half.safetensors")).unwrap();
        let whole = SafetensorsFile::open(&bench.path("exported.safetensors")).unwrap();
        assert_eq!(half.tensors().len(), 3);
        for (tensor, info) in half.tensors().clone() {
            let wide = whole.tensors()[&tensor].clone();
            assert_eq!((info.element, &info.shape), (element, &wide.shape));
            let (mut bits, mut values) = (vec![0u16; info.elements()], vec![0.0; info.elements()]);
            half.read_part(&info, 0, bytemuck::cast_slice_mut(&mut bits)).unwrap();
            whole.read_into(&wide, &mut values).unwrap();
            assert!(bits.iter().zip(values).all(|(&bits, value)| bits == round(value)), "{name}: {tensor}");
        }
    }
}
