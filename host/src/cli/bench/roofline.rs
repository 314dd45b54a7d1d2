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

/// Pixels of the picture, of the chart in it, and of a line of the list beside it.
const SIZE: (u32, u32) = (1240, 620);
const CHART: u32 = 800;
const LINE: i32 = 17;

fn chart(text: &mut String, runs: &[&Run]) -> Result<(), Box<dyn std::error::Error>> {
    let points: Vec<(f64, f64)> = runs.iter().filter_map(|run| point(run)).collect();
    let largest = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).fold(0.0, f64::max);
    let nearest = points.iter().map(|p| p.0).fold(f64::INFINITY, f64::min);
    let (left, right, top) = (0.85 * nearest, 1.1 * largest(|p| p.0), 1.35 * largest(|p| p.1));
    let root =
        SVGBackend::with_string(text, (SIZE.0, SIZE.1.max((LINE * runs.len() as i32 + 60) as u32))).into_drawing_area();
    root.fill(&WHITE)?;
    let (area, list) = root.split_horizontally(CHART);
    let mut chart = ChartBuilder::on(&area)
        .margin(16)
        .caption("optimizer step under the rooflines", ("sans-serif", 20))
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(left..right, 0.0..top)?;
    let mesh = BLACK.mix(0.12);
    chart
        .configure_mesh()
        .x_desc("parameters a byte of memory traffic")
        .y_desc("Gparam/s")
        .light_line_style(TRANSPARENT)
        .bold_line_style(mesh)
        .draw()?;

    // A roof is the memory's slope, and for each number of lanes and clock the kernel's own ceiling.
    let mut peaks: Vec<f64> = runs.iter().filter_map(|run| run.peak_bytes_per_second).collect();
    peaks.sort_by(f64::total_cmp);
    peaks.dedup();
    for peak in peaks {
        let slope = peak / 1e9;
        let end = (top / slope).min(right);
        chart.draw_series(LineSeries::new([(left, left * slope), (end, end * slope)], BLACK.stroke_width(2)))?;
        let label = format!("memory, {slope:.1} GB/s");
        chart.draw_series([Text::new(
            label,
            (left + 0.02 * (right - left), left * slope + 0.11 * top),
            ("sans-serif", 14),
        )])?;
    }
    let mut ceilings = BTreeMap::new();
    for run in runs {
        if let (Some(lanes), Some(mhz)) = (run.report.lanes, run.report.clock_mhz) {
            ceilings.insert((lanes, mhz as u64), f64::from(lanes) * mhz / 1e3);
        }
    }
    for ((lanes, mhz), ceiling) in ceilings {
        if ceiling < top {
            chart.draw_series(LineSeries::new([(left, ceiling), (right, ceiling)], BLACK.mix(0.5)))?;
            let label = format!("{lanes} lanes, {mhz} MHz");
            let at = (left + 0.86 * (right - left), ceiling + 0.025 * top);
            chart.draw_series([Text::new(label, at, ("sans-serif", 13))])?;
        }
    }
    for (number, (run, at)) in runs.iter().zip(&points).enumerate() {
        let colour = Palette99::pick(number).to_rgba();
        chart.draw_series([Circle::new(*at, 5, colour.filled())])?;
        let half = run.half.map_or_else(String::new, |half| format!(" + {half} copy"));
        let label = format!(
            "{:.3}  {} {}{half}, {} lanes, {} MHz, {}",
            at.1,
            run.optimizer,
            run.grads,
            run.report.lanes.unwrap_or_default(),
            run.report.clock_mhz.unwrap_or_default(),
            run.device.split(',').next().unwrap_or_default(),
        );
        let y = 40 + LINE * number as i32;
        list.draw(&Circle::new((10, y), 5, colour.filled()))?;
        list.draw(&Text::new(label, (22, y - 6), ("sans-serif", 13)))?;
    }
    list.draw(&Text::new("Gparam/s", (22, 12), ("sans-serif", 13)))?;
    root.present()?;
    Ok(())
}
