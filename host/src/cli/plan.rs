//! `nearfield plan`: what a step of training will cost, before it is run.

use super::console::Console;
use super::failure::Failure;
use super::optimizer::optimizer;
use clap::Args;
use nearfield::plan::{
    parse_count, plan, published, CountError, Figures, FiguresError, Overlap, Phase, Plan as Planned, PlanError,
    Prediction, Stage, Workload,
};
use nearfield_model::optimizer::Optimizer;
use serde_json::json;
use std::path::PathBuf;

/// Predict bytes, seconds and what binds in a training step with its state on drives.
///
/// Compares ZeRO-Infinity (RAID0, the optimizer on the CPU), SmartUpdate and SmartComp as they were published, and this
/// project's own step. A model of bytes and rates; docs/plan.md says what it assumes and how far it is from what was published.
#[derive(Args)]
#[command(after_help = "Example:\n  nearfield plan --params 7e9 --devices 6 --board smartssd --top-k 0.01\n  \
nearfield plan --params 8.4B --devices 10 --top-k 0.01 --compute 12 --json\n  \
nearfield plan --params 350M --devices 2 --measured measured.json\n  nearfield plan --published\n\n\
The file of --measured has what `nearfield bench store --json` prints: one JSON object with read_bytes_per_second and \
write_bytes_per_second (one device, plain I/O), update_elements_per_second (the update alone) and, if it was measured, \
host_link_bytes_per_second. They take the place of the board's published figures.")]
pub struct Plan {
    /// Parameters of the model: 7000000000, 7e9, 8.4B or 350M.
    #[arg(long, value_name = "N", value_parser = count, required_unless_present = "published", allow_hyphen_values = true)]
    params: Option<u64>,
    /// Drives, each with a device beside it.
    #[arg(long, value_name = "N", required_unless_present = "published")]
    devices: Option<u32>,
    /// The board whose published figures are taken: smartssd.
    #[arg(long, value_name = "BOARD", default_value = "smartssd")]
    board: String,
    /// A file of measured figures, to take the place of published ones.
    #[arg(long, value_name = "FILE")]
    measured: Option<PathBuf>,
    /// The optimizer, with its default hyper-parameters (plan sgd with momentum as lion: it has one state too).
    #[arg(long, value_name = "NAME", default_value = "adamw", value_parser = optimizer)]
    optimizer: Optimizer,
    /// The part of the gradients that is kept, above 0 and at most 1; without it no scheme with compression is planned.
    #[arg(long, value_name = "K", allow_hyphen_values = true)]
    top_k: Option<f64>,
    /// Seconds of forward and backward on your GPU, without moving gradients; without it, those of the published machine.
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true)]
    compute: Option<f64>,
    /// Print published speed-ups beside those that the model predicts.
    #[arg(long, conflicts_with_all = ["params", "devices", "optimizer", "top_k", "compute", "measured"])]
    published: bool,
}

fn count(text: &str) -> Result<u64, CountError> {
    parse_count(text)
}

// Nothing runs and nothing is written, so whatever is wrong was refused.
impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Failure {
        Failure::refused(error)
    }
}

impl From<FiguresError> for Failure {
    fn from(error: FiguresError) -> Failure {
        Failure::refused(error)
    }
}

impl Plan {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let figures = Figures::of_board(&self.board)?;
        if self.published {
            let compared = published::compare(&figures)?;
            return console.result(&json!({ "speed_ups": compared }), || table(&compared));
        }
        let figures = match &self.measured {
            Some(path) => figures.with_measured(path)?,
            None => figures,
        };
        let workload = Workload {
            // The parser sees to it that they are there.
            parameters: self.params.unwrap_or(0),
            devices: self.devices.unwrap_or(0),
            optimizer: self.optimizer,
            top_k: self.top_k,
            compute_seconds: self.compute,
        };
        let planned = plan(&workload, &figures)?;
        let source = match &self.measured {
            Some(path) => format!("{}, the rest {} as published", path.display(), self.board),
            None => format!("{} as published", self.board),
        };
        console.result(&planned, || text(&planned, &source))
    }
}

/// Bytes in a unit that shows them; a unit is a power of 1000.
fn size(bytes: f64) -> String {
    match bytes {
        b if b >= 1e7 => format!("{:.2} GB", b / 1e9),
        b if b >= 1e4 => format!("{:.2} MB", b / 1e6),
        b => format!("{b:.0} B"),
    }
}

