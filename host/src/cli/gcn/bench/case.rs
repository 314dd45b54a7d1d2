//! One run of the kernel: what goes into it, and how it is done and compared.

use super::report::{Counted, Run};
use anyhow::{bail, Context, Result};
use nearfield::aggregate::{on_device, pad, Aggregator, Features, RunOptions, Strips};
use nearfield::device::{open_kernel, DeviceKind, DeviceSpec};
use nearfield::graph::masks::Masks;
use nearfield::graph::order::{self, Order};
use nearfield::graph::{bypass, features::bernoulli, Graph};
use nearfield_abi::beicsr::{records, LINE_BYTES, PAIR_BYTES};
use nearfield_abi::board::Board;
use nearfield_abi::kernel::{sgcn, Kernel, KernelConfig};
use nearfield_model::beicsr::{encode, encode_pairs, Encoded, Layout, Pairs, Shape};
use std::num::NonZero;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

/// How features are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Beicsr,
    /// The published layout with a table of lengths.
    Published,
    /// Without one.
    Learned,
    Dense,
    Pairs,
}

impl Format {
    const ALL: [(&'static str, Format); 5] = [
        ("beicsr", Format::Beicsr),
        ("published", Format::Published),
        ("learned", Format::Learned),
        ("dense", Format::Dense),
        ("pairs", Format::Pairs),
    ];

    pub fn name(self) -> &'static str {
        Format::ALL[self as usize].0
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Format, String> {
        let known = Format::ALL.into_iter().find(|(name, _)| *name == text);
        known.map(|(_, format)| format).ok_or_else(|| "choose beicsr, published, learned, dense or pairs".into())
    }
}

/// A graph, normalised, in an order.
#[derive(Debug)]
pub struct Arranged {
    pub name: String,
    pub graph: Graph,
    /// The order by communities, if it is in that.
    pub community: Option<Order>,
}

impl Arranged {
    pub fn natural(name: String, graph: Graph) -> Arranged {
        Arranged { name, graph, community: None }
    }

    /// The same graph in the order of its communities.
    pub fn by_community(&self) -> Arranged {
        let order = order::community(&self.graph);
        Arranged { name: self.name.clone(), graph: self.graph.relabelled(&order), community: Some(order) }
    }

    pub fn order(&self) -> &'static str {
        if self.community.is_some() {
            "community"
        } else {
            "natural"
        }
    }
}

/// Where features come from.
#[derive(Clone, Debug)]
pub enum Content {
    /// Each is something else than 0 with this chance.
    Bernoulli {
        density: f64,
        width: usize,
    },
    Mask(Arc<Masks>, usize),
}

impl Content {
    pub fn width(&self) -> usize {
        match self {
            Content::Bernoulli { width, .. } => *width,
            Content::Mask(masks, _) => masks.width(),
        }
    }

    /// What is asked for, for people.
    pub fn name(&self) -> String {
        match self {
            Content::Bernoulli { density, .. } => format!("density {density}"),
            Content::Mask(_, layer) => format!("layer {layer}"),
        }
    }

    fn features(&self, arranged: &Arranged, seed: u64) -> Vec<f32> {
        let features = match self {
            Content::Bernoulli { density, width } => bernoulli(arranged.graph.vertices(), *width, *density, seed),
            Content::Mask(masks, layer) => masks.features(*layer, seed),
        };
        match &arranged.community {
            Some(order) => order.rows(&features, self.width()),
            None => features,
        }
    }
}

/// One run to do.
#[derive(Clone, Debug)]
pub struct Case {
    pub device: DeviceSpec,
    pub arranged: Arc<Arranged>,
    pub content: Content,
    pub format: Format,
    pub slice: u32,
    pub strips: Strips,
    pub hashed: bool,
    pub bypass: bool,
    pub seed: u64,
    /// In the cycle model, not RTL.
    pub model: bool,
}

/// The board and the kernel on it that a device's name means.
pub fn kernel_of(device: &DeviceSpec) -> Result<(&'static Board, KernelConfig)> {
    let Some(board) = device.board() else {
        let what = match device.kind {
            DeviceKind::Soft => "soft has no cycles; `nearfield bench aggregate` measures it",
            _ => "it is no simulated board; name one, sim:hbm2-256",
        };
        bail!("device `{device}`: {what}");
    };
    let config = device.configuration(Kernel::SgcnAggregate, board).map_err(anyhow::Error::msg)?;
    Ok((board, config))
}

impl Case {
    /// A guess at how long it takes, to begin with the longest.
    pub fn work(&self) -> u64 {
        let part = match (self.format, &self.content) {
            (Format::Dense, _) => 1.0,
            (_, Content::Bernoulli { density, .. }) => *density,
            (_, Content::Mask(masks, layer)) => masks.density(*layer),
        };
        (self.arranged.graph.edges() as f64 * self.content.width() as f64 * (part + 0.05)) as u64
    }

    /// Rows that are dealt to engines, a row a slice.
    pub fn rows(&self) -> u64 {
        records(self.arranged.graph.vertices() as u64, self.content.width() as u64, self.slice.into())
    }

