//! Area and depth of emitted designs, as Yosys estimates them for UltraScale+ (`synth_xilinx -family xcup`).
//!
//! Nothing here says what clock a design reaches on a device: the path is a number of cells, not of nanoseconds.

use nearfield_hdl::emit::Design;
use std::fs;
use std::io::Write;
use std::ops::{Add, Mul};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a design costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Area {
    /// LUTs of any size, inverters, shift registers and LUT RAM included.
    pub lut: u32,
    /// Flip-flops.
    pub ff: u32,
    /// DSP48E2.
    pub dsp: u32,
    /// Halves of a RAMB36: a RAMB18 is one, a RAMB36 two.
    pub bram_halves: u32,
    /// URAM288.
    pub uram: u32,
    /// Cells on the longest path between registers and ports. A CARRY4 is four bits of carry; flip-flops, DSPs, RAMs and
    /// shift registers end a path.
    pub path: u32,
}

impl Area {
    /// RAMB36, rounded up.
    pub fn bram(&self) -> u32 {
        self.bram_halves.div_ceil(2)
    }
}

impl Add for Area {
    type Output = Area;

    /// Two parts side by side, with registers between them.
    fn add(self, other: Area) -> Area {
        Area {
            lut: self.lut + other.lut,
            ff: self.ff + other.ff,
            dsp: self.dsp + other.dsp,
            bram_halves: self.bram_halves + other.bram_halves,
            uram: self.uram + other.uram,
            path: self.path.max(other.path),
        }
    }
}

impl Mul<u32> for Area {
    type Output = Area;

    /// The same part several times.
    fn mul(self, times: u32) -> Area {
        Area {
            lut: self.lut * times,
            ff: self.ff * times,
            dsp: self.dsp * times,
            bram_halves: self.bram_halves * times,
            uram: self.uram * times,
            path: self.path,
        }
    }
}

/// The commands whose figures these are, for people who want to repeat one.
///
/// Plain `ltp` runs through flip-flops; the selection keeps it to combinational cells.
pub const SCRIPT: &str = "synth_xilinx -family xcup -flatten -noiopad -nowidelut; \
     tee -q -o report stat; tee -q -a report ltp w:* t:LUT* t:CARRY4 t:MUXF* t:INV";

/// The longest a synthesis may take, in seconds.
const LIMIT: &str = "1800";

/// Synthesises a design; `absent` is a module that is left out, its instances not counted and its ports ends of paths.
///
/// A design whose text was synthesised before by the same Yosys is looked up under `target/synth`.
///
/// # Errors
///
/// Yosys cannot be run, refuses the design, runs past half an hour, or uses a cell that is not known here.
pub fn area(design: &Design, absent: Option<&str>) -> Result<Area, String> {
    let version = yosys(Path::new("."), &["-V"])?;
    let key = key([version.as_str(), SCRIPT, &design.top, absent.unwrap_or("")]
        .into_iter()
        .chain(design.artifacts.iter().flat_map(|a| [a.path.as_str(), a.text.as_str()])));
    let kept = kept_reports()?.join(format!("{}-{key:032x}", design.top));
    let report = match fs::read_to_string(&kept) {
        Ok(report) => report,
        Err(_) => {
            let report = synthesise(design, absent)?;
            keep(&kept, &report).map_err(|e| format!("{}: {e}", kept.display()))?;
            report
        }
    };
    parse(&report, absent)
}

/// Runs Yosys in a folder of its own and returns its report.
fn synthesise(design: &Design, absent: Option<&str>) -> Result<String, String> {
    let folder = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    for artifact in &design.artifacts {
        fs::write(folder.path().join(&artifact.path), &artifact.text).map_err(|e| format!("{}: {e}", artifact.path))?;
    }
    let files: Vec<&str> = design.artifacts.iter().map(|a| a.path.as_str()).collect();
    let leave_out = absent.map_or(String::new(), |module| format!("blackbox {module}; "));
    let script = format!("read_verilog {}; {leave_out}hierarchy -check -top {}; {SCRIPT}", files.join(" "), design.top);
    yosys(folder.path(), &["-q", "-p", &script])?;
    fs::read_to_string(folder.path().join("report")).map_err(|e| format!("yosys left no report: {e}"))
}

fn yosys(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("timeout")
        .args([LIMIT, "yosys"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .map_err(|e| format!("timeout (coreutils) cannot be run: {e}"))?;
    match output.status.code() {
        Some(0) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Some(124) => Err(format!("yosys took more than {LIMIT} s")),
        Some(127) => Err("there is no yosys: install the Debian package `yosys`".into()),
        _ => Err(format!("yosys: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

/// 128-bit FNV-1a of the parts with their lengths.
fn key<'a>(parts: impl Iterator<Item = &'a str>) -> u128 {
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for part in parts {
        for byte in (part.len() as u64).to_le_bytes().into_iter().chain(part.bytes()) {
            hash = (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
    hash
}

fn kept_reports() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/synth");
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    Ok(folder)
}

/// Writes a report whole or not at all.
fn keep(path: &Path, report: &str) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(report.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

/// LUTs that one LUT RAM of each kind takes (UltraScale Architecture CLB User Guide, UG574: distributed RAM).
const LUT_RAMS: &[(&str, u32)] = &[
    ("RAM32X1S", 1),
    ("RAM64X1S", 1),
    ("RAM32X1D", 2),
    ("RAM64X1D", 2),
    ("RAM128X1D", 4),
    ("RAM256X1D", 8),
    ("RAM32M", 4),
    ("RAM64M", 4),
    ("RAM32M16", 8),
    ("RAM64M8", 8),
];

fn count(area: &mut Area, cell: &str, number: u32) -> Result<(), String> {
    let starts = |names: &[&str]| names.iter().any(|n| cell.starts_with(n));
    if let Some((_, luts)) = LUT_RAMS.iter().find(|(name, _)| *name == cell) {
        area.lut += luts * number;
    } else if starts(&["LUT", "SRL"]) || cell == "INV" {
        area.lut += number;
    } else if starts(&["FD"]) {
        area.ff += number;
    } else if cell == "DSP48E2" {
        area.dsp += number;
    } else if starts(&["RAMB36"]) {
        area.bram_halves += 2 * number;
    } else if starts(&["RAMB18"]) {
        area.bram_halves += number;
    } else if cell == "URAM288" {
        area.uram += number;
    } else if !starts(&["CARRY", "MUXF", "BUFG"]) {
        return Err(format!(
            "yosys used {number} cells of `{cell}`, which tests/src/synth.rs does not know how to count"
        ));
    }
    Ok(())
}

/// Reads what `stat` and `ltp` print.
fn parse(report: &str, absent: Option<&str>) -> Result<Area, String> {
    if let Some(line) = report.lines().find(|l| l.contains("Detected loop")) {
        return Err(format!("a combinational loop: {line}"));
    }
    let mut area = Area::default();
    let (_, cells) = report.split_once("Number of cells:").ok_or("yosys printed no statistics")?;
    for line in cells.lines().skip(1) {
        let mut words = line.split_whitespace();
        match (words.next(), words.next().map(str::parse), words.next()) {
            (Some(cell), Some(Ok(_)), None) if Some(cell) == absent => {}
            (Some(cell), Some(Ok(number)), None) => count(&mut area, cell, number)?,
            _ => break,
        }
    }
    area.path = report
        .rsplit_once("(length=")
        .and_then(|(_, rest)| rest.split(')').next()?.parse().ok())
        .ok_or("yosys printed no longest path")?;
    Ok(area)
}
