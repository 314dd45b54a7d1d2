//! `nearfield gcn train`.

use crate::workbench::Workbench;
use nearfield::safetensors::SafetensorsFile;
use serde_json::Value;

/// Trains, with `--json`.
fn json(bench: &Workbench, flags: &str) -> Value {
    serde_json::from_str(&bench.done(&format!("gcn train --dataset cora -q --json {flags}"))).unwrap()
}

#[test]
fn soft_trains_checks_and_writes_the_weights() {
    let bench = Workbench::new();
    let ended = bench.run("gcn train --dataset cora --epochs 40 --check -o model.safetensors");
    assert_eq!(ended.code, 0, "{ended:?}");
    let epochs = ended.stderr.lines().filter(|line| line.starts_with("epoch ") && line.contains("loss"));
    assert_eq!(epochs.count(), 40, "{ended:?}");
    for part in [
        "check: 40 of 40 steps identical to the specification, bit for bit",
        "cora, split 0 of seed 1: test accuracy ",
        "weights of split 0 in model.safetensors",
    ] {
        assert!(ended.stdout.contains(part), "`{part}` is not in: {}", ended.stdout);
    }
    let file = SafetensorsFile::open(&bench.path("model.safetensors")).unwrap();
    let names: Vec<&str> = file.tensors().keys().map(String::as_str).collect();
    assert_eq!(names, ["layer1.bias", "layer1.weight", "layer2.bias", "layer2.weight"]);
}

#[test]
fn json_holds_every_figure_and_depends_on_the_seed_alone() {
    let bench = Workbench::new();
    let mut first = json(&bench, "--epochs 3 --splits 2");
    assert_eq!(first["splits"].as_array().unwrap().len(), 2);
    assert_eq!((&first["steps"], &first["parameters"]), (&6.into(), &23_063.into()));
    assert_eq!((&first["optimizer"]["cycles"], &first["check"]), (&Value::Null, &Value::Null));
    assert_eq!(first["device"], "soft");
    assert!(first["test_accuracy_deviation"].is_f64());
    let mut second = json(&bench, "--epochs 3 --splits 2");
    for report in [&mut first, &mut second] {
        report["seconds"].take();
        report["optimizer"]["seconds"].take();
    }
    assert_eq!(first, second);
    assert_ne!(first["splits"], json(&bench, "--epochs 3 --splits 2 --seed 2")["splits"]);
}

#[test]
fn every_optimizer_trains_and_is_checked() {
    let bench = Workbench::new();
    for optimizer in ["adam", "adamw", "adagrad", "sgd", "lion"] {
        let report = json(&bench, &format!("--epochs 3 --check --optimizer {optimizer}"));
        assert_eq!(report["optimizer_name"], optimizer);
        assert_eq!(report["check"]["identical_steps"], 3, "{optimizer}");
    }
    let text = bench.done("gcn train --dataset cora -q --epochs 2 --optimizer sgd --momentum 0.9 --nesterov --lr 1");
    assert!(text.contains("2 sgd steps of 23063 parameters on soft"), "{text}");
}

#[test]
fn bad_requests_are_refused() {
    let bench = Workbench::new();
    std::fs::create_dir(bench.path("folder")).unwrap();
    bench.write("params", &[("w", vec![1], vec![1.0])]);
    bench.done("init --params params --store store");
    bench.refused("gcn train --dataset citeseer", &["there is no data set 'citeseer'; there is: cora"]);
    for (flags, says) in [
        ("--epochs 0", "0 is not in 1..=100000"),
        ("--splits 0", "0 is not in 1..=100000"),
        ("--lr NaN", "lr is NaN"),
        ("--weight-decay -1", "weight_decay is -1"),
        ("--optimizer rmsprop", "there is no such optimizer"),
        ("--optimizer adam --momentum 0.9", "adam has no --momentum"),
        // lr / (1 - beta1) does not fit.
        ("--lr 1e38", "so small that lr / (1 - beta1^t) fits f32"),
        ("--top-k 0", "a ratio of 0 cannot be kept; choose one above 0 and at most 1"),
        ("--top-k -0.1", "a ratio of -0.1 cannot be kept; choose one above 0 and at most 1"),
        ("--top-k 1.01", "a ratio of 1.01 cannot be kept; choose one above 0 and at most 1"),
        ("--top-k nan", "choose one above 0 and at most 1"),
        ("--top-k much", "invalid float literal"),
        ("--error-feedback", "--top-k <RATIO>"),
        ("--format bf16", "--top-k <RATIO>"),
        ("--top-k 0.1 --format fp8", "choose fp32, fp16 or bf16"),
        ("--device sim:nowhere", "there is no board `nowhere`"),
        ("-o folder", "folder is not a file"),
        ("-o absent/model.safetensors", "no file can be made in absent"),
        ("-o /dev/full", "/dev/full is not a file"),
        ("-o store/exp_avg-0.f32", "store/exp_avg-0.f32 lies in a store"),
    ] {
        bench.refused(&format!("gcn train --dataset cora {flags}"), &[says]);
    }
}

