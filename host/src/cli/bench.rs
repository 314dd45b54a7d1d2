//! `nearfield bench`: how fast a kernel is, and its simulation, and what the host does itself.

mod compress;

use super::console::Console;
use super::failure::Failure;
use clap::{Args, Subcommand};
use nearfield::device::{DeviceSpec, Tensors};
use nearfield::step::{step, StepReport};
use nearfield_model::optimizer::{Hyper, Optimizer};
use serde::Serialize;

/// Measure.
#[derive(Args)]
#[command(after_help = "Example:\n  nearfield bench kernel --device sim:ideal,lanes=4")]
pub struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// One optimizer step on made-up tensors.
    ///
    /// Prints the kernel's own figures and the speed of the simulation in cycles and elements a second of wall-clock
    /// time, copies to and from the device included. `soft` does a step before the one that is measured, so that the
    /// system's handing out of memory is not in the figure.
    #[command(after_help = "Example:\n  nearfield bench kernel --device sim:smartssd --elements 1000000 --json")]
    Kernel(Kernel),
    /// Find the largest elements of a made-up gradient.
    ///
    /// Prints elements a second: reading the run and nothing else, selecting, writing a stream too, and with error
    /// feedback. The fastest of several rounds counts.
    #[command(after_help = "Example:\n  nearfield bench compress --ratio 0.01 --json")]
    Compress(compress::Compress),
}

#[derive(Args)]
struct Kernel {
    #[arg(long, default_value = "sim:ideal", help = super::DEVICE, long_help = super::DEVICE_LONG)]
    device: DeviceSpec,
    /// Number of elements.
    #[arg(long, default_value_t = 1_000_003, value_parser = clap::value_parser!(u32).range(1..=1 << 30))]
    elements: u32,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Printed {
    device: String,
    simulated_cycles_per_second: Option<f64>,
    elements_per_second: f64,
    /// What the board would do at its clock.
    board_elements_per_second: Option<f64>,
    #[serde(flatten)]
    report: StepReport,
}

impl Bench {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        match self.what {
            What::Kernel(kernel) => kernel.run(console),
            What::Compress(compress) => compress.run(console),
        }
    }
}

impl Kernel {
    fn run(self, console: &Console) -> Result<(), Failure> {
        let n = self.elements as usize;
        let hyper = Hyper::of(Optimizer::AdamW);
        let k = hyper.coefficients(&hyper.next(&hyper.powers())).map_err(Failure::refused)?;
        let mut params: Vec<f32> = (0..n).map(|i| (i % 1024) as f32 / 512.0 - 1.0).collect();
        let (mut exp_avg, mut exp_avg_sq) = (vec![0.0; n], vec![0.0; n]);
        let grads: Vec<f32> = (0..n).map(|i| (i % 997) as f32 / 997.0 - 0.5).collect();
        let mut device = console.open(&self.device)?;
        let bar = console.progress("elements", n as u64);
        // Where the step runs on the host's memory, the first one measures how the system hands out pages.
        let steps = if device.in_place().is_some() { 2 } else { 1 };
        let mut report = StepReport::default();
        for _ in 0..steps {
            let states = vec![exp_avg.as_mut_slice(), &mut exp_avg_sq];
            let tensors = Tensors { params: &mut params, states, grads: (&grads).into(), half: None };
            report =
                step(device.as_mut(), &k, 1.0, tensors, &mut |done| bar.set_position(done)).map_err(Failure::failed)?;
        }
        bar.finish_and_clear();
        let rate = |count: u64| count as f64 / report.seconds;
        let printed = Printed {
            device: self.device.to_string(),
            simulated_cycles_per_second: report.cycles.map(rate),
            elements_per_second: rate(report.elements),
            board_elements_per_second: board_rate(&report),
            report,
        };
        console.result(&printed, || text(&printed))
    }
}

fn board_rate(report: &StepReport) -> Option<f64> {
    Some(report.elements as f64 / report.cycles? as f64 * report.clock_mhz? * 1e6)
}

fn text(printed: &Printed) -> String {
    let report = &printed.report;
    let mut text = format!(
        "{}: {} elements in {:.3} s, {:.3e} elements/s",
        printed.device, report.elements, report.seconds, printed.elements_per_second
    );
    if let (Some(cycles), Some(speed), Some(rate)) =
        (report.cycles, printed.simulated_cycles_per_second, report.elements_per_lane_cycle)
    {
        text += &format!("\nsimulation: {cycles} cycles, {speed:.3e} cycles/s");
        text += &format!("\nkernel: {rate:.4} elements per lane and cycle, {} lanes", report.lanes.unwrap_or_default());
    }
    if let (Some(rate), Some(clock)) = (printed.board_elements_per_second, report.clock_mhz) {
        text += &format!("\nboard: {rate:.3e} elements/s at {clock} MHz");
    }
    text
}
