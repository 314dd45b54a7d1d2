//! `nearfield gcn train` as a person types it.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn train(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nearfield")).args(["gcn", "train"]).args(arguments).output().unwrap()
}

/// Runs a command that has to fail with this exit code and nothing on standard output, and gives its message.
fn fails(code: i32, arguments: &[&str]) -> String {
    let output = train(arguments);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
    assert!(output.stdout.is_empty());
    message
}

fn json(arguments: &[&str]) -> Value {
    let output = train(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn soft_trains_checks_and_writes_the_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let output = train(&["--dataset", "cora", "--epochs", "40", "--check", "-o", path.to_str().unwrap()]);
    let progress = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{progress}");
    assert_eq!(progress.lines().filter(|line| line.starts_with("epoch ")).count(), 40, "{progress}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("check: 40 of 40 steps identical to the specification, bit for bit"), "{text}");
    assert!(text.contains("cora, split 0 of seed 1: test accuracy "), "{text}");
    let file = nearfield::safetensors::SafetensorsFile::open(&path).unwrap();
    let names: Vec<&str> = file.tensors().keys().map(String::as_str).collect();
    assert_eq!(names, ["layer1.bias", "layer1.weight", "layer2.bias", "layer2.weight"]);
}

#[test]
fn json_holds_every_figure_and_depends_on_the_seed_alone() {
    let arguments = ["--dataset", "cora", "--epochs", "3", "--splits", "2", "--json", "-q"];
    let mut first = json(&arguments);
    assert_eq!(first["splits"].as_array().unwrap().len(), 2);
    assert_eq!((&first["steps"], &first["parameters"]), (&6.into(), &23_063.into()));
    assert_eq!(
        (&first["optimizer"]["cycles"], &first["check"], &first["device"]),
        (&Value::Null, &Value::Null, &"soft".into())
    );
    assert!(first["test_accuracy_deviation"].is_f64());
    let mut second = json(&arguments);
    for report in [&mut first, &mut second] {
        report["seconds"].take();
        report["optimizer"]["seconds"].take();
    }
    assert_eq!(first, second);
    let other = json(&["--dataset", "cora", "--epochs", "3", "--splits", "2", "--json", "-q", "--seed", "2"]);
    assert_ne!(first["splits"], other["splits"]);
}

#[test]
fn bad_requests_are_refused_before_anything_runs() {
    let message = fails(2, &["--dataset", "citeseer"]);
    assert_eq!(message, "error: there is no data set 'citeseer'; there is: cora\n");
    fails(2, &["--dataset", "cora", "--epochs", "0"]);
    fails(2, &["--dataset", "cora", "--splits", "0"]);
    assert!(fails(2, &["--dataset", "cora", "--lr", "NaN"]).contains("lr is NaN"));
    assert!(fails(2, &["--dataset", "cora", "--weight-decay", "-1"]).contains("weight_decay is -1"));
    assert!(fails(2, &["--dataset", "cora", "--device", "sim:nowhere"]).contains("nowhere"));
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    assert!(fails(2, &["--dataset", "cora", "-o", folder]).contains("is not a file"));
    let absent = format!("{folder}/absent/model.safetensors");
    assert!(fails(2, &["--dataset", "cora", "-o", &absent]).contains("no file can be made"));
    assert!(!Path::new(&absent).parent().unwrap().exists());
}

#[test]
fn a_loss_that_is_not_finite_ends_with_1_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let message = fails(1, &["--dataset", "cora", "--lr", "1e38", "-o", path.to_str().unwrap()]);
    assert!(message.contains("training cannot go on, try a smaller learning rate"), "{message}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
