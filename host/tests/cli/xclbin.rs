//! `nearfield xclbin info`: what it says of our file, of a broken one, and of no file.

use crate::workbench::Workbench;
use nearfield::xclbin::write;
use nearfield_abi::board::Board;
use nearfield_abi::kernel::KernelConfig;
use serde_json::{json, Value};
use std::fs;

/// A workbench with `x.xclbin`, the file of two lanes on this board.
fn with_file(board: &str) -> (Workbench, Vec<u8>) {
    let bench = Workbench::new();
    let bytes = write(&KernelConfig::smartupdate(2).unwrap(), Board::from_name(board).unwrap()).unwrap();
    fs::write(bench.path("x.xclbin"), &bytes).unwrap();
    (bench, bytes)
}

#[test]
fn our_file_as_text() {
    let (bench, _) = with_file("ideal");
    insta::assert_snapshot!(bench.done("xclbin info x.xclbin"));
}

#[test]
fn our_file_as_json() {
    let (bench, bytes) = with_file("smartssd");
    let said: Value = serde_json::from_str(&bench.done("xclbin info x.xclbin --json")).unwrap();
    assert_eq!((&said["mode"], &said["bytes"]), (&json!("hw_emu"), &json!(bytes.len())));
    assert_eq!(said["sections"][1]["kind"], "EMBEDDED_METADATA");
    assert_eq!((&said["banks"][0]["tag"], &said["banks"][0]["used"]), (&json!("bank0"), &json!(true)));
    assert_eq!(said["groups"], Value::Null);
    assert_eq!(said["units"][0]["control"], "hs");
    assert_eq!(said["kernels"][0]["arguments"][0]["qualifier"], "global");
    assert_eq!(said["drivable"][0]["name"], "smartupdate:{smartupdate_1}");
    assert_eq!(said["drivable"][0]["configurations"][1], "smartupdate_l2");
    assert_eq!(said["drivable"][0]["arguments"][4], json!({ "argument": 4, "memory": 0 }));
    assert_eq!(said["obstacles"], json!([]));
}

#[test]
fn a_file_that_cannot_be_driven_is_no_failure() {
    let (bench, bytes) = with_file("smartssd");
    let unit = bytes.windows(11).rposition(|w| w == b"smartupdate").unwrap();
    let layout = unit - "smartupdate:".len() - 16;
    let mut other = bytes.clone();
    // The control protocol of the unit.
    other[layout + 5] = 1;
    fs::write(bench.path("x.xclbin"), &other).unwrap();
    let text = bench.done("xclbin info x.xclbin");
    assert!(text.contains("this program can drive nothing in it\n  smartupdate:smartupdate_1: "), "{text}");
    assert!(text.contains("controlled by ap_ctrl_chain instead of ap_ctrl_hs"), "{text}");
    let said: Value = serde_json::from_str(&bench.done("xclbin info x.xclbin --json")).unwrap();
    assert_eq!(said["drivable"], json!([]));
    assert!(said["obstacles"][0].as_str().unwrap().contains("ap_ctrl_chain"), "{said}");
}

#[test]
fn what_is_no_xclbin_is_refused() {
    let (bench, bytes) = with_file("smartssd");
    fs::write(bench.path("short.xclbin"), &bytes[..1000]).unwrap();
    fs::write(bench.path("text"), "x".repeat(500)).unwrap();
    fs::create_dir(bench.path("folder")).unwrap();
    bench.refused(
        "xclbin info short.xclbin",
        &["short.xclbin is not a valid xclbin file: at byte 304", "copy it again"],
    );
    bench.refused("xclbin info text", &["at byte 0", "does not begin with `xclbin2`"]);
    bench.refused("xclbin info folder", &["cannot read folder", "not a regular file"]);
    bench.refused("xclbin info none.xclbin", &["cannot read none.xclbin"]);
}
