//! Aggregation on a device with the kernel `sgcn_aggregate`.

mod arena;
#[cfg(all(test, feature = "sim"))]
mod tests;

use super::features::Stored;
use super::{AggregateError, Aggregator, Features};
use crate::device::{Counters, Device, DeviceError, Value};
use crate::graph::Graph;
use arena::{Arena, Plan};
use nearfield_abi::beicsr::{row_lines, slice_is_built, slices, LINE_WORDS};
use nearfield_abi::kernel::sgcn::{mode, scalar, BYPASS_BIT, LINE_BYTES, MOST_STRIP};
use nearfield_abi::kernel::Kernel;
use nearfield_model::beicsr::Layout;
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How rows are dealt to engines: so many at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strips {
    /// To whichever engine is free.
    Dynamic(u32),
    /// In turn.
    Static(u32),
}

impl Strips {
    /// Rows of a strip.
    pub fn rows(self) -> u32 {
        let (Strips::Dynamic(rows) | Strips::Static(rows)) = self;
        rows
    }
}

impl fmt::Display for Strips {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Strips::Dynamic(rows) => write!(f, "dynamic:{rows}"),
            Strips::Static(rows) => write!(f, "static:{rows}"),
        }
    }
}

impl FromStr for Strips {
    type Err = String;

    fn from_str(text: &str) -> Result<Strips, String> {
        let wrong = || format!("write dynamic:ROWS or static:ROWS, with 1 to {MOST_STRIP} rows");
        let (kind, rows) = text.split_once(':').ok_or_else(wrong)?;
        let rows = rows.parse().ok().filter(|rows| (1..=MOST_STRIP).contains(rows)).ok_or_else(wrong)?;
        match kind {
            "dynamic" => Ok(Strips::Dynamic(rows)),
            "static" => Ok(Strips::Static(rows)),
            _ => Err(wrong()),
        }
    }
}

/// What a run of the kernel can be told. None of it changes a sum.
#[derive(Clone, Copy, Debug)]
pub struct RunOptions<'a> {
    /// The cache's index is hashed.
    pub hashed: bool,
    /// How rows are dealt.
    pub strips: Strips,
    /// In the published layout: learn the length of a record from its first line, though there is a table.
    pub learn_lengths: bool,
    /// The graph's column ids with bypass bits, to be obeyed: [`crate::graph::bypass::Bypass::columns`].
    pub bypass: Option<&'a [u32]>,
    /// Columns of a slice of dense features; others have theirs.
    pub slice: u32,
}

impl Default for RunOptions<'_> {
    fn default() -> Self {
        RunOptions { hashed: true, strips: Strips::Dynamic(8), learn_lengths: false, bypass: None, slice: 256 }
    }
}

impl RunOptions<'_> {
    /// The bits of the kernel's mode for a graph, but for those of the format.
    pub fn mode(&self, graph: &Graph) -> u32 {
        let flag = |set: bool, bit: u32| if set { bit } else { 0 };
        flag(graph.weights().is_some(), mode::WEIGHTED)
            | flag(self.hashed, mode::HASHED)
            | flag(matches!(self.strips, Strips::Dynamic(_)), mode::DYNAMIC)
            | flag(self.bypass.is_some(), mode::BYPASS)
    }
}

/// What a run gave.
#[derive(Clone, Debug)]
pub struct Sums {
    /// The sums: a row a vertex, each padded with +0 to whole lines of 16 values.
    pub values: Vec<f32>,
    /// The kernel's counters, of a device that has a kernel.
    pub counters: Option<Counters>,
}

/// Why there are no sums.
#[derive(Debug, thiserror::Error)]
pub enum OnDeviceError {
    /// Graph and features do not fit each other.
    #[error(transparent)]
    Fit(#[from] AggregateError),
    /// Slices that are not built.
    #[error("slices of {slice} columns are not built; choose 32 to 256 columns, a multiple of 32")]
    Slice {
        /// Columns of a slice.
        slice: u32,
    },
    /// Strips that are not built.
    #[error("strips of {rows} rows are not built; choose 1 to 1024")]
    Strip {
        /// Rows of a strip.
        rows: u32,
    },
    /// Bypass bits of another graph.
    #[error("the column ids with bypass bits are not those of the graph; mark the graph that is given")]
    Bypass,
    /// More lines than the kernel counts.
    #[error(
        "graph, features and sums take {bytes} bytes, but a run holds at most 2^32 lines of 64; aggregate narrower \
         features, or parts of the graph"
    )]
    Arena {
        /// Bytes of all regions.
        bytes: u64,
    },
    /// The device.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

