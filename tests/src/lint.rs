//! The two lints that every emitted design passes: `verilator --lint-only -Wall` and Yosys' structural checks.

use nearfield_hdl::emit::Design;
use std::path::Path;
use std::process::Command;

/// The one waiver: Vitis prescribes the port name `interrupt`, at which Verilator says "SYMRSVDWORD: Symbol matches C++
/// common word: 'interrupt'" because it renames it in its C++.
const WAIVERS: &str = "`verilator_config\nlint_off -rule SYMRSVDWORD -file \"*\" -match \"*'interrupt'*\"\n";

/// Runs both lints on a design.
///
/// # Errors
///
/// What the tools say, or that one of them cannot be run.
pub fn check(design: &Design) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    for artifact in &design.artifacts {
        std::fs::write(folder.path().join(&artifact.path), &artifact.text).map_err(|e| e.to_string())?;
    }
    let files: Vec<&str> = design.artifacts.iter().map(|a| a.path.as_str()).collect();
    verilator(folder.path(), &design.top, &files)?;
    let script = format!("read_verilog {}; hierarchy -check -top {}; proc; check -assert", files.join(" "), design.top);
    run(Command::new("yosys").args(["-q", "-p", &script]), folder.path(), "yosys")
}

/// Runs Verilator's lint in a folder; `files` are its last arguments: files, or `-F` with a list of them.
///
/// # Errors
///
/// What Verilator says, or that it cannot be run.
pub fn verilator(folder: &Path, top: &str, files: &[&str]) -> Result<(), String> {
    std::fs::write(folder.join("waivers.vlt"), WAIVERS).map_err(|e| e.to_string())?;
    let mut verilator = Command::new("verilator");
    verilator.args(["--lint-only", "-Wall", "--top-module", top, "waivers.vlt"]).args(files);
    run(&mut verilator, folder, "verilator")
}

fn run(command: &mut Command, folder: &Path, package: &str) -> Result<(), String> {
    let output = command
        .current_dir(folder)
        .output()
        .map_err(|e| format!("{package} cannot be run ({e}): install the Debian package `{package}`"))?;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() && !said.contains("Warning") {
        return Ok(());
    }
    Err(format!("{package}: {said}"))
}

/// Panics unless a design passes both lints.
pub fn assert_clean(design: &Design) {
    if let Err(said) = check(design) {
        panic!("{} is not clean:\n{said}", design.top);
    }
}
