//! Verilator and the C++ compiler: finding them, running them, reading what they say.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use nearfield_hdl::emit::Design;

use super::cache::Key;
use super::error::{io, BuildError};
use super::{apart, bridge, Options};

/// The library's name in its folder.
pub(super) const LIBRARY_FILE: &str = "design.so";

/// Two translation units a design: code that runs every cycle, optimised, and code that runs once, not.
const FAST: &str = "fast.cpp";
const SLOW: &str = "slow.cpp";

/// Flags of every compilation. Symbols are hidden and none is `unique`, or the loader would bind one design's model to
/// another's code, all of which have the same names.
const COMPILE: &[&str] = &[
    "-std=c++14",
    "-fPIC",
    "-fvisibility=hidden",
    "-fno-gnu-unique",
    "-w",
    "-DVL_USER_FATAL",
    "-DVM_COVERAGE=0",
    "-DVM_SC=0",
];
/// A kernel of four lanes compiles in 5 seconds instead of 13 and runs at 0.8 of the speed of `-O2`; a test or a run of the
/// main job simulates too few cycles to win that back.
const COMPILE_FAST: &str = "-O1";
/// Of a design with units apart ([`apart`]) there is less to compile, and it runs 1.6 times as fast.
const COMPILE_APART: &str = "-O2";
const COMPILE_RUNTIME: &str = "-O2";
const COMPILE_SLOW: &str = "-O0";

/// Flags of a library of one source, whose symbols are for others.
const LIBRARY: &[&str] = &["-std=c++14", "-shared", "-fPIC", "-O2", "-Wall", "-Werror"];

/// Ports that are words of C++ are legal Verilog; the bridge knows how Verilator renames them.
const VERILATE: &[&str] = &["--cc", "-Wno-SYMRSVDWORD", "-O3", "--no-timing", "--prefix", "Vm", "--Mdir", "model"];

/// The tools of this machine.
pub(super) struct Tools {
    verilator_version: String,
    compiler_version: String,
    include: PathBuf,
    ccache: bool,
}

/// What the run-time library, and with it every design, is built from.
pub(super) struct RuntimeKey(String);

impl RuntimeKey {
    /// Versions and flags as text.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// The same as a key.
    pub(super) fn key(&self) -> Key {
        Key::of([self.text()])
    }
}