    /// Does it. `rows` is told how many more rows were dealt to engines.
    pub fn run(&self, rows: &dyn Fn(u64)) -> Result<Run> {
        #[cfg(feature = "sim")]
        if self.model {
            return super::model::run(self, rows);
        }
        let run = self.run_on_device()?;
        rows(self.rows());
        Ok(run)
    }

    /// Does it on a device of its own, so that no run depends on the one before, and compares the sums with `soft`.
    fn run_on_device(&self) -> Result<Run> {
        let graph = &self.arranged.graph;
        let width = self.content.width();
        let shape = Shape::new(graph.vertices(), width, self.slice as usize)?;
        let features = self.content.features(&self.arranged, self.seed);
        let nonzero = features.iter().filter(|&&value| value != 0.0).count();
        let stored = Stored::of(self.format, shape, &features)?;
        let (_, config) = kernel_of(&self.device)?;
        let marks = self.marks(&config, || stored.bytes(shape));
        let options = self.options(&marks);
        let view = stored.view(shape)?;
        let mut device = open_kernel(&self.device, Kernel::SgcnAggregate)?;
        let begun = Instant::now();
        let sums = on_device(device.as_mut(), graph, &view, &options)?;
        let seconds = begun.elapsed().as_secs_f64();
        drop(device);
        let mut expected = vec![0.0; sums.values.len()];
        Aggregator::new(NonZero::new(1)).run(graph, &view, &mut expected)?;
        let differs = expected.iter().zip(&sums.values).position(|(a, b)| a.to_bits() != b.to_bits());
        if let Some(at) = differs {
            let (row, column) = (at / view.stride(), at % view.stride());
            let (found, soft) = (sums.values[at], expected[at]);
            bail!("{}: row {row}, column {column} is {found:e}, but {soft:e} on soft", self.name());
        }
        let counters = sums.counters.context("the device has no counters")?;
        let density = nonzero as f64 / features.len() as f64;
        let counts = counters.counts.iter().map(|count| (count.name.clone(), count.value.into())).collect();
        Run::new(self, &config, density, &Counted { cycles: counters.cycles, counts }, seconds)
    }

    /// Column ids with bypass bits, if they are used. `bytes`: of all records.
    pub fn marks(&self, config: &KernelConfig, bytes: impl FnOnce() -> u64) -> Option<Vec<u32>> {
        let graph = &self.arranged.graph;
        self.bypass
            .then(|| bypass::mark(graph, sgcn::cache_bytes(config.lanes), bytes() / graph.vertices() as u64).columns)
    }

    /// What the kernel is told.
    pub fn options<'a>(&self, marks: &'a Option<Vec<u32>>) -> RunOptions<'a> {
        RunOptions {
            hashed: self.hashed,
            strips: self.strips,
            learn_lengths: self.format == Format::Learned,
            bypass: marks.as_deref(),
            slice: self.slice,
        }
    }

    /// The run for people.
    pub fn name(&self) -> String {
        let Case { arranged, content, format, slice, strips, device, .. } = self;
        let mut name = format!(
            "{}, {} order, {}, {} in slices of {slice}, strips {strips}",
            arranged.name,
            arranged.order(),
            content.name(),
            format.name()
        );
        if !self.hashed {
            name += ", plain index";
        }
        if self.bypass {
            name += ", bypass bits";
        }
        if self.model {
            name += ", cycle model";
        }
        format!("{name}, {device}")
    }
}

/// Features as they are stored.
pub enum Stored {
    Records(Encoded, bool),
    Dense(Vec<f32>),
    Pairs(Pairs),
}

impl Stored {
    pub fn of(format: Format, shape: Shape, features: &[f32]) -> Result<Stored> {
        Ok(match format {
            Format::Beicsr => Stored::Records(encode(Layout::Beicsr, shape, features), true),
            Format::Published => Stored::Records(encode(Layout::Published, shape, features), true),
            Format::Learned => Stored::Records(encode(Layout::Published, shape, features), false),
            Format::Dense => Stored::Dense(pad(features, shape.width())),
            Format::Pairs => Stored::Pairs(encode_pairs(shape, features)?),
        })
    }

    fn view(&self, shape: Shape) -> Result<Features<'_>> {
        Ok(match self {
            Stored::Records(encoded, table) => {
                let table = table.then_some(&encoded.table[..]);
                Features::records(encoded.layout, shape, &encoded.words, table)?
            }
            Stored::Dense(values) => Features::dense(shape.rows(), shape.width(), values)?,
            Stored::Pairs(pairs) => Features::paired(pairs)?,
        })
    }

    /// Bytes of the lines that are read when each row is used once.
    pub fn bytes(&self, shape: Shape) -> u64 {
        match self {
            Stored::Records(encoded, _) => {
                // An escape has all lines.
                let most = encoded.layout.lines(shape.slice()) as u64;
                let lines = |&length: &u8| u64::from(length).min(most);
                encoded.table.iter().map(lines).sum::<u64>() * LINE_BYTES
            }
            Stored::Dense(values) => 4 * values.len() as u64,
            Stored::Pairs(pairs) => pairs.pairs.len() as u64 * PAIR_BYTES,
        }
    }
}
