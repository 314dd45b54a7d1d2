//! Graphs as the aggregation kernels take them, and what is done to them before: loading, normalising, ordering.
//!
//! A [`Graph`] is compressed rows: row u holds the vertices that u aggregates, in the order in which it adds them.
//! [`load::open`] reads Matrix Market, SciPy's `.npz` and edge lists, [`dataset`] the published sets, [`rmat`] draws one.
//! [`order::community`] renumbers vertices so that neighbours lie near each other, [`bypass`] says which uses are not worth a
//! place in the cache. Files are not trusted; `docs/formats.md` says what is refused.

mod build;
pub mod bypass;
pub mod dataset;
mod error;
pub mod features;
pub mod load;
pub mod masks;
mod normalize;
pub mod order;
pub mod rmat;
mod spec;

pub use build::Edges;
pub use error::{GraphError, Invalid};
pub use spec::{GraphSpec, SpecError};

use nearfield_abi::beicsr::ROWS_MOST;
use std::ops::Range;

/// A graph in compressed rows: at least one vertex, ids below 2^31, fewer than 2^32 edges, weights finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    row_pointers: Vec<u32>,
    columns: Vec<u32>,
    weights: Option<Vec<f32>>,
}

impl Graph {
    /// A graph of compressed rows. `row_pointers` has an entry a vertex and one more, `columns` and `weights` an entry an edge; without
    /// weights each is 1.
    ///
    /// # Errors
    ///
    /// The first rule that they break: no vertex, pointers that do not begin at 0, decrease, or end elsewhere than the edges, an id that is
    /// no vertex, a weight that is infinite or NaN, more or fewer weights than edges.
    pub fn new(row_pointers: Vec<u32>, columns: Vec<u32>, weights: Option<Vec<f32>>) -> Result<Graph, Invalid> {
        let vertices = row_pointers.len().saturating_sub(1);
        if vertices == 0 || vertices as u64 > ROWS_MOST {
            return Err(Invalid::Vertices { vertices: vertices as u64 });
        }
        let edges = columns.len();
        if row_pointers[0] != 0 {
            return Err(Invalid::Start { first: row_pointers[0] });
        }
        if let Some(row) = row_pointers.windows(2).position(|ends| ends[1] < ends[0]) {
            return Err(Invalid::Decreases { row, begin: row_pointers[row], end: row_pointers[row + 1] });
        }
        if row_pointers[vertices] as usize != edges {
            return Err(Invalid::Ends { end: row_pointers[vertices], edges });
        }
        if let Some(edge) = columns.iter().position(|&column| column as usize >= vertices) {
            let row = row_pointers.partition_point(|&begin| begin as usize <= edge) - 1;
            return Err(Invalid::Column { row, edge, column: u64::from(columns[edge]), vertices });
        }
        if let Some(weights) = &weights {
            if weights.len() != edges {
                return Err(Invalid::Weights { weights: weights.len(), edges });
            }
            if let Some(edge) = weights.iter().position(|weight| !weight.is_finite()) {
                let row = row_pointers.partition_point(|&begin| begin as usize <= edge) - 1;
                return Err(Invalid::Weight { row, edge, weight: weights[edge] });
            }
        }
        Ok(Graph { row_pointers, columns, weights })
    }

    /// Number of vertices.
    pub fn vertices(&self) -> usize {
        self.row_pointers.len() - 1
    }

    /// Number of edges: an undirected one counts twice, a self-loop once.
    pub fn edges(&self) -> usize {
        self.columns.len()
    }

    /// Where each row begins, and where the last one ends.
    pub fn row_pointers(&self) -> &[u32] {
        &self.row_pointers
    }

    /// The neighbour of each edge, without bypass bits.
    pub fn columns(&self) -> &[u32] {
        &self.columns
    }

    /// The weight of each edge, if there are weights.
    pub fn weights(&self) -> Option<&[f32]> {
        self.weights.as_deref()
    }

    /// The edges of a row.
    pub fn row(&self, vertex: usize) -> Range<usize> {
        self.row_pointers[vertex] as usize..self.row_pointers[vertex + 1] as usize
    }

    /// The neighbours in a row.
    pub fn neighbours(&self, vertex: usize) -> &[u32] {
        &self.columns[self.row(vertex)]
    }

    /// The longest row's number of edges.
    pub fn longest_row(&self) -> usize {
        self.row_pointers.windows(2).map(|ends| (ends[1] - ends[0]) as usize).max().unwrap_or(0)
    }

    /// The same edges without weights.
    pub fn without_weights(self) -> Graph {
        Graph { weights: None, ..self }
    }

    /// Row pointers, columns and weights.
    pub fn into_parts(self) -> (Vec<u32>, Vec<u32>, Option<Vec<f32>>) {
        (self.row_pointers, self.columns, self.weights)
    }
}

#[cfg(test)]
mod tests;
