//! `make synth`: area and longest path of every unit and kernel, against `tests/budget.toml`.
//!
//! ```text
//! synth [--unit NAME]… [--update]
//! ```
//!
//! A kernel is synthesised with its lanes left out and counted as that plus its lanes; so are units that have a part many times, or
//! consist of it for the most part. `--update` writes the figures into the tables of the documentation. Exit codes: 0 within budget, 1 over it, 2 nothing could be said.

use nearfield_abi::kernel::smartupdate::Optimizer;
use nearfield_abi::kernel::{Kernel, KernelConfig};
use nearfield_hdl::emit::Design;
use nearfield_tests::budget::{self, synthesised, Budget, SUMS};
use nearfield_tests::synth::{area, Area, SCRIPT};
use nearfield_tests::unit_table::{markdown, replace, Row};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The unit of which a kernel has one a lane.
fn lane(kernel: Kernel) -> &'static str {
    match kernel {
        Kernel::SmartUpdate => "any_lane",
        Kernel::GradientNorm => "fp32_square_sum",
        Kernel::SmartUpdateOf(Optimizer::AdamW) => "single_lane_adamw",
        Kernel::SmartUpdateOf(Optimizer::Adam) => "single_lane_adam",
        Kernel::SmartUpdateOf(Optimizer::Adagrad) => "single_lane_adagrad",
        Kernel::SmartUpdateOf(Optimizer::Lion) => "single_lane_lion",
        Kernel::SmartUpdateOf(Optimizer::Sgd) => "single_lane_sgd",
        Kernel::SgcnAggregate => "sgcn_engine",
    }
}

/// What was asked for.
#[derive(Default)]
struct Request {
    only: Vec<String>,
    update: bool,
}

impl Request {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Request, String> {
        let mut request = Request::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--unit" => request.only.push(arguments.next().ok_or("--unit needs a name")?),
                "--update" => request.update = true,
                other => return Err(format!("what is `{other}`? usage: synth [--unit NAME]… [--update]")),
            }
        }
        if request.update && !request.only.is_empty() {
            return Err("--update writes whole tables: leave out --unit".into());
        }
        Ok(request)
    }
}

/// One synthesis.
struct Work {
    /// The key in the file of budgets.
    name: String,
    family: &'static str,
    latency: Option<usize>,
    /// The kernel this is the rest of.
    kernel: Option<KernelConfig>,
    design: Design,
}

impl Work {
    /// The module that is left out: the lane's, whatever prefix the kernel gives it.
    fn absent(&self) -> Result<Option<&str>, String> {
        let part = match self.kernel {
            // In a kernel for one optimizer the module is not called after it.
            Some(KernelConfig { kernel: Kernel::SmartUpdateOf(_), .. }) => "single_lane",
            Some(config) => lane(config.kernel),
            None => match part(&self.name) {
                Some((part, _)) => part,
                None => return Ok(None),
            },
        };
        // Constants stand behind a module's name, prefixes before it.
        let named = |module: &&str| module.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_').ends_with(part);
        let modules = self.design.artifacts.iter().filter_map(|a| a.path.strip_suffix(".v"));
        let found: Vec<&str> = modules.filter(named).collect();
        match found[..] {
            [module] => Ok(Some(module)),
            _ => Err(format!("{}: expected one module `…{part}`, found {found:?}", self.design.top)),
        }
    }
}

/// The part without which a unit is measured, and how often it has it.
fn part(unit: &str) -> Option<(&'static str, u32)> {
    SUMS.iter().find(|(whole, ..)| *whole == unit).map(|(_, part, times)| (*part, *times))
}

/// What a kernel without its lanes is called.
fn rest(config: &KernelConfig) -> String {
    format!("{}_rest", config.name())
}

/// Everything that has a budget.
fn names() -> Vec<String> {
    let units = nearfield_hdl::units().into_iter().map(|u| u.name.to_string());
    units.chain(synthesised().iter().map(rest)).collect()
}

