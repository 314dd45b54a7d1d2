//! `make synth`: area and longest path of every unit and kernel, against `tests/budget.toml`.
//!
//! `synth [NAME…]` takes only those. Exit code 1: a budget is exceeded.

use nearfield_abi::kernel::KernelConfig;
use nearfield_hdl::emit::Design;
use nearfield_tests::synth::{area, Area, SCRIPT};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;

/// What a unit may cost.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    lut: u32,
    dsp: u32,
    #[serde(default)]
    bram: u32,
    path: u32,
}

type Work = (String, Option<usize>, Design);

fn designs(only: &[String]) -> Result<Vec<Work>, String> {
    let wanted = |name: &str| only.is_empty() || only.iter().any(|o| o == name);
    let mut out: Vec<Work> = Vec::new();
    for unit in nearfield_hdl::units().into_iter().filter(|u| wanted(u.name)) {
        out.push((unit.name.to_string(), unit.latency, (unit.emit)().map_err(|e| e.to_string())?));
    }
    for config in KernelConfig::all().into_iter().filter(|c| wanted(&c.name())) {
        out.push((config.name(), None, nearfield_hdl::kernel::emit(config).map_err(|e| e.to_string())?));
    }
    match only.iter().find(|o| !out.iter().any(|w| &w.0 == *o)) {
        Some(missing) => Err(format!("no unit or kernel is called `{missing}`: `nearfield kernels` lists them")),
        None => Ok(out),
    }
}

fn main() -> ExitCode {
    let only: Vec<String> = std::env::args().skip(1).collect();
    match run(&only) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(e) => {
            eprintln!("synth: {e}");
            ExitCode::from(2)
        }
    }
}

fn run(only: &[String]) -> Result<bool, String> {
    let budgets: BTreeMap<String, Budget> =
        toml::from_str(include_str!("../../budget.toml")).map_err(|e| format!("tests/budget.toml: {e}"))?;
    let work = designs(only)?;
    let names: Vec<String> = work.iter().map(|w| w.0.clone()).collect();
    let results: Mutex<BTreeMap<String, Result<Area, String>>> = Mutex::new(BTreeMap::new());
    let queue = Mutex::new(work.iter());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| loop {
                let next = queue.lock().ok().and_then(|mut q| q.next());
                let Some((name, _, design)) = next else { break };
                eprintln!("synth: {name}");
                let found = area(design);
                if let Ok(mut results) = results.lock() {
                    results.insert(name.clone(), found);
                }
            });
        }
    });
    let results = results.into_inner().map_err(|e| e.to_string())?;
    println!("Yosys estimates (`{SCRIPT}`); path in cells between registers.\n");
    println!("| unit | latency | LUT | FF | DSP | BRAM | URAM | path | budget |");
    println!("|---|--:|--:|--:|--:|--:|--:|--:|---|");
    let mut good = true;
    for (name, (_, latency, _)) in names.iter().zip(&work) {
        let found = results.get(name).ok_or("a result is missing")?.as_ref().map_err(|e| format!("{name}: {e}"))?;
        let latency = latency.map_or("–".to_string(), |l| l.to_string());
        let verdict = match budgets.get(name) {
            None => {
                good = false;
                "none: add it to tests/budget.toml".to_string()
            }
            Some(b) => {
                let over: Vec<String> = [
                    ("LUT", found.lut, b.lut),
                    ("DSP", found.dsp, b.dsp),
                    ("BRAM", found.bram, b.bram),
                    ("path", found.path, b.path),
                ]
                .iter()
                .filter(|(_, have, may)| have > may)
                .map(|(what, have, may)| format!("{what} {have} > {may}"))
                .collect();
                good &= over.is_empty();
                if over.is_empty() {
                    format!("{} LUT, {} DSP, path {}", b.lut, b.dsp, b.path)
                } else {
                    format!("EXCEEDED: {}", over.join(", "))
                }
            }
        };
        println!(
            "| {name} | {latency} | {} | {} | {} | {} | {} | {} | {verdict} |",
            found.lut, found.ff, found.dsp, found.bram, found.uram, found.path
        );
    }
    Ok(good)
}
