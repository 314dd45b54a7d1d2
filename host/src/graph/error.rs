//! Why there is no graph.

use std::io;
use std::path::PathBuf;

/// A rule of compressed rows that is broken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Invalid {
    /// No vertex, or too many.
    #[error("the graph has {vertices} vertices; 1 to 2147483647 can be used")]
    Vertices {
        /// How many.
        vertices: u64,
    },
    /// More edges than row pointers can count.
    #[error("the graph has {edges} edges; fewer than 4294967296 can be used")]
    Edges {
        /// How many.
        edges: u64,
    },
    /// The first row does not begin at 0.
    #[error("the row pointers begin with {first} and must begin with 0")]
    Start {
        /// The first pointer.
        first: u32,
    },
    /// A row ends before it begins.
    #[error("row {row} begins at edge {begin} and ends at {end}; row pointers must not decrease")]
    Decreases {
        /// The row.
        row: usize,
        /// Its pointer.
        begin: u32,
        /// The next one.
        end: u32,
    },
    /// The last row does not end with the edges.
    #[error("the row pointers end at edge {end}, but there are {edges} column ids; they must agree")]
    Ends {
        /// The last pointer.
        end: u32,
        /// Column ids.
        edges: usize,
    },
    /// An id that is no vertex.
    #[error("edge {edge} in row {row} leads to vertex {column}, but there are {vertices}; ids count from 0")]
    Column {
        /// The row.
        row: usize,
        /// The edge.
        edge: usize,
        /// The id.
        column: u64,
        /// Vertices of the graph.
        vertices: usize,
    },
    /// Weights and edges differ in number.
    #[error("there are {weights} weights for {edges} edges; give one an edge, or none")]
    Weights {
        /// Weights.
        weights: usize,
        /// Edges.
        edges: usize,
    },
    /// An infinite weight, or a NaN.
    #[error("edge {edge} in row {row} has the weight {weight}; weights must be finite in f32")]
    Weight {
        /// The row.
        row: usize,
        /// The edge.
        edge: usize,
        /// The weight.
        weight: f32,
    },
    /// A row whose weights do not sum to something that can be divided by.
    #[error("the weights of row {row} and its self-loop sum to {degree}; normalising divides by the root, so make it positive")]
    Degree {
        /// The row.
        row: usize,
        /// The sum.
        degree: f64,
    },
}

/// Why a graph was not read.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// The system could not read a file.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What was read is not in its format.
    #[error("{place}: {what}")]
    Malformed {
        /// The line, or the member of an archive.
        place: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// What was read is not a graph.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Any of these, of a file.
    #[error("{}: {source}", path.display())]
    In {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<GraphError>,
    },
}

impl GraphError {
    /// Something wrong at a place.
    pub(super) fn at(place: impl ToString, what: impl ToString) -> GraphError {
        GraphError::Malformed { place: place.to_string(), what: what.to_string() }
    }
}