impl Tools {
    /// The tools, asked for their versions once a process: that takes longer than loading a built design.
    pub(super) fn find() -> Result<&'static Tools, BuildError> {
        static FOUND: OnceLock<Tools> = OnceLock::new();
        match FOUND.get() {
            Some(tools) => Ok(tools),
            None => Tools::ask().map(|tools| FOUND.get_or_init(|| tools)),
        }
    }

    fn ask() -> Result<Tools, BuildError> {
        let (verilator_version, include) = ask_verilator()?;
        let compiler_version = ask("g++", "g++", &["-dumpfullversion", "-dumpmachine"])?;
        let ccache = Command::new("ccache").arg("--version").output().is_ok_and(|o| o.status.success());
        Ok(Tools { verilator_version, compiler_version, include, ccache })
    }

    /// What decides the run-time library.
    pub(super) fn runtime_key(&self, options: &Options) -> RuntimeKey {
        RuntimeKey(format!(
            "{}|{}|{}|{VERILATE:?}|{COMPILE:?}|{COMPILE_RUNTIME}|{COMPILE_FAST}|{COMPILE_APART}|{COMPILE_SLOW}|{options:?}",
            self.verilator_version,
            self.compiler_version,
            self.include.display()
        ))
    }

    /// Compiles Verilator's run-time library into `folder`.
    pub(super) fn build_runtime(&self, options: &Options, folder: &Path) -> Result<(), BuildError> {
        let mut jobs = Vec::new();
        for name in runtime_units(options) {
            let source = self.include.join(format!("{name}.cpp"));
            let object = format!("{name}.o");
            jobs.push(self.compile(folder, options, COMPILE_RUNTIME, source.as_os_str(), &object)?);
        }
        jobs.into_iter().try_for_each(|job| finish(job, "g++", "Verilator's run-time library"))
    }

    /// Verilates, compiles and links `design` in `folder`, and leaves the Verilog and the library there.
    pub(super) fn build_design(
        &self,
        design: &Design,
        options: &Options,
        runtime: &Path,
        folder: &Path,
    ) -> Result<(), BuildError> {
        tracing::info!(design = design.top, ?options, "building with Verilator");
        let write = |path: &Path, text: &str| fs::write(path, text).map_err(io("cannot write", path));
        for artifact in &design.artifacts {
            write(&folder.join(&artifact.path), &artifact.text)?;
        }
        let mut verilator = Command::new("verilator");
        verilator.current_dir(folder).args(VERILATE).args(["--top-module", &design.top]);
        verilator.args(if options.randomize {
            ["--x-assign", "unique", "--x-initial", "unique"]
        } else {
            ["--x-assign", "0", "--x-initial", "0"]
        });
        if options.trace {
            verilator.args(["--trace-fst", "--trace-structs"]);
        }
        let apart = apart::configuration(design);
        if let Some(apart) = &apart {
            write(&folder.join("apart.vlt"), apart)?;
            verilator.arg("apart.vlt");
        }
        verilator.args(design.artifacts.iter().map(|a| &a.path));
        finish(start(&mut verilator, "verilator", "verilator")?, "verilator", &design.top)?;

        let (mut fast, mut slow) = (Vec::new(), Vec::new());
        let model = folder.join("model");
        let header = model.join("Vm.h");
        let header = fs::read_to_string(&header).map_err(io("cannot read", &header))?;
        for file in fs::read_dir(&model).map_err(io("cannot read", &model))? {
            let name = file.map_err(io("cannot read", &model))?.file_name().to_string_lossy().into_owned();
            if name.ends_with(".cpp") {
                let is_slow = ["Slow", "__Syms", "__Trace"].iter().any(|s| name.contains(s)) && !is_hot_trace(&name);
                if is_slow { &mut slow } else { &mut fast }.push(format!("#include \"{name}\"\n"));
            }
        }
        // The order of a folder's entries is the file system's; the compiler's cache wants the same text each time.
        fast.sort();
        slow.sort();
        write(&model.join(FAST), &(fast.concat() + &bridge::source(design, &header)))?;
        write(&model.join(SLOW), &slow.concat())?;
        let optimise = if apart.is_some() { COMPILE_APART } else { COMPILE_FAST };
        let jobs = [
            self.compile(&model, options, optimise, OsStr::new(FAST), "fast.o")?,
            self.compile(&model, options, COMPILE_SLOW, OsStr::new(SLOW), "slow.o")?,
        ];
        jobs.into_iter().try_for_each(|job| finish(job, "g++", &design.top))?;

        let mut link = Command::new("g++");
        link.current_dir(&model).args(["-shared", "-Wl,--no-undefined", "-o", "../design.so", "fast.o", "slow.o"]);
        link.args(runtime_units(options).map(|name| runtime.join(format!("{name}.o")))).arg("-pthread");
        if options.trace {
            link.arg("-lz");
        }
        finish(start(&mut link, "g++", "g++")?, "g++", &design.top)?;
        // What is between Verilog and library is ten times as large as they are, and nobody looks at it.
        fs::remove_dir_all(&model).map_err(io("cannot delete", &model))
    }

    /// What decides a library that is compiled from one source.
    pub(super) fn library_key(&self) -> String {
        format!("{}|{LIBRARY:?}", self.compiler_version)
    }

    /// Compiles `source` into `NAME.so` in `folder`, and leaves the source there.
    pub(super) fn build_library(&self, name: &str, source: &str, folder: &Path) -> Result<(), BuildError> {
        let file = format!("{name}.cpp");
        let path = folder.join(&file);
        fs::write(&path, source).map_err(io("cannot write", &path))?;
        let mut compile = Command::new("g++");
        compile.current_dir(folder).args(LIBRARY).arg(format!("-o{name}.so")).arg(file);
        finish(start(&mut compile, "g++", "g++")?, "g++", name)
    }

    /// Starts the compiler in `folder`, on relative paths, so that ccache finds what another folder compiled.
    fn compile(
        &self,
        folder: &Path,
        options: &Options,
        optimise: &str,
        source: &OsStr,
        object: &str,
    ) -> Result<Child, BuildError> {
        let mut command = Command::new(if self.ccache { "ccache" } else { "g++" });
        if self.ccache {
            command.arg("g++");
        }
        let switch = |name: &str, on: bool| format!("-D{name}={}", u8::from(on));
        command
            .current_dir(folder)
            .args(COMPILE)
            .arg(optimise)
            .args([switch("VM_TRACE", options.trace), switch("VM_TRACE_FST", options.trace)])
            .args([switch("VM_TRACE_VCD", false), switch("NF_RANDOMIZE", options.randomize)])
            .arg("-I")
            .arg(&self.include)
            .arg("-I")
            .arg(self.include.join("vltstd"))
            .args(["-I", ".", "-c", "-o", object])
            .arg(source);
        start(&mut command, "g++", "g++")
    }
}

