//! What a run came to, and how it is printed.

use super::case::{kernel_of, Case, Content};
use anyhow::Result;
use nearfield_abi::kernel::{sgcn, KernelConfig};
use serde::Serialize;

/// What a run counted.
pub struct Counted {
    /// From start to done.
    pub cycles: u64,
    /// The kernel's counters by their names.
    pub counts: Vec<(String, u64)>,
}

/// One run. Of RTL, its sums were those of `soft`, bit for bit.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    pub graph: String,
    pub vertices: usize,
    pub edges: usize,
    /// `natural` or `community`.
    pub order: &'static str,
    /// What finding the order took.
    pub order_seconds: Option<f64>,
    /// The part of the features that is not 0.
    pub density: f64,
    /// The chance it was drawn with, or the layer whose mask it has.
    pub drawn_density: Option<f64>,
    pub layer: Option<usize>,
    pub width: usize,
    pub format: &'static str,
    pub slice: u32,
    pub strips: String,
    pub index: &'static str,
    pub bypass: bool,
    pub device: String,
    /// Cycles of the cycle model, not of RTL: there are no sums.
    pub model: bool,
    pub board: &'static str,
    pub engines: u32,
    pub ports: u32,
    pub cache_bytes: u64,
    pub cycles: u64,
    /// Cycles of the best dense run on this graph and device, by those of this one.
    pub speed_up: Option<f64>,
    pub lines: Lines,
    pub cache: Cache,
    pub share: Share,
    /// Wall-clock seconds, copies included.
    pub seconds: f64,
    pub simulated_cycles_per_second: f64,
}

/// Lines of 64 bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Lines {
    /// Asked of the cache: row pointers, column ids, weights.
    pub graph: u64,
    /// Asked of the cache: the table.
    pub lookup: u64,
    /// Asked of the cache: features.
    pub features: u64,
    pub dram_read: u64,
    pub dram_written: u64,
}

/// What became of what was asked of the cache.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Cache {
    pub hits: u64,
    pub misses: u64,
    /// Waited for a line on its way.
    pub merged: u64,
    /// Cycles in which a bank held its requests back.
    pub stalls: u64,
    /// The part of the requests that hit or were merged.
    pub hit_rate: f64,
}

/// Parts of the engines' cycles.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Share {
    /// With an operation.
    pub busy: f64,
    /// An operation waited for one before it on the same sums.
    pub hazard: f64,
    /// A line had not come.
    pub starved: f64,
    /// There was no record.
    pub idle: f64,
}

impl Run {
    pub fn new(case: &Case, config: &KernelConfig, density: f64, counted: &Counted, seconds: f64) -> Result<Run> {
        let (board, _) = kernel_of(&case.device)?;
        let of = |part: &str, name: &str| {
            let named = counted.counts.iter().filter(|(full, _)| {
                full.strip_prefix(part).is_some_and(|rest| rest.split_once('_').is_some_and(|(_, n)| n == name))
            });
            named.map(|(_, value)| value).sum::<u64>()
        };
        let cycles = counted.cycles;
        let share = |name| of("engine", name) as f64 / (cycles.max(1) * u64::from(config.lanes)) as f64;
        let (hits, misses, merged) = (of("cache", "hits"), of("cache", "misses"), of("cache", "merged"));
        let requests = (hits + misses + merged).max(1);
        let (drawn_density, layer) = match &case.content {
            Content::Bernoulli { density, .. } => (Some(*density), None),
            Content::Mask(_, layer) => (None, Some(*layer)),
        };
        Ok(Run {
            graph: case.arranged.name.clone(),
            vertices: case.arranged.graph.vertices(),
            edges: case.arranged.graph.edges(),
            order: case.arranged.order(),
            order_seconds: case.arranged.community.as_ref().map(|order| order.seconds()),
            density,
            drawn_density,
            layer,
            width: case.content.width(),
            format: case.format.name(),
            slice: case.slice,
            strips: case.strips.to_string(),
            index: if case.hashed { "hashed" } else { "plain" },
            bypass: case.bypass,
            device: case.device.to_string(),
            model: case.model,
            board: board.name,
            engines: config.lanes,
            ports: config.ports,
            cache_bytes: sgcn::cache_bytes(config.lanes),
            cycles,
            speed_up: None,
            lines: Lines {
                graph: of("engine", "graph_requests"),
                lookup: of("engine", "lookup_requests"),
                features: of("engine", "feature_requests"),
                dram_read: of("gmem", "read_beats"),
                dram_written: of("gmem", "write_beats"),
            },
            cache: Cache {
                hits,
                misses,
                merged,
                stalls: of("cache", "stalls"),
                hit_rate: (hits + merged) as f64 / requests as f64,
            },
            share: Share {
                busy: share("ops"),
                hazard: share("hazard"),
                starved: share("starved"),
                idle: share("idle"),
            },
            seconds,
            simulated_cycles_per_second: cycles as f64 / seconds,
        })
    }

