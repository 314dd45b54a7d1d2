//! Proofs of handshake cells: properties in `hdl/formal`, bound around emitted Verilog, by Yosys and z3.
//!
//! A cell is proved for all inputs and all times: no assertion fails within [`STEPS`] cycles of the start, and none can fail
//! after [`INDUCTION`] cycles in which none did. Each cover statement must be reachable, so that no assertion holds only because
//! nothing ever happens.

use nearfield_hdl::emit::{emit, Design, EmitError};
use nearfield_hdl::stream::{Fifo, Register, Skid};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Cycles from the start that are searched for a failure.
pub const STEPS: &str = "12";
/// Cycles without a failure from which the next one must follow.
pub const INDUCTION: &str = "3";
/// The longest one tool may run, in seconds.
const LIMIT: &str = "600";

/// A cell that is proved, and its properties.
pub struct Cell {
    /// The cell's module and, in `hdl/formal`, its file of properties.
    pub name: &'static str,
    /// Prints it, small enough to be searched: the proof does not depend on the width of a word.
    pub emit: fn() -> Result<Design, EmitError>,
    properties: &'static str,
}

/// Properties that cells share.
const SHARED: [(&str, &str); 2] = [
    ("stream_rules.sv", include_str!("../../hdl/formal/stream_rules.sv")),
    ("stream_order.sv", include_str!("../../hdl/formal/stream_order.sv")),
];

/// Every cell that has properties.
pub const CELLS: &[Cell] = &[
    Cell {
        name: "stream_register",
        emit: || emit(&Register::<2>::default(), "stream_register", ""),
        properties: include_str!("../../hdl/formal/stream_register.sv"),
    },
    Cell {
        name: "stream_skid",
        emit: || emit(&Skid::<2>::default(), "stream_skid", ""),
        properties: include_str!("../../hdl/formal/stream_skid.sv"),
    },
    Cell {
        name: "stream_fifo",
        emit: || emit(&Fifo::<2, 2, 3>::default(), "stream_fifo", ""),
        properties: include_str!("../../hdl/formal/stream_fifo.sv"),
    },
];

/// Proves that `design`, which is `cell` or a variant of it, has the cell's properties.
///
/// # Errors
///
/// What the tools say: which assertion fails and when, or which cover statement is never reached; a missing tool.
pub fn prove(cell: &Cell, design: &Design) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).map_err(|e| format!("{name}: {e}"));
    for artifact in &design.artifacts {
        write(&artifact.path, &artifact.text)?;
    }
    for (name, text) in SHARED {
        write(name, text)?;
    }
    write("properties.sv", cell.properties)?;

    let files: Vec<&str> = design.artifacts.iter().map(|a| a.path.as_str()).collect();
    let shared = SHARED.map(|s| s.0).join(" ");
    // Memories become registers before the hierarchy goes, so that properties can name their words.
    let script = format!(
        "read_verilog {}; read_verilog -sv -formal {shared} properties.sv; hierarchy -check -top {}_properties; \
         proc; memory -nordff; memory_map; flatten; opt -full; dffunmap; opt_clean; check -assert; write_smt2 -wires problem.smt2",
        files.join(" "),
        cell.name
    );
    run(folder.path(), "yosys", "yosys", &["-q", "-p", &script])?;
    let check = |arguments: &[&str]| {
        let arguments = [&["-s", "z3"], arguments, &["problem.smt2"]].concat();
        run(folder.path(), "yosys-smtbmc", "yosys", &arguments)
    };
    run(folder.path(), "z3", "z3", &["--version"])?;
    check(&["-t", STEPS])?;
    check(&["-i", "-t", INDUCTION])?;
    check(&["-c", "-t", STEPS])
}

fn run(folder: &Path, tool: &str, package: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("timeout")
        .args([LIMIT, tool])
        .args(arguments)
        .current_dir(folder)
        .output()
        .map_err(|e| format!("timeout (coreutils) cannot be run: {e}"))?;
    match output.status.code() {
        Some(0) => Ok(()),
        Some(124) => Err(format!("{tool} took more than {LIMIT} s")),
        Some(127) => Err(format!("there is no {tool}: install the Debian package `{package}`")),
        _ => {
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            let told: Vec<&str> = said
                .lines()
                .filter(|l| ["failed", "FAILED", "Unreached", "ERROR", "error"].iter().any(|w| l.contains(w)))
                .collect();
            Err(format!(
                "{tool} {}: {}",
                arguments.join(" "),
                if told.is_empty() { said.into() } else { told.join("\n") }
            ))
        }
    }
}