/// Verilator's version, and the folder of its run-time library's sources. `verilator` is a script that takes longer to start
/// than a kernel to load; where the program it runs lies beside it and knows its root, that is asked instead.
fn ask_verilator() -> Result<(String, PathBuf), BuildError> {
    const ROOT: [&str; 2] = ["--getenv", "VERILATOR_ROOT"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folder = std::env::split_paths(&path).find(|folder| folder.join("verilator").is_file());
    if let Some(program) = folder.map(|folder| folder.join("verilator_bin")).filter(|program| program.is_file()) {
        let answer = |arguments: &[&str]| {
            let output = Command::new(&program).args(arguments).stdin(Stdio::null()).output().ok()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
        };
        if let (Some(version), Some(root)) = (answer(&["--version"]), answer(&ROOT)) {
            let include = PathBuf::from(root).join("include");
            if include.join("verilated.cpp").is_file() {
                return Ok((version, include));
            }
        }
    }
    let root = ask("verilator", "verilator", &ROOT)?;
    Ok((ask("verilator", "verilator", &["--version"])?, PathBuf::from(root).join("include")))
}

/// What a tool says of itself.
fn ask(tool: &'static str, package: &'static str, arguments: &[&str]) -> Result<String, BuildError> {
    let output = start(Command::new(tool).args(arguments), tool, package)?
        .wait_with_output()
        .map_err(io("cannot run", Path::new(tool)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(BuildError::Tool {
            command: format!("{tool} {}", arguments.join(" ")),
            log: useful(&said, &output.status.to_string()),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_string())
}

/// The files that dump a model's waves run every cycle; those that declare them run once.
fn is_hot_trace(name: &str) -> bool {
    name.contains("__Trace") && !name.contains("Slow")
}

fn runtime_units(options: &Options) -> impl Iterator<Item = &'static str> {
    ["verilated", "verilated_threads"].into_iter().chain(options.trace.then_some("verilated_fst_c"))
}

fn start(command: &mut Command, tool: &'static str, package: &'static str) -> Result<Child, BuildError> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|e| match e.kind() {
        ErrorKind::NotFound => BuildError::MissingTool { tool, package },
        _ => io("cannot run", Path::new(tool))(e),
    })
}

fn finish(job: Child, tool: &'static str, top: &str) -> Result<(), BuildError> {
    let output = job.wait_with_output().map_err(io("cannot run", Path::new(tool)))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    if text.contains("zlib.h") || text.contains("cannot find -lz") {
        return Err(BuildError::MissingTool { tool: "zlib.h", package: "zlib1g-dev" });
    }
    Err(BuildError::Refused { tool, top: top.to_string(), log: useful(&text, &output.status.to_string()) })
}

/// The first lines of a log that say what is wrong; Verilator adds advice on how to silence it.
fn useful(log: &str, status: &str) -> String {
    const LINES: usize = 30;
    let lines: Vec<&str> =
        log.lines().filter(|l| !l.trim().is_empty() && !l.trim_start().starts_with("...")).take(LINES).collect();
    if lines.is_empty() {
        format!("no message ({status})")
    } else {
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_names_its_package() {
        let error = start(&mut Command::new("a-tool-nobody-has"), "verilator", "verilator").unwrap_err().to_string();
        assert_eq!(error, "`verilator` was not found; install it: apt-get install verilator");
    }

    #[test]
    fn a_tool_that_fails_says_so() {
        let error = ask("sh", "dash", &["-c", "echo broken >&2; exit 3"]).unwrap_err().to_string();
        assert!(error.contains("sh -c") && error.contains("broken"), "{error}");
        let error = ask("sh", "dash", &["-c", "exit 3"]).unwrap_err().to_string();
        assert!(error.contains("exit status: 3"), "{error}");
        assert_eq!(ask("sh", "dash", &["-c", "echo ' 5.006 '"]).unwrap(), "5.006");
    }

    #[test]
    fn advice_is_left_out_of_a_log() {
        let log = "%Warning-WIDTH: a.v:1:2: Operator\n    1 | x\n      ... For warning description see\n\n";
        assert_eq!(useful(log, "1"), "%Warning-WIDTH: a.v:1:2: Operator\n    1 | x");
        assert_eq!(useful("", "exit status: 3"), "no message (exit status: 3)");
    }
}
