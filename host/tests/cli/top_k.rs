//! `nearfield step --top-k` and `--error-feedback`: the same store as `nearfield compress` and a step with what it makes.

use crate::journey::{gradient, model};
use crate::workbench::Workbench;
use nearfield::safetensors::{ElementType, RunWriter, SafetensorsFile};
use nearfield::source::{for_each_piece, Kept, Source};
use nearfield::store::{Store, TensorEntry};
use serde_json::Value;
use std::fs;

const ELEMENTS: u64 = 70_001;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// Ordinary gradients: those of 1e38 overflow fp16.
pub fn ordinary(step: u64, i: u64) -> f32 {
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
    // What is refused forgets no step either.
    bench.write("good", &model(ELEMENTS, |i| ordinary(1, i)));
    bench.done("step --store one --grads good");
    let after = exported(&bench, "one");
    for bad in ["--grads grads --top-k 0.1", "--grads good --memory 64K", "--grads good --device sim:nothing"] {
        bench.refused(&format!("step --store one --from-step 0 {bad}"), &[]);
        assert!(exported(&bench, "one") == after, "{bad}");
    }
    bench.done("step --store one --grads grads --from-step 0 --top-k 0.1 --loss-scale 1");
    assert!(exported(&bench, "one") == before);
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
    bench.refused(&with("--error-feedback"), &["--top-k"]);
    bench.refused(&with("--top-k 0 --error-feedback"), &["choose one above 0 and at most 1"]);
    bench.refused(&with("--top-k 0.1 --memory 64K"), &["bytes of buffers at least", "--memory"]);
    bench.done("compress --store one --grads grads --ratio 0.1 -o sent");
    bench.refused("step --store one --grads sent --top-k 0.1 --error-feedback", &["compressed already"]);
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

/// What a store has not sent.
fn unsent(bench: &Workbench, folders: &[&str]) -> Vec<f32> {
    let folders: Vec<_> = folders.iter().map(|folder| bench.path(folder)).collect();
    let store = Store::open(&folders).unwrap();
    let residual = Kept::residual(&store).unwrap().unwrap();
    let mut run = Vec::new();
    for_each_piece(&residual, store.layout(), |_, piece| {
        run.extend_from_slice(&piece.widened());
        Ok(())
    })
    .unwrap();
    residual.verify().unwrap();
    run
}

/// The same of a file that `nearfield compress` keeps.
fn residual_file(bench: &Workbench, name: &str) -> Vec<f32> {
    let file = SafetensorsFile::open(&bench.path(name)).unwrap();
    let mut run = Vec::new();
    for tensor in ["a/../weight", "b", "c"] {
        let info = file.tensors()[tensor].clone();
        let mut here = vec![0.0; info.elements()];
        file.read_into(&info, &mut here).unwrap();
        run.extend(here);
    }
    run
}

#[test]
fn what_is_not_sent_is_added_to_the_next_gradients() {
    for (ratio, format) in [("0.01", "fp16"), ("0.2", "fp32")] {
        let bench = bench();
        for step in 1..=3 {
            bench.write("grads", &model(ELEMENTS, |i| ordinary(step, i)));
            let line = format!("compress --store one --grads grads --ratio {ratio} --format {format} -o sent");
            bench.done(&format!("{line} --residual residual"));
            bench.done("step --store one --grads sent --clip-norm 0.5");
            let line = format!("step --store a,b --grads grads --top-k {ratio} --format {format} --error-feedback");
            let device = if cfg!(feature = "sim") && step == 2 { "sim:ideal,lanes=4" } else { "soft" };
            let told = json(&bench.done(&format!("{line} --clip-norm 0.5 --device {device} --json")));
            let told = &told["compression"];
            assert_eq!((&told["error_feedback"], &told["finite"]), (&true.into(), &true.into()));
            assert!(exported(&bench, "one") == exported(&bench, "a,b"), "{format}, step {step}");
            let (file, store) = (residual_file(&bench, "residual"), unsent(&bench, &["a", "b"]));
            assert!(file.iter().map(|x| x.to_bits()).eq(store.iter().map(|x| x.to_bits())), "{format}, step {step}");
        }
        bench.done("check --store a,b");
        // A step without the flag leaves it as it is.
        let before = unsent(&bench, &["a", "b"]);
        bench.done("step --store a,b --grads grads --top-k 0.01");
        bench.done("step --store a,b --grads grads");
        assert!(unsent(&bench, &["a", "b"]) == before);
    }
}

#[test]
fn accumulated_gradients_leave_a_residual_too() {
    let bench = bench();
    for round in 0..2 {
        for number in 1..=2 {
            bench.write("grads", &model(ELEMENTS, |i| ordinary(2 * round + number, i)));
            bench.done("accumulate --store a,b --grads grads");
        }
        bench.write("grads", &model(ELEMENTS, |i| ordinary(2 * round + 1, i) + ordinary(2 * round + 2, i)));
        let flags = "--top-k 0.02 --error-feedback --loss-scale 2";
        bench.done(&format!("step --store one --grads grads {flags}"));
        bench.done(&format!("step --store a,b --accumulated {flags}"));
        assert!(exported(&bench, "one") == exported(&bench, "a,b"));
        assert!(unsent(&bench, &["one"]) == unsent(&bench, &["a", "b"]));
    }
}

#[test]
fn an_infinite_value_leaves_the_residual_as_it_was() {
    let bench = bench();
    bench.write("grads", &model(ELEMENTS, |i| ordinary(1, i)));
    let line = "step --store one --grads grads --top-k 0.01 --format fp16 --error-feedback";
    bench.done(line);
    let before = unsent(&bench, &["one"]);
    bench.write("grads", &model(ELEMENTS, |i| if i == 5 { 1e6 } else { 1.0 }));
    let skipped = json(&bench.done(&format!("{line} --loss-scale 1 --json")));
    assert_eq!((&skipped["skipped"], &skipped["compression"]["finite"]), (&true.into(), &false.into()));
    assert!(unsent(&bench, &["one"]) == before);
    // Without a loss scale the step is done all the same, with what it is given.
    let text = bench.done(line);
    assert!(text.contains("what was kept stays as it was"), "{text}");
    assert!(unsent(&bench, &["one"]) == before);
    bench.done("check --store one");
    bench.done(&format!("{line} --from-step 1 --loss-scale 1024"));
}

#[test]
fn the_residual_follows_the_loss_scale() {
    let bench = bench();
    // Powers of two, so that nothing is rounded: halved by a gradient that is infinite.
    for (step, scale) in [(1, 65_536.0), (2, 32_768.0), (3, 32_768.0)] {
        let value = |i: u64| (ordinary(step, i) * 64.0).trunc() / 64.0;
        bench.write("grads", &model(ELEMENTS, value));
        bench.done("step --store one --grads grads --top-k 0.05 --error-feedback");
        if step == 2 {
            bench.write("grads", &model(ELEMENTS, |i| if i == 7 { f32::INFINITY } else { 1.0 }));
            let line = "step --store a,b --grads grads --top-k 0.05 --error-feedback --loss-scale dynamic --json";
            assert_eq!(json(&bench.done(line))["skipped"], true);
        }
        bench.write("grads", &model(ELEMENTS, |i| value(i) * scale));
        bench.done("step --store a,b --grads grads --top-k 0.05 --error-feedback --loss-scale dynamic");
        assert!(exported(&bench, "one") == exported(&bench, "a,b"), "step {step}");
    }
    let scaled: Vec<f32> = unsent(&bench, &["one"]).iter().map(|value| value * 32_768.0).collect();
    assert!(unsent(&bench, &["a", "b"]) == scaled);
}

#[test]
fn the_residual_goes_back_is_copied_and_checked_with_the_state() {
    let bench = bench();
    let step = |number: u64, store: &str, flags: &str| {
        bench.write("grads", &model(ELEMENTS, |i| ordinary(number, i)));
        bench.run(&format!("step --store {store} --grads grads --top-k 0.02 --error-feedback {flags}"))
    };
    for number in 1..=3 {
        assert_eq!(step(number, "a,b", "").code, 0);
    }
    let (third, left) = (exported(&bench, "a,b"), unsent(&bench, &["a", "b"]));
    // Done again from the step before.
    assert_eq!(step(7, "a,b", "--from-step 2").code, 0);
    assert!(exported(&bench, "a,b") != third);
    assert_eq!(step(3, "a,b", "--from-step 2").code, 0);
    assert!(exported(&bench, "a,b") == third && unsent(&bench, &["a", "b"]) == left);
    // Copies go on as the store does.
    bench.done("snapshot --store a,b --to c,d");
    bench.done("reshard --store a,b --to e --subgroup 16384");
    assert!(unsent(&bench, &["c", "d"]) == left && unsent(&bench, &["e"]) == left);
    for store in ["a,b", "c,d", "e"] {
        assert_eq!(step(4, store, "").code, 0);
    }
    let fourth = exported(&bench, "a,b");
    assert!(exported(&bench, "c,d") == fourth && exported(&bench, "e") == fourth);
    // Damage is found, by a check and by a step, and the step before is whole.
    let manifest = fs::read_to_string(bench.path("a/manifest.toml")).unwrap();
    let set = manifest.split("[generations.residual]\nset = ").nth(1).and_then(|rest| rest.chars().next()).unwrap();
    let file = bench.path(&format!("b/residual-{set}.f32"));
    let whole = fs::read(&file).unwrap();
    let before = fs::read(bench.path("a/manifest.toml")).unwrap();
    // The second is a NaN, which is not mistaken for one of the gradients.
    for word in [0x0812_3456_u32, 0x7fff_ffff] {
        let mut bytes = whole.clone();
        bytes[100..104].copy_from_slice(&word.to_le_bytes());
        fs::write(&file, &bytes).unwrap();
        let ended = step(5, "a,b", "--loss-scale dynamic");
        assert!(ended.code == 1 && ended.stderr.contains("checksums it was written with"), "{ended:?}");
        assert!(fs::read(bench.path("a/manifest.toml")).unwrap() == before);
    }
    let ended = bench.run("check --store a,b");
    assert!(ended.code == 1 && ended.stdout.contains(&format!("residual-{set}.f32: subgroup")), "{ended:?}");
    bench.done("check --store a,b --repair");
    assert!(exported(&bench, "a,b") == third && unsent(&bench, &["a", "b"]) == left);
    assert_eq!(step(4, "a,b", "").code, 0);
    assert!(exported(&bench, "a,b") == fourth);
}