#[test]
fn a_loss_that_is_not_finite_ends_with_1_and_writes_nothing() {
    let bench = Workbench::new();
    let ended = bench.run("gcn train --dataset cora --lr 1e37 -o model.safetensors");
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
    assert!(ended.stderr.contains("training cannot go on, try a smaller learning rate"), "{ended:?}");
    assert!(bench.everything().is_empty());
}

#[test]
fn a_part_of_each_gradient_trains_and_is_counted() {
    let bench = Workbench::new();
    let flags = "--epochs 3 --splits 2 --top-k 0.01 --error-feedback --check";
    let mut first = json(&bench, flags);
    assert_eq!(first["check"]["identical_steps"], 6);
    let sent = &first["compression"];
    assert_eq!((&sent["error_feedback"], &sent["format"]), (&true.into(), &"fp32".into()));
    assert_eq!((&sent["kept_per_step"], &sent["dense_bytes_per_step"]), (&231.into(), &(4 * 23_063).into()));
    // Header, table of one chunk, and 8 groups of 32 indices of 2 bytes and 32 values of 4.
    assert_eq!(sent["bytes_per_step"], 64 + 64 + 8 * 32 * (2 + 4));
    let mut second = json(&bench, flags);
    for report in [&mut first, &mut second] {
        report["seconds"].take();
        report["optimizer"]["seconds"].take();
    }
    assert_eq!(first, second);
    assert_ne!(first["splits"], json(&bench, "--epochs 3 --splits 2 --top-k 0.01")["splits"]);

    let text = bench.done("gcn train --dataset cora -q --epochs 2 --top-k 0.1 --format bf16");
    let says = "gradients compressed without error feedback: 2306 of 23063 elements a step, bf16, ";
    assert!(text.lines().any(|line| line.starts_with(says) && line.ends_with(" bytes instead of 92252")), "{text}");
}

#[test]
fn all_of_each_gradient_gives_the_weights_of_the_gradient_as_it_is() {
    let bench = Workbench::new();
    let plain = json(&bench, "--epochs 5 -o plain.safetensors");
    assert_eq!(plain["compression"], Value::Null);
    for flags in ["--top-k 1", "--top-k 1 --error-feedback"] {
        let sent = json(&bench, &format!("--epochs 5 {flags} -o sent.safetensors"));
        assert_eq!((&sent["splits"], &sent["compression"]["kept_per_step"]), (&plain["splits"], &23_063.into()));
        let files = bench.everything();
        assert!(files[&bench.path("sent.safetensors")] == files[&bench.path("plain.safetensors")], "{flags}");
    }
}

#[test]
fn a_gradient_that_cannot_be_sent_ends_with_1_and_writes_nothing() {
    let bench = Workbench::new();
    let ended = bench.run("gcn train --dataset cora --lr 1e12 --top-k 0.01 --format fp16 -o model.safetensors");
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{ended:?}");
    for part in ["the gradient of epoch ", "a gradient is infinite in fp16; choose bf16 or fp32"] {
        assert!(ended.stderr.contains(part), "{ended:?}");
    }
    assert!(bench.everything().is_empty());
}

/// One kernel on every simulated board: each step is soft's, and so are the weights that come out.
#[cfg(feature = "sim")]
#[test]
fn simulated_boards_train_the_same_weights() {
    let bench = Workbench::new();
    let soft = json(&bench, "--epochs 3 -o soft.safetensors");
    for device in ["sim:ideal,lanes=4", "sim:hostile,lanes=4", "sim:smartssd,lanes=4"] {
        let report = json(&bench, &format!("--epochs 3 --check --device {device} -o sim.safetensors"));
        assert_eq!(report["check"], serde_json::json!({ "reference": "soft", "identical_steps": 3 }), "{device}");
        assert_eq!(report["splits"], soft["splits"], "{device}");
        let files = bench.everything();
        assert!(files[&bench.path("sim.safetensors")] == files[&bench.path("soft.safetensors")], "{device}");

        let optimizer = &report["optimizer"];
        assert_eq!((&optimizer["elements"], &optimizer["lanes"]), (&(3 * 23_063).into(), &4.into()), "{device}");
        let rate = optimizer["elements_per_lane_cycle"].as_f64().unwrap();
        let cycles = optimizer["cycles"].as_f64().unwrap();
        assert!((rate - 3.0 * 23_063.0 / 4.0 / cycles).abs() < 1e-9, "{device}: {rate} of {cycles} cycles");
        assert!(rate > 0.0 && rate <= 1.0, "{device}: {rate}");
    }
}

/// The gradient that reaches a board's kernel is the one that `soft` is given.
#[cfg(feature = "sim")]
#[test]
fn a_simulated_board_trains_the_same_weights_with_a_part_of_each_gradient() {
    let bench = Workbench::new();
    let flags = "--epochs 3 --top-k 0.01 --error-feedback --format fp16";
    let soft = json(&bench, &format!("{flags} -o soft.safetensors"));
    let sim = json(&bench, &format!("{flags} --check --device sim:ideal,lanes=4 -o sim.safetensors"));
    assert_eq!(sim["check"], serde_json::json!({ "reference": "soft", "identical_steps": 3 }));
    assert_eq!((&sim["splits"], &sim["compression"]), (&soft["splits"], &soft["compression"]));
    let files = bench.everything();
    assert!(files[&bench.path("sim.safetensors")] == files[&bench.path("soft.safetensors")]);
}
