//! `nearfield bench kernel`: what a step costs, on every device, optimizer and format that is named.

use super::super::console::Console;
use super::super::failure::Failure;
use super::super::optimizer::optimizer;
use super::super::output::refuse_unwritable;
use super::roofline;
use clap::Args;
use nearfield::compress::{Amount, Compressor};
use nearfield::device::{Device, DeviceKind, DeviceSpec, Tensors};
use nearfield::gradients::{GradientRun, Gradients, HalfCopy, HalfFormat};
use nearfield::step::{step, StepReport};
use nearfield::topk::ValueFormat;
use nearfield_abi::board::Board;
use nearfield_model::optimizer::{Hyper, Optimizer};
use serde::Serialize;
use std::path::PathBuf;
use std::str::FromStr;

#[derive(Args)]
pub struct Kernel {
    /// Devices, each with its own lanes; may be repeated.
    #[arg(long, default_value = "sim:ideal", long_help = super::super::DEVICE_LONG)]
    device: Vec<DeviceSpec>,
    /// Optimizers.
    #[arg(long, value_delimiter = ',', value_name = "NAME", default_value = "adamw", value_parser = optimizer)]
    optimizer: Vec<Optimizer>,
    /// Formats of the gradients: fp32, fp16, bf16, topk-fp32, topk-fp16, topk-bf16.
    #[arg(long, value_delimiter = ',', value_name = "FORMAT", default_value = "fp32")]
    grads: Vec<GradFormat>,
    /// Half-precision copies of the parameters: none, fp16, bf16.
    #[arg(long, value_delimiter = ',', value_name = "FORMAT", default_value = "none")]
    half: Vec<Half>,
    /// The part of the gradients that a Top-K stream keeps, above 0 and at most 1.
    #[arg(long, value_name = "K", default_value_t = 0.01)]
    top_k: f64,
    /// Kernel clocks in MHz; without it each device's own.
    #[arg(long, value_delimiter = ',', value_name = "MHZ")]
    clock: Vec<f64>,
    /// Number of elements.
    #[arg(long, default_value_t = 1_000_003, value_parser = clap::value_parser!(u32).range(1..=1 << 30))]
    elements: u32,
    /// Draw the runs on boards whose memory has a peak under their rooflines, as SVG.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// A format of gradients.
#[derive(Clone, Copy, Debug)]
struct GradFormat {
    sparse: bool,
    values: ValueFormat,
}

impl FromStr for GradFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<GradFormat, String> {
        let (sparse, values) = match text.strip_prefix("topk-") {
            Some(values) => (true, values),
            None => (false, text),
        };
        let values = values.parse().map_err(|_| "choose fp32, fp16, bf16, topk-fp32, topk-fp16 or topk-bf16")?;
        Ok(GradFormat { sparse, values })
    }
}

/// A half copy, or none.
#[derive(Clone, Copy, Debug)]
struct Half(Option<HalfFormat>);

impl FromStr for Half {
    type Err = String;

    fn from_str(text: &str) -> Result<Half, String> {
        match text {
            "none" => Ok(Half(None)),
            _ => text.parse().map(|format| Half(Some(format))).map_err(|_| "choose none, fp16 or bf16".into()),
        }
    }
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Printed {
    runs: Vec<Run>,
}

/// One run.
#[derive(Serialize)]
pub struct Run {
    /// The device.
    pub device: String,
    /// The optimizer.
    pub optimizer: &'static str,
    /// The gradients' format.
    pub grads: String,
    /// The half copy's.
    pub half: Option<HalfFormat>,
    /// What the kernel reads and writes, divided by the number of parameters.
    pub bytes_per_parameter: f64,
    /// Parameters a second at the kernel's clock.
    pub board_parameters_per_second: Option<f64>,
    /// And bytes.
    pub board_bytes_per_second: Option<f64>,
    /// Of the memory's peak.
    pub share_of_peak: Option<f64>,
    /// The memory's peak.
    pub peak_bytes_per_second: Option<f64>,
    /// Cycles that were simulated in a second of wall-clock time.
    pub simulated_cycles_per_second: Option<f64>,
    /// Elements in a second of wall-clock time.
    pub elements_per_second: f64,
    /// The step.
    #[serde(flatten)]
    pub report: StepReport,
}

/// Made-up gradients in a format.
fn gradients(dense: &[f32], format: GradFormat, ratio: f64) -> anyhow::Result<GradientRun> {
    if format.sparse {
        let kept = Compressor::default().select(dense, Amount::Ratio(ratio))?;
        return Ok(GradientRun::top_k(dense.len() as u64, format.values, &kept)?);
    }
    Ok(GradientRun::dense(dense, format.values))
}

impl Kernel {
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let n = self.elements as usize;
        Amount::Ratio(self.top_k).of(n as u64).map_err(Failure::refused)?;
        if let Some(plot) = &self.plot {
            refuse_unwritable(plot).map_err(Failure::refused)?;
        }
        // Values that repeat would put all that is kept side by side.
        let dense: Vec<f32> =
            (0..n as u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 8) as f32 / 8_388_608.0 - 1.0).collect();
        let grads: Vec<GradientRun> = self
            .grads
            .iter()
            .map(|&format| gradients(&dense, format, self.top_k))
            .collect::<Result<_, _>>()
            .map_err(Failure::refused)?;
        let mut runs = Vec::new();
        for spec in &self.device {
            let clocks = if self.clock.is_empty() {
                vec![spec.clock_mhz]
            } else {
                self.clock.iter().copied().map(Some).collect()
            };
            for clock_mhz in clocks {
                let spec = DeviceSpec { clock_mhz, ..spec.clone() };
                let mut device = console.open(&spec)?;
                for &optimizer in &self.optimizer {
                    for grads in &grads {
                        let grads = grads.parts()[0];
                        for half in &self.half {
                            runs.push(one(device.as_mut(), &spec, optimizer, grads, half.0, console)?);
                        }
                    }
                }
            }
        }
        if let Some(plot) = &self.plot {
            roofline::draw(plot, &runs).map_err(Failure::failed)?;
        }
        let printed = Printed { runs };
        console.result(&printed, || printed.runs.iter().map(text).collect::<Vec<_>>().join("\n"))
    }
}

