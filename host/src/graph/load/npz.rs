//! SciPy's compressed rows as `scipy.sparse.save_npz` writes them: a zip archive of `.npy` arrays `indptr`, `indices`, `data`, and `shape`
//! and `format` where they are there. `numpy.savez(indptr=…, indices=…, data=…)` makes the same without the last two; without
//! `data` all weights are 1. Rows stay in the file's order.

use super::npy::Array;
use super::{check_vertices, BYTES_MOST};
use crate::graph::{Graph, GraphError};
use std::io::{Cursor, Read};
use zip::{CompressionMethod, ZipArchive};

/// The most members of an archive that are looked at.
const MEMBERS_MOST: usize = 1024;

/// A zip archive of arrays, whose members are stored or deflated.
pub struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// Bytes that may still be unpacked.
    left: u64,
}

impl<'a> Archive<'a> {
    /// Reads the archive's directory.
    ///
    /// # Errors
    ///
    /// When it is not a zip archive, or has more members than anybody needs.
    pub fn parse(bytes: &'a [u8]) -> Result<Archive<'a>, GraphError> {
        let zip = ZipArchive::new(Cursor::new(bytes))
            .map_err(|error| GraphError::at("the archive", format!("is no zip archive that can be read: {error}")))?;
        if zip.len() > MEMBERS_MOST {
            return Err(GraphError::at(
                "the archive",
                format!("has {} members; at most {MEMBERS_MOST} are read", zip.len()),
            ));
        }
        Ok(Archive { zip, left: BYTES_MOST })
    }

    /// The bytes of a member, or nothing if it is not there. All that is unpacked together is at most [`BYTES_MOST`].
    ///
    /// # Errors
    ///
    /// When it is packed otherwise, encrypted, damaged, or longer than it says.
    pub fn member(&mut self, name: &str) -> Result<Option<Vec<u8>>, GraphError> {
        let Some(index) = self.zip.index_for_name(name) else { return Ok(None) };
        let refuse = |what: String| GraphError::at(name, what);
        let member = self.zip.by_index(index).map_err(|error| refuse(format!("it cannot be read: {error}")))?;
        if !matches!(member.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
            return Err(refuse(format!("it is packed with {}; store or deflate it", member.compression())));
        }
        let said = member.size();
        if said > self.left {
            return Err(refuse(format!("it has {said} bytes, but only {} more are read", self.left)));
        }
        // Grows with what comes, not with what is said.
        let mut bytes = Vec::new();
        member.take(said + 1).read_to_end(&mut bytes).map_err(|error| refuse(format!("it is damaged: {error}")))?;
        if bytes.len() as u64 != said {
            return Err(refuse(format!("it does not have the {said} bytes that the archive says; it is damaged")));
        }
        self.left -= said;
        Ok(Some(bytes))
    }

    /// The bytes of a member that has to be there.
    ///
    /// # Errors
    ///
    /// As [`Archive::member`], and when there is none.
    pub fn required(&mut self, name: &str) -> Result<Vec<u8>, GraphError> {
        self.member(name)?.ok_or_else(|| {
            GraphError::at("the archive", format!("has no member {name}; save a csr_matrix with scipy.sparse.save_npz"))
        })
    }
}

/// Reads an archive as a graph.
///
/// # Errors
///
/// When members are missing, are no arrays of numbers, or do not fit each other, and what [`Graph::new`] refuses.
pub fn parse(bytes: &[u8]) -> Result<Graph, GraphError> {
    let mut archive = Archive::parse(bytes)?;
    if let Some(bytes) = archive.member("format.npy")? {
        let format = Array::parse("format.npy", &bytes)?.text().unwrap_or_default();
        if format != "csr" {
            let what = format!("the matrix is in the format '{}'; convert it with tocsr()", format.escape_debug());
            return Err(GraphError::at("format.npy", what));
        }
    }
    let pointers = numbers(&mut archive, "indptr.npy")?;
    let vertices = check_vertices("indptr.npy", (pointers.len() as u64).saturating_sub(1), bytes.len())?;
    if let Some(bytes) = archive.member("shape.npy")? {
        let shape = Array::parse("shape.npy", &bytes)?;
        let sizes: Option<Vec<u64>> = shape.numbers().and_then(|numbers| numbers.collect());
        if sizes.as_deref() != Some(&[vertices as u64; 2]) {
            let what = format!("the matrix should be square with {vertices} rows, as indptr has, but is {sizes:?}");
            return Err(GraphError::at("shape.npy", what));
        }
    }
    let columns = numbers(&mut archive, "indices.npy")?;
    let weights = match archive.member("data.npy")? {
        None => None,
        Some(bytes) => Some(Array::parse("data.npy", &bytes)?.floats().ok_or_else(|| {
            GraphError::at("data.npy", "its elements are no numbers that fit f32; save the matrix with astype(float32)")
        })?),
    };
    Ok(Graph::new(pointers, columns, weights)?)
}

/// A member of one dimension whose elements fit u32.
fn numbers(archive: &mut Archive<'_>, name: &str) -> Result<Vec<u32>, GraphError> {
    let bytes = archive.required(name)?;
    let array = Array::parse(name, &bytes)?;
    let elements = array.numbers().filter(|_| array.shape.len() == 1);
    let elements = elements.ok_or_else(|| GraphError::at(name, "it is no array of whole numbers of one dimension"))?;
    let fits = |(at, number): (usize, Option<u64>)| {
        number.and_then(|number| u32::try_from(number).ok()).ok_or_else(|| {
            GraphError::at(name, format!("element {at} is negative or does not fit 32 bits; use a smaller graph"))
        })
    };
    elements.enumerate().map(fits).collect()
}