/// Seconds in a unit that shows them.
fn time(seconds: f64) -> String {
    match seconds {
        s if s >= 0.01 || s == 0.0 => format!("{s:.2} s"),
        s if s >= 1e-5 => format!("{:.2} ms", s * 1e3),
        s => format!("{:.2} µs", s * 1e6),
    }
}

fn text(plan: &Planned, source: &str) -> String {
    let Planned { parameters, devices, optimizer, figures, bytes, .. } = plan;
    let devices = if *devices == 1 { "1 device".into() } else { format!("{devices} devices") };
    let kept = plan.top_k.map_or_else(|| "no compression".into(), |ratio| format!("Top-K {ratio}"));
    let mut text = format!("{parameters} parameters, {optimizer}, {devices}, {kept}\n");
    text += &format!(
        "figures: {source}; a drive reads {} and writes {} a second, the host link carries {}\n",
        size(figures.read),
        size(figures.write),
        size(figures.host_link)
    );
    text += &format!(
        "on the drives: store {} ({} bytes a parameter, two generations); gradients {}",
        size(bytes.store as f64),
        bytes.store / parameters,
        size(bytes.gradients as f64)
    );
    if let (Some(ours), Some(theirs)) = (bytes.top_k, bytes.published_top_k) {
        text += &format!(", or {} compressed ({} in the published format)", size(ours as f64), size(theirs as f64));
    }
    text += &format!("\nin the host's memory: half copy {}\n", size(bytes.half_copy as f64));
    for prediction in &plan.schemes {
        text += &block(prediction);
    }
    if !plan.compression.is_empty() {
        text += "\n";
    }
    for judged in &plan.compression {
        let verdict = if judged.pays { "pays" } else { "does not pay" };
        text += &format!(
            "compression {verdict} in {}: {:+.1} % of {}'s step ({})\n",
            judged.scheme.name(),
            -100.0 * judged.saved,
            judged.without.name(),
            judged.why
        );
    }
    text
}

/// A scheme and its stages.
fn block(prediction: &Prediction) -> String {
    let Prediction { scheme, seconds, speed_up, binds, binds_on, .. } = prediction;
    let mut text = format!(
        "\n{}: {} a step, {speed_up:.2} x; {:.2} bytes a parameter over the host link; {binds} binds ({})\n",
        scheme.name(),
        time(*seconds),
        prediction.host_link_bytes_per_parameter,
        binds_on.name()
    );
    for (phase, name, seconds, how) in [
        (Phase::ForwardBackward, "forward and backward", prediction.forward_backward_seconds, "in turn"),
        (Phase::Update, "update", prediction.update_seconds, overlap(prediction.overlap)),
    ] {
        text += &format!("  {name} phase, {}, {how}\n", time(seconds));
        for stage in prediction.stages.iter().filter(|stage| stage.phase == phase) {
            text += &line(stage);
        }
    }
    text
}

fn overlap(overlap: Overlap) -> &'static str {
    match overlap {
        Overlap::None => "in turn",
        Overlap::HostLink => "drives and kernel in turn, the host link beside them",
        Overlap::All => "all at once, a drive's reads and writes in turn",
    }
}

fn line(stage: &Stage) -> String {
    let bytes = if stage.bytes == 0 { String::new() } else { size(stage.bytes as f64) };
    format!("    {:<22}{bytes:>12}{:>12}  {}\n", stage.name, time(stage.seconds), stage.on.name())
}

/// Published speed-ups as a table of Markdown.
fn table(compared: &[published::Compared]) -> String {
    let mut text = String::from(
        "| scheme | devices | parameters | source | published | predicted | error | at worst |\n|---|--:|--:|---|--:|--:|--:|--:|\n",
    );
    for one in compared {
        let published::SpeedUp { scheme, devices, parameters, range: (low, high), source } = one.published;
        let range = if low == high { format!("{low:.2}") } else { format!("{low:.2}–{high:.2}") };
        text += &format!(
            "| {} | {devices} | {:.1} B | {source} | {range} | {:.2} | {:+.1} % | {:+.1} % |\n",
            scheme.name(),
            parameters as f64 / 1e9,
            one.predicted,
            100.0 * one.error,
            100.0 * one.worst_error
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_small_is_shown_too() {
        assert_eq!([28e9, 1.4e8, 2.8e6, 28.0].map(size), ["28.00 GB", "0.14 GB", "2.80 MB", "28 B"]);
        assert_eq!([12.0, 0.07, 0.0042, 3.5e-9, 0.0].map(time), ["12.00 s", "0.07 s", "4.20 ms", "0.00 µs", "0.00 s"]);
    }
}