fn one(
    device: &mut dyn Device,
    spec: &DeviceSpec,
    optimizer: Optimizer,
    grads: Gradients<'_>,
    half: Option<HalfFormat>,
    console: &Console,
) -> Result<Run, Failure> {
    let n = grads.len();
    let hyper = Hyper::of(optimizer);
    let k = hyper.coefficients(&hyper.next(&hyper.powers())).map_err(Failure::refused)?;
    let mut params: Vec<f32> = (0..n).map(|i| (i % 1024) as f32 / 512.0 - 1.0).collect();
    let mut states = vec![vec![0.0; n]; hyper.states().len()];
    let mut copy = vec![0; n];
    let bar = console.progress("elements", n as u64);
    // Where the step runs on the host's memory, the first one measures how the system hands out pages.
    let steps = if device.in_place().is_some() { 2 } else { 1 };
    let mut report = StepReport::default();
    for _ in 0..steps {
        let half = half.map(|format| HalfCopy { format, into: &mut copy });
        let states = states.iter_mut().map(Vec::as_mut_slice).collect();
        let tensors = Tensors { params: &mut params, states, grads, half };
        report = step(device, &k, 1.0, tensors, &mut |done| bar.set_position(done)).map_err(Failure::failed)?;
    }
    bar.finish_and_clear();
    let read_and_written = 8 * (1 + states.len()) as u64 + if half.is_some() { 2 } else { 0 };
    let bytes_per_parameter = read_and_written as f64 + grads.byte_length() as f64 / n as f64;
    let rate = report.cycles.zip(report.clock_mhz).map(|(cycles, mhz)| n as f64 / cycles as f64 * mhz * 1e6);
    let bytes = rate.map(|rate| rate * bytes_per_parameter);
    let peak = board(spec).and_then(|board| board.peak_bytes_per_second);
    Ok(Run {
        device: spec.to_string(),
        optimizer: optimizer.name(),
        grads: grads.name(),
        half,
        bytes_per_parameter,
        board_parameters_per_second: rate,
        board_bytes_per_second: bytes,
        share_of_peak: bytes.zip(peak).map(|(bytes, peak)| bytes / peak),
        peak_bytes_per_second: peak,
        simulated_cycles_per_second: report.cycles.map(|cycles| cycles as f64 / report.seconds),
        elements_per_second: n as f64 / report.seconds,
        report,
    })
}

fn board(spec: &DeviceSpec) -> Option<&'static Board> {
    match spec.kind {
        DeviceKind::Sim(board) | DeviceKind::XrtEmulated(board) => Some(board),
        DeviceKind::Soft | DeviceKind::XrtIndex(_) | DeviceKind::XrtBdf(_) => None,
    }
}

fn text(run: &Run) -> String {
    let Run { device, optimizer, grads, report, .. } = run;
    let half = run.half.map_or_else(|| "no half copy".into(), |half| format!("half copy {half}"));
    let mut text = format!(
        "{device}: {optimizer}, gradients {grads}, {half}: {} elements in {:.3} s, {:.3e} elements/s",
        report.elements, report.seconds, run.elements_per_second
    );
    if let (Some(cycles), Some(speed), Some(rate)) =
        (report.cycles, run.simulated_cycles_per_second, report.elements_per_lane_cycle)
    {
        text += &format!("\n  simulation: {cycles} cycles, {speed:.3e} cycles/s");
        text +=
            &format!("\n  kernel: {rate:.4} elements per lane and cycle, {} lanes", report.lanes.unwrap_or_default());
    }
    if let (Some(rate), Some(bytes), Some(clock)) =
        (run.board_parameters_per_second, run.board_bytes_per_second, report.clock_mhz)
    {
        text += &format!("\n  board: {:.3} Gparam/s at {clock} MHz, {:.2} GB/s", rate / 1e9, bytes / 1e9);
        text += &run.share_of_peak.map(|share| format!(", {:.1} % of the peak", 100.0 * share)).unwrap_or_default();
        text += &format!(", {:.2} bytes a parameter", run.bytes_per_parameter);
        let stalls: Vec<String> = report.stalls.iter().map(|(name, cycles)| format!("{name} {cycles}")).collect();
        text += &format!("\n  stalled cycles: {}", stalls.join(", "));
    }
    text
}
