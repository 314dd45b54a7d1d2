//! Proofs of units: properties in `hdl/formal`, bound around emitted Verilog, by Yosys and z3.
//!
//! A unit is proved for all inputs and all times: no assertion fails within [`Proof::steps`] cycles of the start, and none can
//! fail after [`Proof::induction`] cycles in which none did. Each cover statement must be reached within [`Proof::reach`] cycles,
//! so that no assertion holds only because nothing ever happens. [`refute`] is the test of a proof: a wrong unit must fail, and on
//! the assertion that is meant for it.

mod proofs;

pub use proofs::PROOFS;

use nearfield_hdl::emit::{Design, EmitError};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The longest one tool may run, in seconds.
const LIMIT: &str = "600";

/// A unit that is proved, and its properties.
pub struct Proof {
    /// What is proved: the unit, and its size where there are several.
    pub name: &'static str,
    /// The unit's module; its properties are the module of this name and `_properties`.
    pub unit: &'static str,
    /// Prints it, small enough to be searched.
    pub emit: fn() -> Result<Design, EmitError>,
    /// Cycles from the start that are searched for a failure; no fewer than `induction`.
    pub steps: usize,
    /// Cycles without a failure from which the next one must follow.
    pub induction: usize,
    /// Cycles from the start within which everything that must be reached is, and a wrong unit fails.
    pub reach: usize,
    properties: &'static str,
    /// Parameters of the properties.
    parameters: &'static [(&'static str, u32)],
    /// A module that the properties replace by one that may do more, so that what is proved holds for it too.
    cut: Option<&'static str>,
}

/// Properties that proofs share.
const SHARED: [(&str, &str); 3] = [
    ("stream_rules.sv", include_str!("../../../hdl/formal/stream_rules.sv")),
    ("stream_order.sv", include_str!("../../../hdl/formal/stream_order.sv")),
    ("ram_6_512.sv", include_str!("../../../hdl/formal/ram_6_512.sv")),
];

/// Proves that `design`, which is the unit of `proof`, has its properties; says how long it took.
///
/// The step of induction is taken for each assertion by itself, with all others assumed in the cycles before, which is the same
/// as taking it for all at once and takes z3 a tenth of the time.
///
/// # Errors
///
/// What the tools say: which assertion fails, or which cover statement is never reached; a missing tool.
///
/// # Panics
///
/// Where an assertion of the properties has no label, as then it would be assumed and never proved.
pub fn prove(proof: &Proof, design: &Design) -> Result<Duration, String> {
    let begin = Instant::now();
    let folder = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    let folder = folder.path();
    let labels = labels(proof.properties);
    // An assertion looks at the cycle before, and so does an assumption; one that was an assertion must look at the one before that.
    let steps: String = labels
        .iter()
        .map(|label| {
            format!(
                "design -load whole; select -assert-count 1 c:{label}; chformal -assert2assume t:$assert c:{label} %d; \
                 chformal -assume -delay 1 t:$assume @rules %d; opt_clean; write_smt2 -wires {label}.smt2; "
            )
        })
        .collect();
    let all = "write_smt2 -wires start.smt2; chformal -cover -remove; select -set rules t:$assume; design -save whole";
    compile(proof, design, folder, true, &format!("{all}; {steps}"))?;
    check(folder, "start", &["-t", &proof.steps.to_string()])?;
    for label in labels {
        check(folder, label, &["-i", "-t", &proof.induction.to_string()])?;
    }
    compile(proof, design, folder, false, "chformal -assert -remove; write_smt2 -wires reach.smt2")?;
    check(folder, "reach", &["-c", "-t", &proof.reach.to_string()])?;
    Ok(begin.elapsed())
}

/// Shows that `design`, a wrong variant of the unit of `proof`, breaks the property called `label` within the reach of the
/// proof. Nothing else is asserted.
///
/// # Errors
///
/// The property holds; a missing tool.
pub fn refute(proof: &Proof, design: &Design, label: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    let only = format!(
        "chformal -assert -remove t:$assert c:{label} %d; chformal -cover -remove; write_smt2 -wires only.smt2"
    );
    compile(proof, design, folder.path(), false, &only)?;
    match check(folder.path(), "only", &["-t", &proof.reach.to_string()]) {
        Ok(()) => Err(format!("`{label}` holds for {} cycles", proof.reach)),
        Err(said) if said.lines().any(|l| l.contains("Assert failed") && l.ends_with(&format!(": {label}"))) => Ok(()),
        Err(said) => Err(format!("`{label}` does not fail: {said}")),
    }
}

/// The labels of all assertions in `properties`.
fn labels(properties: &str) -> Vec<&str> {
    let mut parts = properties.split("assert (").collect::<Vec<_>>();
    parts.pop();
    parts
        .into_iter()
        .map(|before| {
            let word = before.strip_suffix(": ").and_then(|b| b.rsplit(|c: char| c.is_whitespace()).next());
            word.unwrap_or_else(|| panic!("an assertion without a label, after: {before}"))
        })
        .collect()
}

/// Makes a design of properties and unit in `folder` and ends with the commands `then`. `inner`: with what only induction needs to
/// know of the inside.
fn compile(proof: &Proof, design: &Design, folder: &Path, inner: bool, then: &str) -> Result<(), String> {
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).map_err(|e| format!("{name}: {e}"));
    let cut = proof.cut.map(|module| format!("{module}.v"));
    let mut files = Vec::new();
    for artifact in design.artifacts.iter().filter(|a| Some(&a.path) != cut.as_ref()) {
        write(&artifact.path, &artifact.text)?;
        files.push(artifact.path.as_str());
    }
    for (name, text) in SHARED {
        write(name, text)?;
    }
    write("properties.sv", proof.properties)?;

    let shared = SHARED.map(|s| s.0).join(" ");
    let parameters: String = proof.parameters.iter().map(|(name, value)| format!(" -chparam {name} {value}")).collect();
    // Memories become registers before the hierarchy goes, so that properties can name their words.
    let script = format!(
        "read_verilog {}; read_verilog -sv -formal {shared} properties.sv; \
         hierarchy -check -top {}_properties -chparam INNER {}{parameters}; \
         proc; memory -nordff; memory_map; flatten; opt -full; dffunmap; opt_clean; check -assert; {then}",
        files.join(" "),
        proof.unit,
        u8::from(inner)
    );
    write("script.ys", &script)?;
    run(folder, "yosys", "yosys", &["-q", "script.ys"])?;
    run(folder, "z3", "z3", &["--version"])
}

fn check(folder: &Path, problem: &str, arguments: &[&str]) -> Result<(), String> {
    let problem = format!("{problem}.smt2");
    // Without `--unroll` z3 takes minutes for what takes it seconds.
    run(folder, "yosys-smtbmc", "yosys", &[&["-s", "z3", "--unroll", "--noprogress"], arguments, &[&problem]].concat())
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
