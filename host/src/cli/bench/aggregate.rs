//! `nearfield bench aggregate`: how fast this machine's CPU aggregates from features in each layout.

use super::super::console::Console;
use super::super::failure::Failure;
use clap::Args;
use nearfield::aggregate::{pad, plain, Aggregator, Features, Level};
use nearfield::graph::features::bernoulli;
use nearfield::graph::{order, Graph, GraphSpec};
use nearfield_model::beicsr::{encode, encode_pairs, Layout, Shape};
use serde::Serialize;
use std::num::NonZero;
use std::time::Instant;

#[derive(Args)]
pub struct Aggregate {
    /// The graph: cora, citeseer, pubmed, rmat:SCALE[,degree=N][,seed=S], or a file (.mtx, .npz, .txt); self-loops and weights are added.
    #[arg(long, default_value = "rmat:15,degree=8")]
    graph: GraphSpec,
    /// Columns of the features, 1 to 4096.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=4096))]
    width: u32,
    /// Columns of a slice: a multiple of 32 up to 256.
    #[arg(long, default_value_t = 256)]
    slice: u32,
    /// Chances of a feature to be something else than 0.
    #[arg(long, value_delimiter = ',', value_name = "D", default_value = "1,0.5,0.3,0.15")]
    density: Vec<f64>,
    /// Renumber the vertices by communities first.
    #[arg(long)]
    community: bool,
    /// Threads; without it one a core.
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
    /// How often each is done, in turn; the fastest counts, because others at work on the machine only add.
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// Seed of the features.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Printed {
    graph: String,
    vertices: usize,
    edges: usize,
    width: u32,
    slice: u32,
    threads: usize,
    unit: &'static str,
    /// Seconds that the order took, if there was one.
    community_seconds: Option<f64>,
    runs: Vec<Run>,
}

/// Seconds of the fastest aggregation.
#[derive(Serialize)]
struct Run {
    density: f64,
    /// The loop over dense rows that adds zeros too.
    plain_dense_seconds: f64,
    dense_seconds: f64,
    beicsr_seconds: f64,
    published_seconds: f64,
    pairs_seconds: f64,
}

impl Aggregate {
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let graph = self.graph.load().map_err(Failure::refused)?;
        let mut graph = graph.normalized().map_err(Failure::refused)?;
        let mut community_seconds = None;
        if self.community {
            let order = order::community(&graph);
            graph = graph.relabelled(&order);
            community_seconds = Some(order.seconds());
        }
        let shape = Shape::new(graph.vertices(), self.width as usize, self.slice as usize).map_err(Failure::refused)?;
        let aggregator = Aggregator::new(self.threads);
        let runs = self.density.iter().map(|&density| self.density(&graph, shape, &aggregator, density));
        let printed = Printed {
            graph: self.graph.to_string(),
            vertices: graph.vertices(),
            edges: graph.edges(),
            width: self.width,
            slice: self.slice,
            threads: aggregator.threads(),
            unit: Level::detect().name(),
            community_seconds,
            runs: runs.collect::<anyhow::Result<_>>().map_err(Failure::failed)?,
        };
        console.result(&printed, || text(&printed))
    }

    fn density(&self, graph: &Graph, shape: Shape, aggregator: &Aggregator, density: f64) -> anyhow::Result<Run> {
        let features = bernoulli(shape.rows(), shape.width(), density, self.seed);
        let (beicsr, published) =
            (encode(Layout::Beicsr, shape, &features), encode(Layout::Published, shape, &features));
        let (pairs, padded) = (encode_pairs(shape, &features)?, pad(&features, shape.width()));
        let layouts = [
            Features::dense(shape.rows(), shape.width(), &padded)?,
            Features::encoded(&beicsr)?,
            Features::encoded(&published)?,
            Features::paired(&pairs)?,
        ];
        let mut times: [Vec<f64>; 5] = Default::default();
        let (mut plain_into, mut into) = (features.clone(), padded.clone());
        // In turn, so that what else the machine does slows all of them.
        for _ in 0..self.rounds {
            let begun = Instant::now();
            plain::multiply(graph, &features, shape.width(), aggregator, &mut plain_into);
            times[0].push(begun.elapsed().as_secs_f64());
            for (times, features) in times[1..].iter_mut().zip(&layouts) {
                let begun = Instant::now();
                aggregator.run(graph, features, &mut into)?;
                times.push(begun.elapsed().as_secs_f64());
            }
        }
        let [plain, dense, beicsr, published, pairs] =
            times.map(|times| times.into_iter().fold(f64::INFINITY, f64::min));
        Ok(Run {
            density,
            plain_dense_seconds: plain,
            dense_seconds: dense,
            beicsr_seconds: beicsr,
            published_seconds: published,
            pairs_seconds: pairs,
        })
    }
}

fn text(printed: &Printed) -> String {
    let Printed { graph, vertices, edges, width, slice, threads, unit, .. } = printed;
    let mut text = format!(
        "{graph}: {vertices} vertices, {edges} edges, {width} columns in slices of {slice}, {threads} threads, {unit}"
    );
    text += &printed.community_seconds.map(|s| format!(", community order in {s:.3} s")).unwrap_or_default();
    text += "\nmilliseconds, and how many times as fast as the plain loop over dense rows:";
    for run in &printed.runs {
        let plain = run.plain_dense_seconds;
        text += &format!("\n  density {:<5} plain {:8.3}", run.density, 1e3 * plain);
        let layouts = [
            ("dense", run.dense_seconds),
            ("BEICSR", run.beicsr_seconds),
            ("published", run.published_seconds),
            ("pairs", run.pairs_seconds),
        ];
        for (name, seconds) in layouts {
            text += &format!("   {name} {:8.3} ({:.2})", 1e3 * seconds, plain / seconds);
        }
    }
    text
}
