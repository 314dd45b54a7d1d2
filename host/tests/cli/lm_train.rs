//! `nearfield lm train`.

use crate::workbench::Workbench;
use nearfield::lm::Shape;
use nearfield::safetensors::SafetensorsFile;
use serde_json::Value;

/// A model that trains in no time.
const SMALL: &str = "--layers 1 --width 16 --heads 2 --context 16 --batch 2";

/// Trains, with `--json`.
fn json(bench: &Workbench, flags: &str) -> Value {
    serde_json::from_str(&bench.done(&format!("lm train -q --json {SMALL} {flags}"))).unwrap()
}

#[test]
fn it_trains_scores_both_models_and_writes_the_weights() {
    let bench = Workbench::new();
    let ended = bench.run(&format!("lm train {SMALL} --steps 40 --every 10 -o model.safetensors"));
    assert_eq!(ended.code, 0, "{ended:?}");
    let samples = ended.stderr.lines().filter(|line| line.contains("bits a byte of a part of the held-out text"));
    assert_eq!(samples.count(), 4, "{ended:?}");
    for part in [
        "the New Testament in the King James Version, seed 1: 94944 held-out bytes",
        "after 40 steps: ",
        "trigram of the same training text: 2.53",
        "40 adamw steps on soft: ",
        "weights in model.safetensors",
    ] {
        assert!(ended.stdout.contains(part), "`{part}` is not in: {}", ended.stdout);
    }
    let file = SafetensorsFile::open(&bench.path("model.safetensors")).unwrap();
    let shape = Shape { layers: 1, width: 16, heads: 2, context: 16 };
    let mut names: Vec<String> = shape.tensors().into_iter().map(|tensor| tensor.name).collect();
    names.sort();
    assert_eq!(file.tensors().keys().cloned().collect::<Vec<_>>(), names);
}

#[test]
fn json_holds_every_figure_and_depends_on_the_seed_alone() {
    let bench = Workbench::new();
    let mut reports = ["--threads 1 -o a", "--threads 3 --device soft,threads=2 -o b"].map(|flags| {
        let mut report = json(&bench, &format!("--steps 3 --every 2 {flags}"));
        assert!(report["training_bytes_per_second"].take().as_f64().unwrap() > 0.0);
        for name in ["seconds", "output", "device"] {
            report[name].take();
        }
        report["optimizer"]["seconds"].take();
        report
    });
    assert_eq!(reports[0], reports[1]);
    let report = reports[0].take();
    assert_eq!((&report["steps"], &report["resumed_at"]), (&3.into(), &0.into()));
    assert_eq!(report["samples"].as_array().unwrap().len(), 1);
    assert!(report["bits_per_byte"].as_f64().unwrap() < 8.0);
    assert!((report["trigram_bits_per_byte"].as_f64().unwrap() - 2.533).abs() < 1e-3);
    let files = bench.everything();
    assert!(files[&bench.path("a")] == files[&bench.path("b")]);
    assert_ne!(report["bits_per_byte"], json(&bench, "--steps 3 --seed 2")["bits_per_byte"]);
}

#[test]
fn a_text_of_ones_own_is_learned() {
    let bench = Workbench::new();
    std::fs::write(bench.path("a.txt"), "to be or not to be. ".repeat(30)).unwrap();
    std::fs::write(bench.path("b.txt"), "that is the question. ".repeat(30)).unwrap();
    let report = json(&bench, "--text a.txt --text b.txt --steps 2 --optimizer lion");
    assert_eq!((&report["text"], &report["optimizer_name"]), (&"a.txt, b.txt".into(), &"lion".into()));
    assert_eq!(report["held_out_bytes"], 112);
}

#[test]
fn bad_requests_are_refused() {
    let bench = Workbench::new();
    std::fs::create_dir(bench.path("folder")).unwrap();
    std::fs::write(bench.path("short.txt"), "too short").unwrap();
    for (flags, says) in [
        ("--text absent.txt", "cannot read absent.txt"),
        ("--text folder", "name a text file"),
        ("--text short.txt", "the text has 9 bytes; a context of 128 takes at least 1290"),
        ("--heads 5", "a width of 384 is not a multiple of 5 heads"),
        ("--layers 0", "the number of layers is 0; choose one from 1 to 1000"),
        ("--width 1000000", "the width is 1000000; choose one from 1 to 65536"),
        ("--batch 0", "the batch is 0; choose 1 to 4096 windows"),
        ("--width 65536 --heads 8", "GiB of memory, more than 64; choose a smaller model, context or batch"),
        ("--steps 0", "the number of steps is 0"),
        ("--threads 0", "0 is not in 1..=1024"),
        ("--clip-norm 0", "the largest norm is a finite number above 0"),
        ("--lr NaN", "lr is NaN"),
        ("--lr 1e38", "so small that lr / (1 - beta1^t) fits f32"),
        ("--optimizer lion --eps 1", "lion has no --eps"),
        ("--device sim:nowhere", "there is no board `nowhere`"),
        ("-o folder", "folder is not a file"),
        ("-o absent/model.safetensors", "no file can be made in absent"),
    ] {
        bench.refused(&format!("lm train {flags}"), &[says]);
    }
}

#[test]
fn a_loss_that_is_not_finite_ends_with_1_and_writes_nothing() {
    let bench = Workbench::new();
    let ended = bench.run(&format!("lm train {SMALL} --lr 1e30 -o model.safetensors"));
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{ended:?}");
    assert!(ended.stderr.contains("begin again with a smaller learning rate"), "{ended:?}");
    assert!(bench.everything().is_empty());
}
