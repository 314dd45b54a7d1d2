//! From edges in any order to compressed rows.

use super::{Graph, Invalid};
use nearfield_abi::beicsr::ROWS_MOST;

/// Edges in any order, that become a [`Graph`].
#[derive(Clone, Debug, Default)]
pub struct Edges {
    /// Row and column of each edge.
    pub ends: Vec<(u32, u32)>,
    /// The weight of each, or nothing: then all are 1.
    pub weights: Vec<f32>,
}

impl Edges {
    /// Compressed rows, columns ascending. An edge that is there more than once is one; its weights are summed, in f64 and in their order.
    ///
    /// # Errors
    ///
    /// When an end is not below `vertices`, a sum is not finite, or there are too many of either.
    pub fn build(self, vertices: usize) -> Result<Graph, Invalid> {
        let Edges { ends, weights } = self;
        if vertices == 0 || vertices as u64 > ROWS_MOST {
            return Err(Invalid::Vertices { vertices: vertices as u64 });
        }
        if u32::try_from(ends.len()).is_err() {
            return Err(Invalid::Edges { edges: ends.len() as u64 });
        }
        let weighted = !weights.is_empty();
        if weighted && weights.len() != ends.len() {
            return Err(Invalid::Weights { weights: weights.len(), edges: ends.len() });
        }
        let mut place = vec![0u32; vertices + 1];
        for (edge, &(row, column)) in ends.iter().enumerate() {
            if let Some(bad) = [row, column].into_iter().find(|&id| id as usize >= vertices) {
                return Err(Invalid::Column { row: row as usize, edge, column: u64::from(bad), vertices });
            }
            place[row as usize + 1] += 1;
        }
        for row in 0..vertices {
            place[row + 1] += place[row];
        }
        let mut by_row = vec![(0u32, 0.0f32); ends.len()];
        let mut next = place.clone();
        for (edge, &(row, column)) in ends.iter().enumerate() {
            let weight = if weighted { weights[edge] } else { 1.0 };
            by_row[next[row as usize] as usize] = (column, weight);
            next[row as usize] += 1;
        }
        drop((ends, weights, next));
        let mut row_pointers = Vec::with_capacity(vertices + 1);
        row_pointers.push(0);
        let mut columns = Vec::with_capacity(by_row.len());
        let mut summed = Vec::with_capacity(if weighted { by_row.len() } else { 0 });
        for row in 0..vertices {
            let entries = &mut by_row[place[row] as usize..place[row + 1] as usize];
            // Stable, so that weights are summed in their order.
            entries.sort_by_key(|&(column, _)| column);
            for group in entries.chunk_by(|a, b| a.0 == b.0) {
                columns.push(group[0].0);
                if weighted {
                    summed.push(group.iter().map(|&(_, weight)| f64::from(weight)).sum::<f64>() as f32);
                }
            }
            row_pointers.push(columns.len() as u32);
        }
        Graph::new(row_pointers, columns, weighted.then_some(summed))
    }
}

impl Graph {
    /// Edges without weights, in any order, as a graph: columns ascending, each edge once.
    ///
    /// # Errors
    ///
    /// As [`Edges::build`].
    pub fn from_edges(vertices: usize, ends: Vec<(u32, u32)>) -> Result<Graph, Invalid> {
        Edges { ends, weights: Vec::new() }.build(vertices)
    }
}
