//! Sparse matrices in compressed rows, and the graph's normalised adjacency as one.

use ndarray::{Array2, ArrayView2, CowArray, Ix2};

/// A sparse `f32` matrix in compressed rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Csr {
    columns: usize,
    row_start: Vec<usize>,
    column_of: Vec<u32>,
    values: Vec<f32>,
}

/// A [`Csr`] that is being made row by row.
#[derive(Debug)]
pub struct CsrBuilder {
    matrix: Csr,
}

impl CsrBuilder {
    /// Appends a row of (column, value) entries, in the order in which products add them.
    ///
    /// # Panics
    /// If a column is not below the number of columns.
    pub fn push_row(&mut self, entries: impl Iterator<Item = (u32, f32)>) {
        let matrix = &mut self.matrix;
        for (column, value) in entries {
            assert!((column as usize) < matrix.columns, "column {column} of {}", matrix.columns);
            matrix.column_of.push(column);
            matrix.values.push(value);
        }
        matrix.row_start.push(matrix.values.len());
    }

    /// The matrix of the rows so far.
    pub fn finish(self) -> Csr {
        self.matrix
    }
}

impl Csr {
    /// Starts a matrix of this many columns and no rows.
    pub fn builder(columns: usize) -> CsrBuilder {
        CsrBuilder { matrix: Csr { columns, row_start: vec![0], column_of: Vec::new(), values: Vec::new() } }
    }

    /// D^-1/2 (A + I) D^-1/2 of an undirected graph, D the row sums of A + I (Kipf & Welling, ICLR 2017, section 2.2).
    ///
    /// `edges` holds each undirected edge once and no self-loop. Shape `[vertices, vertices]`, columns ascending.
    ///
    /// # Panics
    /// If an edge names a vertex that is not below `vertices`.
    pub fn normalized_adjacency(vertices: usize, edges: &[(u16, u16)]) -> Csr {
        let mut neighbours: Vec<Vec<u32>> = (0..vertices).map(|vertex| vec![vertex as u32]).collect();
        for &(u, v) in edges {
            neighbours[usize::from(u)].push(u32::from(v));
            neighbours[usize::from(v)].push(u32::from(u));
        }
        let degree: Vec<usize> = neighbours.iter().map(Vec::len).collect();
        let mut matrix = Csr::builder(vertices);
        for (vertex, mut row) in neighbours.into_iter().enumerate() {
            row.sort_unstable();
            // One root of the product, rounded once, makes the matrix exactly symmetric.
            let weight = |other: u32| 1.0 / ((degree[vertex] * degree[other as usize]) as f64).sqrt();
            matrix.push_row(row.iter().map(|&other| (other, weight(other) as f32)));
        }
        matrix.finish()
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.row_start.len() - 1
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The stored values, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The stored values, row by row, to be changed in place.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The (column, value) entries of a row.
    pub fn row(&self, row: usize) -> impl ExactSizeIterator<Item = (usize, f32)> + '_ {
        let range = self.row_start[row]..self.row_start[row + 1];
        let columns = self.column_of[range.clone()].iter().map(|&column| column as usize);
        columns.zip(self.values[range].iter().copied())
    }

    /// `self · dense`, shape `[rows, n]` for a dense `[columns, n]`.
    ///
    /// # Panics
    /// If `dense` has another number of rows than this matrix has columns, or no columns.
    pub fn multiply(&self, dense: ArrayView2<'_, f32>) -> Array2<f32> {
        assert_eq!(dense.nrows(), self.columns, "rows of the dense factor");
        let (width, dense) = (dense.ncols(), dense.as_standard_layout());
        let dense = elements(&dense);
        let mut product = vec![0.0; self.rows() * width];
        for (row, sums) in product.chunks_exact_mut(width).enumerate() {
            for (column, value) in self.row(row) {
                add_scaled(sums, value, &dense[column * width..][..width]);
            }
        }
        matrix(self.rows(), width, product)
    }

    /// `selfᵀ · dense`, shape `[columns, n]` for a dense `[rows, n]`.
    ///
    /// # Panics
    /// If `dense` has another number of rows than this matrix, or no columns.
    pub fn multiply_transposed(&self, dense: ArrayView2<'_, f32>) -> Array2<f32> {
        assert_eq!(dense.nrows(), self.rows(), "rows of the dense factor");
        let (width, dense) = (dense.ncols(), dense.as_standard_layout());
        let mut product = vec![0.0; self.columns * width];
        for (row, addends) in elements(&dense).chunks_exact(width).enumerate() {
            for (column, value) in self.row(row) {
                add_scaled(&mut product[column * width..][..width], value, addends);
            }
        }
        matrix(self.columns, width, product)
    }
}

// Rows are short (16 and 7 columns), so that plain slices are several times faster than a view a row.
fn add_scaled(sums: &mut [f32], value: f32, addends: &[f32]) {
    for (sum, addend) in sums.iter_mut().zip(addends) {
        *sum += value * addend;
    }
}

fn elements<'a>(dense: &'a CowArray<'_, f32, Ix2>) -> &'a [f32] {
    dense.as_slice().expect("an array in standard layout is a slice")
}

fn matrix(rows: usize, columns: usize, elements: Vec<f32>) -> Array2<f32> {
    Array2::from_shape_vec((rows, columns), elements).expect("as many elements as rows times columns")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gcn::Dataset;
    use ndarray::{array, Array};

    #[test]
    fn adjacency_of_a_path_is_what_the_formula_says() {
        let path = Csr::normalized_adjacency(4, &[(0, 1), (1, 2)]);
        let dense = path.multiply(Array::eye(4).view());
        let (half, third, sixth) = (0.5, 1.0 / 3.0, (1.0 / 6f64.sqrt()) as f32);
        let expected = array![
            [half, sixth, 0.0, 0.0],
            [sixth, third, sixth, 0.0],
            [0.0, sixth, half, 0.0],
            [0.0, 0.0, 0.0, 1.0] // a vertex without edges keeps its own features
        ];
        assert_eq!(dense, expected);
    }

    #[test]
    fn coras_adjacency_is_symmetric_and_counts_every_edge() {
        let cora = Dataset::load("cora").unwrap();
        let matrix = Csr::normalized_adjacency(cora.vertices(), &cora.edges);
        assert_eq!(matrix.values().len(), 2708 + 10_556);
        for row in 0..matrix.rows() {
            for (column, value) in matrix.row(row) {
                let mirrored = matrix.row(column).find(|&(back, _)| back == row);
                assert_eq!(mirrored, Some((row, value)), "entry ({row}, {column})");
            }
        }
    }

    #[test]
    fn products_equal_the_dense_ones() {
        let mut sparse = Csr::builder(3);
        sparse.push_row([(0, 2.0), (2, -1.0)].into_iter());
        sparse.push_row([].into_iter());
        let factor = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
        assert_eq!(sparse.finish().multiply(factor.view()), array![[-3.0, -2.0], [0.0, 0.0]]);

        let mut sparse = Csr::builder(3);
        sparse.push_row([(0, 2.0), (2, -1.0)].into_iter());
        sparse.push_row([(2, 0.5)].into_iter());
        let factor = array![[1.0, 2.0], [4.0, 8.0]];
        let product = sparse.finish().multiply_transposed(factor.view());
        assert_eq!(product, array![[2.0, 4.0], [0.0, 0.0], [1.0, 2.0]]);
    }
}
