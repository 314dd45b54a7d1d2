//! The undirected graph, and the normalised adjacency.

use super::{Graph, Invalid};

impl Graph {
    /// Each edge in both directions, without weights: columns ascending, each once.
    ///
    /// # Errors
    ///
    /// When there would be 2^32 edges or more.
    pub fn symmetrized(&self) -> Result<Graph, Invalid> {
        let mut ends = Vec::with_capacity(2 * self.edges());
        for row in 0..self.vertices() {
            for &column in self.neighbours(row) {
                ends.extend([(row as u32, column), (column, row as u32)]);
            }
        }
        Graph::from_edges(self.vertices(), ends)
    }

    /// Whether each edge is there in both directions, weights aside. Rows may be in any order.
    pub fn is_symmetric(&self) -> bool {
        let natural = super::order::Order::natural(self.vertices());
        let sorted = self.clone().without_weights().relabelled(&natural);
        // Going through the rows in order, the transpose's rows are met in ascending order: each edge takes one place of the row it leads to.
        let mut next = sorted.row_pointers.clone();
        (0..self.vertices()).all(|row| {
            sorted.neighbours(row).iter().all(|&column| {
                let edge = next[column as usize] as usize;
                next[column as usize] += 1;
                sorted.row(column as usize).contains(&edge) && sorted.columns[edge] == row as u32
            })
        })
    }

    /// D^-1/2 (A + I) D^-1/2, D the row sums of A + I (Kipf & Welling, ICLR 2017, section 2.2), A undirected. A self-loop of weight 1
    /// is added where there is none. Columns ascending. A weight is `w / sqrt(d_i · d_j)` in f64, rounded once to f32.
    ///
    /// # Errors
    ///
    /// When there would be 2^32 edges or more, or weights of a row do not sum to something positive and finite.
    pub fn normalized(&self) -> Result<Graph, Invalid> {
        let vertices = self.vertices();
        let most = self.edges() as u64 + vertices as u64;
        if most > u64::from(u32::MAX) {
            return Err(Invalid::Edges { edges: most });
        }
        let mut row_pointers = vec![0];
        let mut entries: Vec<(u32, f64)> = Vec::with_capacity(most as usize);
        let mut degrees = Vec::with_capacity(vertices);
        for row in 0..vertices {
            let begin = entries.len();
            entries.extend(self.row(row).map(|edge| {
                let weight = self.weights.as_ref().map_or(1.0, |weights| f64::from(weights[edge]));
                (self.columns[edge], weight)
            }));
            if !self.neighbours(row).contains(&(row as u32)) {
                entries.push((row as u32, 1.0));
            }
            let here = &mut entries[begin..];
            here.sort_by_key(|&(column, _)| column);
            let degree: f64 = here.iter().map(|&(_, weight)| weight).sum();
            if !(degree > 0.0 && degree.is_finite()) {
                return Err(Invalid::Degree { row, degree });
            }
            degrees.push(degree);
            row_pointers.push(entries.len() as u32);
        }
        let mut weights = Vec::with_capacity(entries.len());
        for row in 0..vertices {
            let here = &entries[row_pointers[row] as usize..row_pointers[row + 1] as usize];
            // One root of the product makes a symmetric matrix exactly symmetric.
            weights.extend(
                here.iter().map(|&(column, weight)| (weight / (degrees[row] * degrees[column as usize]).sqrt()) as f32),
            );
        }
        Graph::new(row_pointers, entries.into_iter().map(|(column, _)| column).collect(), Some(weights))
    }
}