impl OnDeviceError {
    /// Whether it was refused before anything ran.
    pub fn refused(&self) -> bool {
        match self {
            OnDeviceError::Device(error) => error.refused(),
            _ => true,
        }
    }
}

/// The sums of all rows of a graph, by a device that [`crate::device::open_kernel`] opened with [`Kernel::SgcnAggregate`]; `soft`
/// does it on the host's own cores. They are those of `nearfield_model::aggregate`, bit for bit.
///
/// # Errors
///
/// Before anything runs what does not fit or is not built, and another kernel; then what the device fails with. A kernel that meets
/// a malformed graph or record ends with [`DeviceError::Graph`], which names the row.
pub fn on_device(
    device: &mut dyn Device,
    graph: &Graph,
    features: &Features<'_>,
    options: &RunOptions<'_>,
) -> Result<Sums, OnDeviceError> {
    let vertices = graph.vertices();
    if features.rows() != vertices {
        return Err(AggregateError::Rows { rows: features.rows(), vertices }.into());
    }
    let run = Raw::new(graph, features, options)?;
    if device.in_place().is_some() {
        let mut values = vec![0.0; vertices * features.stride()];
        Aggregator::new(None).run(graph, features, &mut values)?;
        return Ok(Sums { values, counters: None });
    }
    run.on(device)
}

/// What the kernel is given, as it lies in memory. Nothing of it needs to be sound: the kernel checks.
#[derive(Clone, Debug)]
struct Raw<'a> {
    row_pointers: Cow<'a, [u32]>,
    columns: Cow<'a, [u32]>,
    weights: Option<Cow<'a, [f32]>>,
    features: Cow<'a, [u8]>,
    table: Cow<'a, [u8]>,
    rows: u32,
    edges: u32,
    width: u32,
    slice: u32,
    strip: u32,
    mode: u32,
}