    /// What was drawn, for people.
    pub fn content(&self) -> String {
        match (self.layer, self.drawn_density) {
            (Some(layer), _) => format!("layer {layer}"),
            (None, Some(density)) => density.to_string(),
            (None, None) => format!("{:.3}", self.density),
        }
    }
}

/// Fills in how many times as fast as the best dense run on the same graph and device each run is.
pub fn compare(runs: &mut [Run]) {
    let best = |of: &Run| {
        let dense = runs.iter().filter(|run| run.format == "dense" && run.graph == of.graph && run.device == of.device);
        dense.map(|run| run.cycles).min()
    };
    let best: Vec<Option<u64>> = runs.iter().map(best).collect();
    for (run, best) in runs.iter_mut().zip(best) {
        run.speed_up = best.map(|best| best as f64 / run.cycles as f64);
    }
}

/// A number with commas.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        (0..digits.len()).rev().step_by(3).map(|end| &digits[end.saturating_sub(2)..=end]).collect();
    groups.into_iter().rev().collect::<Vec<_>>().join(",")
}

/// All runs as a table, a line a run.
pub fn table(runs: &[Run]) -> String {
    let mut rows = vec![[
        "graph", "order", "density", "format", "C", "strips", "index", "bypass", "device", "cycles", "speed-up", "hit",
        "graph", "lookup", "features", "read", "written", "busy", "hazard", "starved", "idle",
    ]
    .map(str::to_owned)];
    let percent = |part: f64| format!("{:.1} %", 100.0 * part);
    for run in runs {
        let Run { lines, share, .. } = run;
        rows.push([
            run.graph.clone(),
            run.order.into(),
            run.content(),
            run.format.into(),
            run.slice.to_string(),
            run.strips.clone(),
            run.index.into(),
            if run.bypass { "used".into() } else { "–".into() },
            run.device.clone(),
            grouped(run.cycles),
            run.speed_up.map_or_else(|| "–".into(), |times| format!("{times:.2}")),
            percent(run.cache.hit_rate),
            grouped(lines.graph),
            grouped(lines.lookup),
            grouped(lines.features),
            grouped(lines.dram_read),
            grouped(lines.dram_written),
            percent(share.busy),
            percent(share.hazard),
            percent(share.starved),
            percent(share.idle),
        ]);
    }
    let mut text = columns(&rows, 9);
    text += "\nlines of 64 bytes: graph, lookup and features asked of the cache, read and written in DRAM; hit: requests that needed no\n\
             read of their own; busy to idle: of the engines' cycles. ";
    text += match runs.iter().any(|run| run.model) {
        true => "Cycles are those of the cycle model, which makes no sums.",
        false => "All sums are those of soft, bit for bit.",
    };
    text
}

/// Rows with their columns below each other; those from `numbers` on to the right.
pub fn columns<const N: usize>(rows: &[[String; N]], numbers: usize) -> String {
    let width: Vec<usize> =
        (0..N).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&width).enumerate().map(|(column, (cell, &width))| match column < numbers {
            true => format!("{cell:<width$}"),
            false => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let numbers = [0, 999, 1000, 25_292, 123_456, 1_000_003].map(grouped);
        assert_eq!(numbers, ["0", "999", "1,000", "25,292", "123,456", "1,000,003"]);
    }
}