/// What was asked for: all of it, if nothing was named.
fn chosen(only: &[String]) -> Result<Vec<Work>, String> {
    // A whole needs its parts.
    let mut named: Vec<&str> = only.iter().map(String::as_str).collect();
    let mut next = 0;
    while let Some(name) = named.get(next) {
        named.extend(part(name).map(|(part, _)| part));
        next += 1;
    }
    let wanted = |name: &str| only.is_empty() || named.contains(&name);
    let mut all = Vec::new();
    for unit in nearfield_hdl::units().into_iter().filter(|u| wanted(u.name)) {
        let design = (unit.emit)().map_err(|e| e.to_string())?;
        all.push(Work { name: unit.name.into(), family: unit.family, latency: unit.latency, kernel: None, design });
    }
    for config in synthesised().into_iter().filter(|c| wanted(&rest(c))) {
        let design = nearfield_hdl::kernel::emit(config).map_err(|e| e.to_string())?;
        all.push(Work { name: rest(&config), family: "kernel", latency: None, kernel: Some(config), design });
    }
    Ok(all)
}

/// The areas, in order of the work, on as many threads as there are cores.
fn areas(work: &[Work]) -> Vec<Result<Area, String>> {
    let results: Mutex<BTreeMap<usize, Result<Area, String>>> = Mutex::default();
    let queue = Mutex::new(work.iter().enumerate());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((index, item)) = next else { break };
                eprintln!("synth: {}", item.name);
                let found = item.absent().and_then(|absent| area(&item.design, absent));
                results.lock().unwrap_or_else(PoisonError::into_inner).insert(index, found);
            });
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

/// Prints the verdicts and says whether all are good.
fn judge(rows: &[Row], budgets: &BTreeMap<String, Budget>) -> bool {
    let mut good = true;
    for row in rows {
        let exceeded = budgets.get(&row.name).map_or(Vec::new(), |b| b.exceeded_by(&row.area));
        if !exceeded.is_empty() {
            println!("over budget: {}: {}", row.name, exceeded.join(", "));
            good = false;
        }
    }
    good
}

fn run(request: &Request) -> Result<bool, String> {
    let names = names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let budgets =
        budget::read(include_str!("../../budget.toml"), &names).map_err(|e| format!("tests/budget.toml: {e}"))?;
    if let Some(unknown) = request.only.iter().find(|o| !names.contains(&o.as_str())) {
        return Err(format!("there is no `{unknown}`; there are: {}", names.join(", ")));
    }
    let work = chosen(&request.only)?;

    let mut rows = Vec::new();
    for (item, found) in work.iter().zip(areas(&work)) {
        let area = found.map_err(|e| format!("{}: {e}", item.name))?;
        rows.push(Row { name: item.name.clone(), family: item.family, latency: item.latency, area });
    }
    // Parts of parts first.
    for (whole, part, times) in SUMS {
        let area = |name: &str| rows.iter().position(|r| r.name == name);
        if let (Some(whole), Some(part)) = (area(whole), area(part)) {
            rows[whole].area = rows[whole].area + rows[part].area * *times;
        }
    }
    for item in &work {
        let area = |name: &str| rows.iter().find(|r| r.name == name).map(|r| r.area);
        let Some(config) = item.kernel else { continue };
        if let (Some(lane), Some(rest)) = (area(lane(config.kernel)), area(&item.name)) {
            rows.push(Row {
                name: config.name(),
                family: item.family,
                latency: None,
                area: rest + lane * config.lanes,
            });
        }
    }

    println!("Yosys estimates (`{SCRIPT}`); `…_rest` is a kernel without its lanes; path in cells.\n");
    println!("{}", markdown(&rows.iter().collect::<Vec<_>>()));
    let good = judge(&rows, &budgets);
    if request.update {
        write_table("docs/units.md", &rows.iter().collect::<Vec<_>>())?;
        let main = |r: &&Row| ["float", "optimizer", "kernel"].contains(&r.family) && !r.name.ends_with("_rest");
        write_table("README.md", &rows.iter().filter(main).collect::<Vec<_>>())?;
    }
    Ok(good)
}

fn write_table(page: &str, rows: &[&Row]) -> Result<(), String> {
    let path = Path::new(ROOT).join(page);
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{page}: {e}"))?;
    let new = replace(&text, &markdown(rows)).map_err(|e| format!("{page}: {e}"))?;
    std::fs::write(&path, new).map_err(|e| format!("{page}: {e}"))
}

fn main() -> ExitCode {
    match Request::parse(std::env::args().skip(1)).and_then(|request| run(&request)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(e) => {
            eprintln!("synth: {e}");
            ExitCode::from(2)
        }
    }
}
