//! Every optimizer from parameters to exported state.

use crate::journey::{gradient, model};
use crate::workbench::{Tensor, Workbench};
use nearfield_model::optimizer::{adagrad, adam, adamw, lion, sgd, Hyper};
use safetensors::SafeTensors;
use std::fs;

const ELEMENTS: u64 = 5_003;

fn parameter(i: u64) -> f32 {
    (i as f32 / 100.0).cos()
}

/// The flags of a store, what they mean, and the names of its states.
fn stores() -> Vec<(&'static str, Hyper, &'static [&'static str])> {
    let heavy = sgd::Hyper { lr: 0.1, momentum: 0.9, weight_decay: 0.01, ..sgd::Hyper::default() };
    let moments = &["exp_avg", "exp_avg_sq"];
    vec![
        (
            "--optimizer adam --lr 0.01 --weight-decay 5e-4",
            Hyper::Adam(adam::Hyper { lr: 0.01, weight_decay: 5e-4, ..adam::Hyper::default() }),
            moments,
        ),
        (
            "--optimizer adam --betas 0.8,0.95 --eps 1e-6 --no-bias-correction",
            Hyper::Adam(adam::Hyper {
                beta1: 0.8,
                beta2: 0.95,
                eps: 1e-6,
                bias_correction: false,
                ..adam::Hyper::default()
            }),
            moments,
        ),
        ("", Hyper::AdamW(adamw::Hyper::default()), moments),
        (
            "--optimizer adagrad --lr 0.1 --eps 1e-6 --weight-decay 0.1",
            Hyper::Adagrad(adagrad::Hyper { lr: 0.1, eps: 1e-6, weight_decay: 0.1 }),
            &["exp_avg_sq"],
        ),
        (
            "--optimizer lion --betas 0.95,0.98 --weight-decay 0.5",
            Hyper::Lion(lion::Hyper { beta1: 0.95, beta2: 0.98, weight_decay: 0.5, ..lion::Hyper::default() }),
            &["exp_avg"],
        ),
        ("--optimizer sgd --lr 0.5", Hyper::Sgd(sgd::Hyper { lr: 0.5, ..sgd::Hyper::default() }), &[]),
        (
            "--optimizer sgd --lr 0.1 --momentum 0.9 --weight-decay 0.01 --dampening 0.9",
            Hyper::Sgd(sgd::Hyper { dampening: 0.9, ..heavy }),
            &["momentum_buffer"],
        ),
        (
            "--optimizer sgd --lr 0.1 --momentum 0.9 --weight-decay 0.01 --nesterov",
            Hyper::Sgd(sgd::Hyper { nesterov: true, ..heavy }),
            &["momentum_buffer"],
        ),
    ]
}

/// Whether a file has these tensors under their names with a suffix, bit for bit.
fn holds(file: &SafeTensors<'_>, tensors: &[Tensor], suffix: &str, run: &[f32]) -> bool {
    let mut rest = run;
    tensors.iter().all(|(name, _, data)| {
        let (here, after) = rest.split_at(data.len());
        rest = after;
        file.tensor(&format!("{name}{suffix}")).unwrap().data() == bytemuck::cast_slice::<f32, u8>(here)
    })
}

#[test]
fn steps_are_those_of_the_specification_and_the_state_is_exported_by_name() {
    let bench = Workbench::new();
    let tensors = model(ELEMENTS, parameter);
    bench.write("params", &tensors);
    for (flags, hyper, names) in stores() {
        let name = hyper.optimizer().name();
        let made = bench.done(&format!("init --params params --store store {flags}"));
        assert!(made.contains(&format!("3 tensors, {name}, step 0")), "{made}");
        let mut params: Vec<f32> = (0..ELEMENTS).map(parameter).collect();
        let mut states = vec![vec![0.0; params.len()]; names.len()];
        let mut powers = hyper.powers();
        for step in 1..=3 {
            bench.write("grads", &model(ELEMENTS, |i| gradient(step, i)));
            // The second step has a rate of its own.
            let lr = if step == 2 { 0.25 } else { hyper.lr() };
            let line = format!("step --store store --grads grads --optimizer {name} --lr {lr} --json");
            let done: serde_json::Value = serde_json::from_str(&bench.done(&line)).unwrap();
            assert_eq!((&done["optimizer"], &done["step"]), (&name.into(), &step.into()));
            powers = hyper.next(&powers);
            let grads: Vec<f32> = (0..ELEMENTS).map(|i| gradient(step, i)).collect();
            let mut slices: Vec<&mut [f32]> = states.iter_mut().map(Vec::as_mut_slice).collect();
            hyper.with_lr(lr).coefficients(&powers).unwrap().step(&mut params, &mut slices, &grads);
        }
        bench.done("export --store store -o out --state");
        let bytes = fs::read(bench.path("out")).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        assert_eq!(header.metadata().as_ref().unwrap()["step"], "3");
        let file = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(file.len(), tensors.len() * (1 + names.len()), "{flags}: {:?}", file.names());
        assert!(holds(&file, &tensors, "", &params), "{flags}: the parameters differ");
        for (state, run) in names.iter().zip(&states) {
            assert!(holds(&file, &tensors, &format!(".{state}"), run), "{flags}: {state} differs");
            assert!(bench.path("store").join(format!("{state}-1.f32")).is_file());
        }
        bench.done("export --store store -o out");
        assert_eq!(SafeTensors::deserialize(&fs::read(bench.path("out")).unwrap()).unwrap().len(), tensors.len());
        // Two sets of runs with a part each, and no states of other optimizers; lock and two manifests.
        let files = fs::read_dir(bench.path("store")).unwrap().count();
        assert_eq!(files, 2 * (2 + names.len()) + 3, "{flags}");
        fs::remove_dir_all(bench.path("store")).unwrap();
    }
}

#[test]
fn a_store_of_another_version_is_refused() {
    let bench = Workbench::new();
    bench.write("params", &[("w", vec![2], vec![1.0, 2.0])]);
    bench.done("init --params params --store store");
    let manifest = bench.path("store/manifest.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let refused = |version: &str, says: &[&str]| {
        fs::write(&manifest, text.replace("version = 4", version).replace("adamw", "adamz")).unwrap();
        bench.refused("step --store store --grads params", says);
    };
    refused("version = 3", &["it has version 3", "nearfield import"]);
    refused("version = 9", &["it has version 9, but this program knows version 4"]);
}

#[test]
fn help_lists_every_flag_with_its_default() {
    let bench = Workbench::new();
    let help = bench.done("init --help");
    for line in [
        "adam     --lr 1e-3 --betas 0.9,0.999 --eps 1e-8 --weight-decay 0 [--no-bias-correction]",
        "adagrad  --lr 0.01 --eps 1e-10 --weight-decay 0",
        "sgd      --lr 1e-3 --momentum 0 --dampening 0 --weight-decay 0 [--nesterov]",
        "lion     --lr 1e-4 --betas 0.9,0.99 --weight-decay 0",
    ] {
        assert!(help.contains(line), "{line} is not in {help}");
    }
    assert!(bench
        .done("gcn train --help")
        .contains("adam     --lr 0.01 --betas 0.9,0.999 --eps 1e-8 --weight-decay 5e-4"));
}
