//! Area and depth of emitted designs, as Yosys estimates them for UltraScale+ (`synth_xilinx -family xcup`).

use nearfield_hdl::emit::Design;
use std::collections::BTreeMap;
use std::process::Command;

/// What a design costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Area {
    /// LUTs of any size, shift registers and LUT RAM included.
    pub lut: u32,
    /// Flip-flops.
    pub ff: u32,
    /// DSP48E2.
    pub dsp: u32,
    /// RAMB36, a RAMB18 counting as half, rounded up.
    pub bram: u32,
    /// URAM288.
    pub uram: u32,
    /// Cells on the longest path between registers, RAMs, DSPs and ports; a CARRY4 is four bits of carry.
    pub path: u32,
}

/// The command whose figures these are, for people who want to repeat one.
pub const SCRIPT: &str = "synth_xilinx -family xcup -flatten -noiopad -nowidelut; \
     stat; ltp w:* t:LUT* t:CARRY4 t:MUXF* t:INV";

/// Synthesises a design.
///
/// # Errors
///
/// Yosys cannot be run or refuses the design.
pub fn area(design: &Design) -> Result<Area, String> {
    let folder = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    for artifact in &design.artifacts {
        std::fs::write(folder.path().join(&artifact.path), &artifact.text).map_err(|e| e.to_string())?;
    }
    let files: Vec<&str> = design.artifacts.iter().map(|a| a.path.as_str()).collect();
    let script = format!("read_verilog {}; hierarchy -check -top {}; {SCRIPT}", files.join(" "), design.top);
    let output = Command::new("yosys")
        .args(["-p", &script])
        .current_dir(folder.path())
        .output()
        .map_err(|e| format!("yosys cannot be run ({e}): install the Debian package `yosys`"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(format!("yosys: {}", String::from_utf8_lossy(&output.stderr)));
    }
    parse(&said)
}

/// LUTs that one LUT RAM of each kind takes.
const LUT_RAMS: &[(&str, u32)] = &[
    ("RAM32M", 4),
    ("RAM64M", 4),
    ("RAM32M16", 8),
    ("RAM64M8", 8),
    ("RAM32X1D", 2),
    ("RAM64X1D", 2),
    ("RAM128X1D", 4),
    ("RAM256X1D", 8),
];

fn parse(said: &str) -> Result<Area, String> {
    let statistics = said.rsplit("Printing statistics.").next().unwrap_or_default();
    let mut cells: BTreeMap<&str, u32> = BTreeMap::new();
    for line in statistics.lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(Ok(count)), None) = (words.next(), words.next().map(str::parse), words.next()) {
            cells.insert(name, count);
        }
    }
    if cells.is_empty() {
        return Err("yosys printed no cells".into());
    }
    let sum = |names: &dyn Fn(&str) -> bool| cells.iter().filter(|(n, _)| names(n)).map(|(_, c)| c).sum::<u32>();
    let ram: u32 = LUT_RAMS.iter().map(|(name, luts)| cells.get(name).map_or(0, |c| c * luts)).sum();
    let path = said
        .rsplit("(length=")
        .next()
        .and_then(|r| r.split(')').next())
        .and_then(|n| n.parse().ok())
        .ok_or("yosys printed no longest path")?;
    Ok(Area {
        lut: sum(&|n| n.starts_with("LUT") || n == "INV" || n.starts_with("SRL")) + ram,
        ff: sum(&|n| n.starts_with("FD")),
        dsp: sum(&|n| n.starts_with("DSP")),
        bram: sum(&|n| n.starts_with("RAMB36")) + sum(&|n| n.starts_with("RAMB18")).div_ceil(2),
        uram: sum(&|n| n.starts_with("URAM")),
        path,
    })
}
