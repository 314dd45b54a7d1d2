//! Aggregation: the sums of `nearfield_model::aggregate`, bit for bit, from features in any layout: on the CPU, on all cores, and with
//! [`on_device`] by the kernel `sgcn_aggregate`.
//!
//! Rows are dealt to threads in strips; within a strip a pass a slice keeps the accumulators of a row in registers, as an engine of the kernel
//! does. Features are checked once, when a [`Features`] is made of them, and not again.

pub mod device;
mod features;
pub mod plain;
mod simd;
#[cfg(test)]
mod tests;

pub use device::{on_device, OnDeviceError, RunOptions, Strips, Sums};
pub use features::{pad, unpad, Features, FeaturesError};
pub use simd::Level;

use crate::crew::Crew;
use crate::graph::Graph;
use std::num::NonZero;

/// Rows of a strip: enough that taking one costs nothing, few enough that a hub does not hold up the others.
const STRIP: usize = 64;

/// A graph and features that do not fit each other, or too small an output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AggregateError {
    /// The features are of other vertices.
    #[error("the features have {rows} rows, but the graph has {vertices} vertices; give a row a vertex")]
    Rows {
        /// Rows of the features.
        rows: usize,
        /// Vertices of the graph.
        vertices: usize,
    },
    /// The output has another size.
    #[error("the output has {given} values, but {vertices} rows of whole lines take {needed}")]
    Output {
        /// Its values.
        given: usize,
        /// Vertices of the graph.
        vertices: usize,
        /// What it takes.
        needed: usize,
    },
}

/// Aggregates, on some threads.
#[derive(Debug)]
pub struct Aggregator {
    crew: Crew,
    level: Level,
}

impl Aggregator {
    /// With this many threads, or one a core, and the widest vector unit there is.
    pub fn new(threads: Option<NonZero<usize>>) -> Aggregator {
        Aggregator::with(threads, Level::detect())
    }

    /// The same with a certain vector unit.
    pub fn with(threads: Option<NonZero<usize>>, level: Level) -> Aggregator {
        Aggregator { crew: Crew::new(threads), level }
    }

    /// How many threads it has.
    pub fn threads(&self) -> usize {
        self.crew.threads()
    }

    /// The sums of all rows of a graph. `into` gets a row a vertex, each padded with +0 to whole lines of 16 values, as a kernel writes
    /// it; what it held does not matter.
    ///
    /// # Errors
    ///
    /// When the features are of another number of vertices, or `into` has another size.
    pub fn run(&self, graph: &Graph, features: &Features<'_>, into: &mut [f32]) -> Result<(), AggregateError> {
        let (vertices, stride) = (graph.vertices(), features.stride());
        if features.rows() != vertices {
            return Err(AggregateError::Rows { rows: features.rows(), vertices });
        }
        if into.len() != vertices * stride {
            return Err(AggregateError::Output { given: into.len(), vertices, needed: vertices * stride });
        }
        let strips = into.chunks_mut(STRIP * stride);
        let (level, add_zeros) = (self.level, features.stay_positive(graph.weights()));
        self.crew.deal(strips, || (), |_, number, into| level.strip(graph, number * STRIP, features, add_zeros, into));
        Ok(())
    }
}
