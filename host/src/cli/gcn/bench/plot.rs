//! The cycles of all runs as bars.

use super::report::{grouped, Run};
use anyhow::{anyhow, Context, Result};
use plotters::prelude::*;
use std::path::Path;

/// Pixels: the width, where bars begin and the longest ends, and the height of a line.
const WIDTH: i32 = 1240;
const BARS: i32 = 470;
const END: i32 = 1010;
const LINE: i32 = 22;
const TOP: i32 = 48;

/// Draws a bar a run.
///
/// # Errors
///
/// When the file cannot be written.
pub fn draw(path: &Path, runs: &[Run]) -> Result<()> {
    let mut text = String::new();
    chart(&mut text, runs).map_err(|e| anyhow!("the runs cannot be drawn: {e}"))?;
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn chart(text: &mut String, runs: &[Run]) -> Result<(), Box<dyn std::error::Error>> {
    let height = TOP + LINE * runs.len() as i32 + 16;
    let root = SVGBackend::with_string(text, (WIDTH as u32, height as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    root.draw(&Text::new("cycles of one aggregation", (16, 14), ("sans-serif", 20)))?;
    let most = runs.iter().map(|run| run.cycles).max().unwrap_or(1).max(1) as f64;
    let mut formats: Vec<&str> = Vec::new();
    for (number, run) in (0..).zip(runs) {
        let place = formats.iter().position(|format| *format == run.format).unwrap_or_else(|| {
            formats.push(run.format);
            formats.len() - 1
        });
        let colour = Palette99::pick(place).to_rgba();
        let (top, length) = (TOP + LINE * number, (f64::from(END - BARS) * run.cycles as f64 / most) as i32);
        root.draw(&Rectangle::new([(BARS, top), (BARS + length.max(1), top + LINE - 6)], colour.filled()))?;
        let bypass = if run.bypass { ", bypass" } else { "" };
        let index = if run.index == "plain" { ", plain index" } else { "" };
        let label = format!(
            "{} {}, {}, {} {}, {}{index}{bypass}, {} engines, {}",
            run.graph,
            run.order,
            run.content(),
            run.format,
            run.slice,
            run.strips,
            run.engines,
            run.board
        );
        root.draw(&Text::new(label, (16, top + 1), ("sans-serif", 13)))?;
        let times = run.speed_up.map(|times| format!("  ({times:.2} × the best dense)")).unwrap_or_default();
        let figure = format!("{}{times}", grouped(run.cycles));
        root.draw(&Text::new(figure, (BARS + length + 8, top + 1), ("sans-serif", 13)))?;
    }
    root.present()?;
    Ok(())
}