impl<'a> Raw<'a> {
    fn new(graph: &'a Graph, features: &Features<'a>, options: &RunOptions<'a>) -> Result<Raw<'a>, OnDeviceError> {
        let strip = options.strips.rows();
        if !(1..=MOST_STRIP).contains(&strip) {
            return Err(OnDeviceError::Strip { rows: strip });
        }
        let (format, slice, stored, table) = stored(features, options);
        if !slice_is_built(slice.into()) {
            return Err(OnDeviceError::Slice { slice });
        }
        let columns = match options.bypass {
            None => graph.columns(),
            Some(marked) => {
                let same = marked.len() == graph.edges()
                    && marked.iter().zip(graph.columns()).all(|(marked, column)| marked & !BYPASS_BIT == *column);
                if !same {
                    return Err(OnDeviceError::Bypass);
                }
                marked
            }
        };
        Ok(Raw {
            row_pointers: graph.row_pointers().into(),
            columns: columns.into(),
            weights: graph.weights().map(Cow::from),
            features: stored,
            table,
            // A graph has fewer vertices and edges than 2^32, and features at most 4096 columns.
            rows: graph.vertices() as u32,
            edges: graph.edges() as u32,
            width: features.width() as u32,
            slice,
            strip,
            mode: format | options.mode(graph),
        })
    }

    /// Runs the kernel.
    fn on(&self, device: &mut dyn Device) -> Result<Sums, OnDeviceError> {
        let about = device.describe();
        if about.kernel.kernel != Kernel::SgcnAggregate {
            return Err(other_kernel(device).into());
        }
        let lines = row_lines(self.width.into());
        let output = u64::from(self.rows) * lines * LINE_BYTES;
        let inputs: [&[u8]; 5] = [
            bytemuck::cast_slice(&self.row_pointers),
            bytemuck::cast_slice(&self.columns),
            bytemuck::cast_slice(self.weights.as_deref().unwrap_or_default()),
            &self.features,
            &self.table,
        ];
        let [pointers, columns, weights, features, table] = inputs.map(|bytes| bytes.len() as u64);
        let plan = Plan::of([pointers, columns, weights, features, table, output])?;
        let ports = about.kernel.ports;
        let banks: Vec<u32> = about.argument_banks[..ports as usize].iter().map(|bank| bank.unwrap_or(0)).collect();
        let arena = Arena::allocate(device, &banks, plan.port_bytes(ports))?;
        let sums = self.in_arena(device, &plan, &inputs, &arena);
        arena.release(device);
        sums
    }

    fn in_arena(
        &self,
        device: &mut dyn Device,
        plan: &Plan<6>,
        inputs: &[&[u8]; 5],
        arena: &Arena,
    ) -> Result<Sums, OnDeviceError> {
        let regions: Vec<(u32, &[u8])> = plan.lines.into_iter().zip(inputs.iter().copied()).collect();
        arena.write(device, &regions)?;
        let mut list: Vec<Value> = arena.buffers.iter().map(|&buffer| Value::Pointer(buffer)).collect();
        let mut scalars = [0; scalar::COUNT];
        scalars[..plan.lines.len()].copy_from_slice(&plan.lines);
        for (id, value) in [
            (scalar::ROWS, self.rows),
            (scalar::EDGES, self.edges),
            (scalar::WIDTH, self.width),
            (scalar::SLICE, self.slice),
            (scalar::STRIP, self.strip),
            (scalar::MODE, self.mode),
        ] {
            scalars[id] = value;
        }
        list.extend(scalars.map(Value::U32));
        device.start(&list)?;
        device.wait(self.bound(device))?;
        let counters = device.counters()?;
        let cycles = counters.as_ref().map(|counters| counters.cycles);
        tracing::debug!(rows = self.rows, edges = self.edges, cycles, "a graph is aggregated");
        let row = row_lines(self.width.into()) * LINE_WORDS;
        let mut values = vec![0.0f32; self.rows as usize * row as usize];
        arena.read(device, plan.lines[scalar::OUTPUT], bytemuck::cast_slice_mut(&mut values))?;
        Ok(Sums { values, counters })
    }

    /// How long a run may take: a simulator does some thousand cycles a second, and an engine a line a cycle.
    fn bound(&self, device: &dyn Device) -> Duration {
        let pieces = u64::from(self.edges) + u64::from(self.rows) * slices(self.width.into(), self.slice.into());
        let lines = pieces * (row_lines(self.width.into()) + 4);
        match device.describe().simulated {
            true => Duration::from_secs(120 + lines / 500),
            false => Duration::from_secs(8 + lines / 10_000_000),
        }
    }
}

/// The bits of the mode that name a format, its slice, and the regions of features and table.
fn stored<'a>(features: &Features<'a>, options: &RunOptions<'_>) -> (u32, u32, Cow<'a, [u8]>, Cow<'a, [u8]>) {
    match features.stored {
        Stored::Dense(values) => (mode::DENSE, options.slice, bytemuck::cast_slice(values).into(), (&[]).into()),
        Stored::Records { layout, shape, words, table, .. } => {
            let words = &words[..shape.records() * layout.words(shape.slice())];
            let table = table.map(|table| &table[..shape.records()]);
            let (format, table) = match (layout, table) {
                (Layout::Beicsr, table) => (mode::BEICSR, table.unwrap_or_default()),
                (Layout::Published, Some(table)) if !options.learn_lengths => {
                    (mode::PUBLISHED | mode::LENGTH_KNOWN, table)
                }
                (Layout::Published, _) => (mode::PUBLISHED, &[][..]),
            };
            (format, shape.slice() as u32, bytemuck::cast_slice(words).into(), table.into())
        }
        Stored::Pairs { shape, pairs, table } => {
            let pairs = pairs.iter().flat_map(|pair| [pair.column, pair.value.to_bits()]);
            let table = table[..shape.records()].iter().flat_map(|entry| [entry.start, entry.count]);
            let bytes = |words: &mut dyn Iterator<Item = u32>| words.flat_map(u32::to_le_bytes).collect::<Vec<u8>>();
            (mode::PAIRS, shape.slice() as u32, bytes(&mut { pairs }).into(), bytes(&mut { table }).into())
        }
    }
}

fn other_kernel(device: &dyn Device) -> DeviceError {
    let about = device.describe();
    DeviceError::OtherKernel {
        device: about.name.clone(),
        has: about.kernel.kernel.name(),
        wanted: Kernel::SgcnAggregate.name(),
    }
}
