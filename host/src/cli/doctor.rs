//! `nearfield doctor`: what this machine has and lacks.

use super::console::Console;
use super::failure::Failure;
use anyhow::anyhow;
use clap::Args;
use nearfield::device::soft::Level;
use serde::Serialize;
use std::process::{Command, Stdio};

/// Say what this machine has, what it lacks and how to install that.
///
/// Ends with exit code 2 if something is missing that a simulated board needs.
#[derive(Args)]
#[command(after_help = "Example:\n  nearfield doctor")]
pub struct Doctor {}

/// A program this project calls.
struct Tool {
    name: &'static str,
    /// The argument that makes it print its version.
    version: &'static str,
    package: &'static str,
    needed_for: &'static str,
    /// Whether a simulated board needs it.
    required: bool,
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "verilator",
        version: "--version",
        package: "verilator",
        needed_for: "simulated boards",
        required: true,
    },
    Tool { name: "g++", version: "--version", package: "g++", needed_for: "simulated boards", required: true },
    Tool {
        name: "cmake",
        version: "--version",
        package: "cmake",
        needed_for: "building this program",
        required: false,
    },
    Tool { name: "ccache", version: "--version", package: "ccache", needed_for: "faster rebuilds", required: false },
    Tool { name: "yosys", version: "-V", package: "yosys", needed_for: "make synth, lint, formal", required: false },
    Tool { name: "z3", version: "--version", package: "z3", needed_for: "make formal, make test", required: false },
];

#[derive(Serialize)]
struct Printed {
    version: &'static str,
    cores: usize,
    vector_unit: &'static str,
    simulation: bool,
    cache_folder: Option<String>,
    /// XRT's library, where it is installed.
    xrt: Option<String>,
    /// Why `xrt:` and `xrt-emu:` cannot be used, where they cannot.
    xrt_missing: Option<String>,
    tools: Vec<Found>,
    install: Option<String>,
}

#[derive(Serialize)]
struct Found {
    name: &'static str,
    version: Option<String>,
    needed_for: &'static str,
    required: bool,
}

/// The first line of what a tool says of its version, or `None` if it is not there.
fn version_of(tool: &Tool) -> Option<String> {
    let output = Command::new(tool.name).arg(tool.version).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| text.lines().next().unwrap_or_default().trim().to_string())
}

#[cfg(feature = "sim")]
fn cache_folder() -> Option<String> {
    nearfield_sim::verilate::cache_folder().ok().map(|path| path.display().to_string())
}

#[cfg(not(feature = "sim"))]
fn cache_folder() -> Option<String> {
    None
}

/// XRT's library, or why there is none.
#[cfg(feature = "xrt")]
pub fn xrt() -> Result<String, String> {
    nearfield::device::xrt::installed().map(|library| library.display().to_string())
}

/// Why there is none.
#[cfg(not(feature = "xrt"))]
pub fn xrt() -> Result<String, String> {
    Err("not in this build (cargo feature `xrt`)".into())
}

impl Doctor {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let tools: Vec<Found> = TOOLS
            .iter()
            .map(|t| Found { name: t.name, version: version_of(t), needed_for: t.needed_for, required: t.required })
            .collect();
        let missing = TOOLS.iter().zip(&tools).filter(|(_, found)| found.version.is_none()).map(|(tool, _)| tool);
        let all = install(missing.clone());
        let required = install(missing.filter(|tool| tool.required));
        let xrt = xrt();
        let printed = Printed {
            version: env!("CARGO_PKG_VERSION"),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            vector_unit: Level::detect().name(),
            simulation: cfg!(feature = "sim"),
            cache_folder: cache_folder(),
            xrt: xrt.as_ref().ok().cloned(),
            xrt_missing: xrt.err(),
            tools,
            install: all,
        };
        console.result(&printed, || text(&printed))?;
        match required {
            Some(install) if printed.simulation => {
                Err(Failure::refused(anyhow!("simulated boards cannot be built on this machine yet; run: {install}")))
            }
            _ => Ok(()),
        }
    }
}

/// The command that installs tools, or `None` if there is nothing to install.
fn install<'a>(tools: impl Iterator<Item = &'a Tool>) -> Option<String> {
    let packages: Vec<&str> = tools.map(|tool| tool.package).collect();
    (!packages.is_empty()).then(|| format!("apt-get install {}", packages.join(" ")))
}

fn text(printed: &Printed) -> String {
    let mut text = format!("{:<14} {}\n", "nearfield", printed.version);
    text += &format!("{:<14} {} cores, {}\n", "processor", printed.cores, printed.vector_unit);
    let simulation = if printed.simulation { "in this build" } else { "not in this build (cargo feature `sim`)" };
    text += &format!("{:<14} {simulation}\n", "simulation");
    if let Some(folder) = &printed.cache_folder {
        text += &format!("{:<14} {folder}\n", "built kernels");
    }
    if let Some(xrt) = printed.xrt.as_ref().or(printed.xrt_missing.as_ref()) {
        text += &format!("{:<14} {xrt} (boards, and xrt-emu)\n", "xrt");
    }
    for tool in &printed.tools {
        let version = tool.version.as_deref().unwrap_or("missing");
        text += &format!("{:<14} {version} ({})\n", tool.name, tool.needed_for);
    }
    if let Some(install) = &printed.install {
        text += &format!("{:<14} {install}\n", "to install");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_is_missing_and_a_failing_one_too() {
        let tool = |name| Tool { name, version: "--version", package: "x", needed_for: "x", required: true };
        assert_eq!(version_of(&tool("no-such-program")), None);
        assert_eq!(version_of(&tool("false")), None);
        assert!(version_of(&tool("true")).is_some());
    }
}
