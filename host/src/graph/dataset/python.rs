//! What Planetoid's pickles hold, with types: arrays, sparse matrices, adjacency lists.

use super::pickle::{Object, Pickle, PickleError, Value};
use crate::gcn::Csr;

/// An array of numbers of one or two dimensions, row-major.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Array {
    pub rows: usize,
    pub columns: usize,
    pub values: Vec<f64>,
}

/// The largest dimension; the largest of these files is 19,717.
const MOST: i64 = 1 << 20;
/// The most edges; the largest of these files has 108,365.
const EDGES_MOST: usize = 1 << 20;

fn refuse<T>(what: &str) -> Result<T, PickleError> {
    Err(PickleError { at: 0, what: what.into() })
}

/// A pickle that is an array of two dimensions.
pub(super) fn array(bytes: &[u8]) -> Result<Array, PickleError> {
    let pickle = Pickle::read(bytes)?;
    array_of(&pickle, pickle.root)
}

fn array_of<'a>(pickle: &Pickle<'a>, value: Value<'a>) -> Result<Array, PickleError> {
    let Value::Object(object) = value else { return refuse("it is no array") };
    let Object::Array(Some((shape, dtype, bytes))) = &pickle.objects[object] else { return refuse("it is no array") };
    let shape: Option<Vec<usize>> =
        pickle.values(*shape).and_then(|shape| shape.iter().map(|&size| Pickle::integer(size, 0..MOST)).collect());
    let (rows, columns) = match shape.as_deref() {
        Some(&[rows]) => (rows, 1),
        Some(&[rows, columns]) => (rows, columns),
        _ => return refuse("an array has neither one nor two dimensions, or one of them is too large"),
    };
    fn all<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
        bytes.as_chunks::<N>().0.iter().map(|&bytes| number(bytes)).collect()
    }
    let values = match *dtype {
        b"i4" => all(bytes, |bytes| f64::from(i32::from_le_bytes(bytes))),
        b"i8" => all(bytes, |bytes| i64::from_le_bytes(bytes) as f64),
        b"f4" => all(bytes, |bytes| f64::from(f32::from_le_bytes(bytes))),
        b"f8" => all(bytes, f64::from_le_bytes),
        _ => return refuse("an array is neither of i4, i8, f4 nor f8"),
    };
    // Both factors are small, so this does not overflow.
    let size = if matches!(*dtype, b"i4" | b"f4") { 4 } else { 8 };
    if rows * columns * size != bytes.len() {
        return refuse("an array has more or fewer bytes than its shape says");
    }
    Ok(Array { rows, columns, values })
}

/// A pickle that is a sparse matrix in compressed rows.
pub(super) fn matrix(bytes: &[u8]) -> Result<Csr, PickleError> {
    let pickle = Pickle::read(bytes)?;
    let entries = pickle.entries(pickle.root).unwrap_or_default();
    let named = |name: &[u8]| entries.iter().find(|(key, _)| *key == Value::Bytes(name)).map(|&(_, value)| value);
    let shape = named(b"_shape").and_then(|shape| pickle.values(shape));
    let shape = match shape {
        Some(&[rows, columns]) => Pickle::integer(rows, 1..MOST).zip(Pickle::integer(columns, 1..MOST)),
        _ => None,
    };
    let Some((rows, columns)) = shape else { return refuse("it is no matrix with a shape") };
    let part = |name: &[u8]| named(name).map_or_else(|| refuse("a part is missing"), |part| array_of(&pickle, part));
    let (pointers, indices, data) = (part(b"indptr")?, part(b"indices")?, part(b"data")?);
    let count = data.values.len();
    let ends = pointers.values.first() == Some(&0.0) && pointers.values.last() == Some(&(count as f64));
    if pointers.values.len() != rows + 1 || !ends || !pointers.values.is_sorted() || indices.values.len() != count {
        return refuse("the parts of a matrix do not fit each other");
    }
    if indices.values.iter().any(|&column| !(0.0..columns as f64).contains(&column)) {
        return refuse("a column of a matrix is out of range");
    }
    if data.values.iter().any(|&value| !(value as f32).is_finite()) {
        return refuse("a value of a matrix is not finite");
    }
    let mut matrix = Csr::builder(columns);
    for ends in pointers.values.windows(2) {
        let here = ends[0] as usize..ends[1] as usize;
        let mut row: Vec<(u32, f32)> = here.map(|at| (indices.values[at] as u32, data.values[at] as f32)).collect();
        row.sort_by_key(|&(column, _)| column);
        if row.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return refuse("a row of a matrix has a column twice");
        }
        // A stored zero is no feature.
        matrix.push_row(row.into_iter().filter(|&(_, value)| value != 0.0));
    }
    Ok(matrix.finish())
}

/// A pickle that is a dictionary from vertices to lists of neighbours: its edges as they stand there.
pub(super) fn adjacency(bytes: &[u8], vertices: usize) -> Result<Vec<(u32, u32)>, PickleError> {
    let pickle = Pickle::read(bytes)?;
    let vertex = |value| Pickle::integer(value, 0..vertices as i64).map(|vertex| vertex as u32);
    let mut edges = Vec::new();
    let Some(entries) = pickle.entries(pickle.root) else { return refuse("it is no dictionary") };
    for &(from, neighbours) in entries {
        let Some(from) = vertex(from) else { return refuse("a key is no vertex") };
        let Some(neighbours) = pickle.values(neighbours) else { return refuse("a vertex has no list") };
        // One list may stand for many vertices, so its length is no measure of the file.
        if edges.len() + neighbours.len() > EDGES_MOST {
            return refuse("there are more edges than any of these graphs has");
        }
        for &to in neighbours {
            let Some(to) = vertex(to) else { return refuse("a neighbour is no vertex") };
            edges.push((from, to));
        }
    }
    Ok(edges)
}
