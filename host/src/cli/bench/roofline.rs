//! The roofline of a board: parameters a second against parameters a byte, with the runs under it.

use super::kernel::Run;
use anyhow::{anyhow, bail, Context, Result};
use plotters::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

/// A run as a point: parameters a byte, 10^9 parameters a second.
fn point(run: &Run) -> Option<(f64, f64)> {
    Some((1.0 / run.bytes_per_parameter, run.board_parameters_per_second? / 1e9))
}

/// Draws every run on a board whose memory has a peak.
///
/// # Errors
///
/// When there is no such run, and when the file cannot be written.
pub fn draw(path: &Path, runs: &[Run]) -> Result<()> {
    let drawn: Vec<&Run> = runs.iter().filter(|run| run.peak_bytes_per_second.is_some()).collect();
    if drawn.is_empty() {
        bail!("no run was on a board whose memory has a peak, so there is no roofline; add --device sim:smartssd");
    }
    let mut text = String::new();
    chart(&mut text, &drawn).map_err(|e| anyhow!("the roofline cannot be drawn: {e}"))?;
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn chart(text: &mut String, runs: &[&Run]) -> Result<(), Box<dyn std::error::Error>> {
    let points: Vec<(f64, f64)> = runs.iter().filter_map(|run| point(run)).collect();
    let largest = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).fold(0.0, f64::max);
    let (right, top) = (1.25 * largest(|p| p.0), 1.5 * largest(|p| p.1));
    let root = SVGBackend::with_string(text, (960, 600)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(16)
        .caption("optimizer step: roofline", ("sans-serif", 22))
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..right, 0.0..top)?;
    chart.configure_mesh().x_desc("parameters a byte of memory traffic").y_desc("Gparam/s").draw()?;

    // A roof is the memory's slope, and for each number of lanes and clock the kernel's own ceiling.
    let mut peaks: Vec<f64> = runs.iter().filter_map(|run| run.peak_bytes_per_second).collect();
    peaks.sort_by(f64::total_cmp);
    peaks.dedup();
    for peak in peaks {
        let end = (top * 1e9 / peak).min(right);
        let label = format!("memory {:.1} GB/s", peak / 1e9);
        chart.draw_series(LineSeries::new([(0.0, 0.0), (end, end * peak / 1e9)], BLACK.stroke_width(2)))?;
        chart.draw_series([Text::new(label, (0.02 * right, 0.95 * top), ("sans-serif", 15))])?;
    }
    let mut ceilings = BTreeMap::new();
    for run in runs {
        if let (Some(lanes), Some(mhz)) = (run.report.lanes, run.report.clock_mhz) {
            ceilings.insert((lanes, mhz as u64), f64::from(lanes) * mhz / 1e3);
        }
    }
    for ((lanes, mhz), ceiling) in ceilings {
        if ceiling < top {
            chart.draw_series(LineSeries::new([(0.0, ceiling), (right, ceiling)], BLACK.mix(0.4)))?;
            let label = format!("{lanes} lanes, {mhz} MHz");
            chart.draw_series([Text::new(label, (0.02 * right, ceiling), ("sans-serif", 13))])?;
        }
    }
    for (number, (run, at)) in runs.iter().zip(&points).enumerate() {
        let colour = Palette99::pick(number).to_rgba();
        let half = run.half.map_or("none", |half| half.name());
        let label = format!(
            "{} {} {} half {half}, {} lanes, {} MHz: {:.3}",
            run.device.split(',').next().unwrap_or_default(),
            run.optimizer,
            run.grads,
            run.report.lanes.unwrap_or_default(),
            run.report.clock_mhz.unwrap_or_default(),
            at.1
        );
        chart
            .draw_series([Circle::new(*at, 5, colour.filled())])?
            .label(label)
            .legend(move |(x, y)| Circle::new((x + 8, y), 5, colour.filled()));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 12))
        .draw()?;
    root.present()?;
    Ok(())
}
