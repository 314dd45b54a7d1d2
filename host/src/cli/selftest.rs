//! `nearfield selftest`: does this device compute what it should?

use super::console::Console;
use super::failure::Failure;
use anyhow::anyhow;
use clap::Args;
use nearfield::device::DeviceSpec;
use nearfield::selftest::{self, Outcome, Report};
use serde::Serialize;

/// Replay the vectors that the simulated kernels pass on a device, and print a report.
///
/// Every value is compared with the specification, bit for bit. Ends with exit code 1 if a check failed. The report says
/// what a bug report needs: attach it, with --json if you like.
#[derive(Args)]
#[command(after_help = "Example:\n  nearfield selftest --device xrt:0,xclbin=smartupdate_l2.xclbin > report.txt")]
pub struct Selftest {
    #[arg(long, help = super::DEVICE, long_help = super::DEVICE_LONG)]
    device: DeviceSpec,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Printed {
    version: &'static str,
    abi_version: u32,
    system: String,
    xrt: Option<String>,
    #[serde(flatten)]
    report: Report,
}

impl Selftest {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let mut device = console.open(&self.device)?;
        let bar = console.progress("checks", 0);
        let report = selftest::run(device.as_mut(), &mut |done, all| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        });
        bar.finish_and_clear();
        let printed = Printed {
            version: env!("CARGO_PKG_VERSION"),
            abi_version: nearfield_abi::ABI_VERSION,
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            xrt: super::doctor::xrt().ok(),
            report,
        };
        console.result(&printed, || text(&printed))?;
        match printed.report.failed {
            0 => Ok(()),
            failed => Err(Failure::failed(anyhow!("{failed} of {} checks failed", printed.report.checks.len()))),
        }
    }
}

fn text(printed: &Printed) -> String {
    let Printed { version, abi_version, system, xrt, report } = printed;
    let mut lines = vec![
        format!("device    {}", report.device),
        format!("kernel    {}, configuration {}", report.kernel, report.configuration_hash),
        format!("program   nearfield {version}, ABI {abi_version}, {system}"),
    ];
    if let Some(xrt) = xrt {
        lines.push(format!("xrt       {xrt}"));
    }
    if let Some(clock) = report.clock_mhz {
        lines.push(format!("clock     {clock} MHz"));
    }
    let banks: Vec<String> = report.tensor_banks.iter().map(u32::to_string).collect();
    lines.push(format!("banks     {} in all; tensors in {}", report.bank_bytes.len(), banks.join(", ")));
    lines.push(String::new());
    for check in &report.checks {
        let (mark, why) = match &check.outcome {
            Outcome::Passed => ("passed ", None),
            Outcome::Skipped { why } => ("skipped", Some(why)),
            Outcome::Failed { what } => ("FAILED ", Some(what)),
        };
        let cycles = check.cycles.map(|cycles| format!(", {cycles} cycles")).unwrap_or_default();
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        lines.push(format!("{mark}  {}{cycles}{why}", check.name));
    }
    let Report { passed, failed, skipped, .. } = report;
    lines.push(format!("\n{passed} passed, {failed} failed, {skipped} skipped"));
    lines.join("\n")
}
