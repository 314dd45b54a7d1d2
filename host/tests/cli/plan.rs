//! `nearfield plan`: what it predicts as text and as JSON, and what it refuses.

use crate::workbench::Workbench;
use serde_json::{json, Value};
use std::fs;

const MEASURED: &str = r#"{"read_bytes_per_second": 2.2e9, "write_bytes_per_second": 1.1e9, "update_elements_per_second": 4e8, "rounds": 5}"#;

#[test]
fn a_plan_as_text() {
    insta::assert_snapshot!(Workbench::new().done("plan --params 7e9 --devices 6 --board smartssd --top-k 0.01"));
}

#[test]
fn a_plan_as_json() {
    let said = Workbench::new().done("plan --params 8.4B --devices 10 --top-k 0.01 --json");
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["parameters"], &said["devices"]), (&json!(8_400_000_000_u64), &json!(10)));
    assert_eq!(said["bytes"]["store"], json!(24 * 8_400_000_000_u64));
    assert_eq!(
        (&said["schemes"][0]["scheme"], &said["schemes"][0]["speed_up"]),
        (&json!("zero-infinity"), &json!(1.0))
    );
    let comp = &said["schemes"][3];
    assert_eq!((&comp["scheme"], &comp["stages"][3]["name"]), (&json!("smartcomp"), &json!("decompression")));
    assert!(comp["speed_up"].as_f64().unwrap() > 1.5, "{comp}");
    assert_eq!(
        (&said["compression"][0]["pays"], &said["compression"][1]["without"]),
        (&json!(true), &json!("nearfield"))
    );
}

#[test]
fn measured_figures_are_taken() {
    let bench = Workbench::new();
    fs::write(bench.path("measured.json"), MEASURED).unwrap();
    let line = "plan --params 350M --devices 1 --measured measured.json";
    let said: Value = serde_json::from_str(&bench.done(&format!("{line} --json"))).unwrap();
    assert_eq!(
        (&said["figures"]["read_bytes_per_second"], &said["figures"]["host_link_bytes_per_second"]),
        (&json!(2.2e9), &json!(8e9))
    );
    assert_eq!(said["compression"], json!([]));
    // 12 bytes a parameter written by one drive.
    let write = &said["schemes"][3]["stages"][4];
    assert_eq!(said["schemes"][3]["scheme"], "nearfield");
    assert_eq!(write["name"], "drive write");
    assert!((write["seconds"].as_f64().unwrap() - 12.0 * 350e6 / 1.1e9).abs() < 1e-9);
    let text = bench.done(line);
    assert!(text.contains("1 device, no compression"), "{text}");
    assert!(text.contains("figures: measured.json, the rest smartssd as published; a drive reads 2.20 GB"), "{text}");
}

#[test]
fn it_says_when_compression_does_not_pay() {
    let text = Workbench::new().done("plan --params 7e9 --devices 6 --top-k 0.5");
    assert!(text.contains("compression does not pay in smartcomp: +"), "{text}");
    assert!(text.contains("compression pays in nearfield-top-k: -"), "{text}");
}

#[test]
fn the_page_shows_what_the_command_prints() {
    let table = Workbench::new().done("plan --published");
    assert_eq!(table.lines().count(), 8, "{table}");
    let page = include_str!("../../../docs/plan.md");
    assert!(page.contains(table.trim_end()), "docs/plan.md does not have this table:\n{table}");
}

#[test]
fn the_page_and_the_readme_show_what_is_predicted_for_our_design() {
    let bench = Workbench::new();
    let plans = [1, 4, 6, 10].map(|devices| {
        let line = format!("plan --params 8.4B --devices {devices} --top-k 0.01 --json");
        serde_json::from_str::<Value>(&bench.done(&line)).unwrap()
    });
    let page = include_str!("../../../docs/plan.md");
    for at in 2..6 {
        let (name, bytes) =
            (&plans[0]["schemes"][at]["scheme"], &plans[0]["schemes"][at]["host_link_bytes_per_parameter"]);
        let mut row = format!("| `{}` | {:.2} |", name.as_str().unwrap(), bytes.as_f64().unwrap());
        for plan in &plans {
            row += &format!(" {:.2} |", plan["schemes"][at]["speed_up"].as_f64().unwrap());
        }
        assert!(page.contains(&row), "docs/plan.md does not have this row:\n{row}");
    }
    let text = bench.done("plan --params 8.4B --devices 10 --board smartssd --top-k 0.01");
    let shown = include_str!("../../../README.md").lines().filter(|line| line.contains("over the host link;"));
    assert_eq!(shown.inspect(|line| assert!(text.lines().any(|said| said == *line), "{line}\n{text}")).count(), 4);
}

#[test]
fn workloads_out_of_range() {
    let bench = Workbench::new();
    for (flags, says) in [
        ("--params 0 --devices 6", "0 parameters cannot be planned; name 1 to"),
        ("--params 2e15 --devices 6", "name a whole number of at most 1e15"),
        ("--params seven --devices 6", "write for example 7000000000, 7e9, 8.4B or 350M"),
        ("--params -7e9 --devices 6", "this is no number of parameters"),
        ("--params 7e9 --devices 0", "cannot lie on 0 devices; name 1 to 4096"),
        ("--params 7e9 --devices 6 --top-k 0", "choose one above 0 and at most 1"),
        ("--params 7e9 --devices 6 --top-k 1.01", "choose one above 0 and at most 1"),
        ("--params 7e9 --devices 6 --top-k -0.1", "choose one above 0 and at most 1"),
        ("--params 7e9 --devices 6 --top-k NaN", "choose one above 0 and at most 1"),
        ("--params 7e9 --devices 6 --compute -1", "cannot take -1 seconds; name a number from 0"),
        ("--params 7e9 --devices 6 --optimizer lamb", "there is no such optimizer"),
        (
            "--params 7e9 --devices 6 --board u9",
            "no published figures of a board `u9`; choose smartssd, and put your own",
        ),
        ("--devices 6", "--params"),
        ("--published --params 7e9", "cannot be used with"),
    ] {
        bench.refused(&format!("plan {flags}"), &[says]);
    }
}

#[test]
fn measured_files_that_are_none() {
    let bench = Workbench::new();
    for (name, content, says) in [
        ("cut.json", &MEASURED[..40], "cut.json is not what `nearfield bench store --json` prints; measure again"),
        ("missing.json", r#"{"read_bytes_per_second": 2e9}"#, "missing field `write_bytes_per_second`"),
        ("text.json", &MEASURED.replace("1.1e9", "\"fast\""), "invalid type: string \"fast\""),
        ("zero.json", &MEASURED.replace("1.1e9", "0"), "a write_bytes_per_second of 0, which is no rate"),
        ("below.json", &MEASURED.replace("2.2e9", "-2.2e9"), "a read_bytes_per_second of -2200000000"),
        ("huge.json", &MEASURED.replace("4e8", "1e999"), "number out of range"),
        ("list.json", "[]", "list.json is not what"),
        ("long.json", &" ".repeat(2 << 20), "has more than 1048576 bytes"),
    ] {
        fs::write(bench.path(name), content).unwrap();
        bench.refused(&format!("plan --params 7e9 --devices 6 --measured {name}"), &[says]);
    }
    fs::write(bench.path("bytes.json"), [0xff, 0xfe]).unwrap();
    bench.refused("plan --params 7e9 --devices 6 --measured bytes.json", &["bytes.json cannot be read; name a file"]);
    bench.refused("plan --params 7e9 --devices 6 --measured none.json", &["none.json cannot be read", "No such file"]);
}
