//! Graphs from files that others made. Nothing in them is trusted: lengths are compared with the file's before anything is allocated by
//! them, and every rule of [`Graph`] is checked.
//!
//! A file of n bytes has at most n + 2^20 vertices, so that a header or a single id cannot ask for gigabytes.

pub mod edge_list;
pub mod matrix_market;
pub mod npy;
pub mod npz;

use super::{Graph, GraphError};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The most bytes of a file that are read, unpacked.
pub const BYTES_MOST: u64 = 1 << 34;

/// Vertices that a file may have beyond its bytes.
const VERTICES_FREE: u64 = 1 << 20;

/// Reads a graph, its format told by the name: `.mtx`, `.npz`, or an edge list (`.txt`, `.tsv`, `.csv`, `.el`, `.edges`); the texts also as
/// `.gz`.
///
/// # Errors
///
/// When the file cannot be read, its name ends otherwise, or what is in it is not a graph.
pub fn open(path: &Path) -> Result<Graph, GraphError> {
    let inside = |source| GraphError::In { path: path.into(), source: Box::new(source) };
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let (stem, packed) = name.strip_suffix(".gz").map_or((name.as_str(), false), |stem| (stem, true));
    let parse: fn(&[u8]) -> Result<Graph, GraphError> = match stem.rsplit_once('.').map(|(_, ending)| ending) {
        Some("mtx") => matrix_market::parse,
        Some("npz") if !packed => npz::parse,
        Some("txt" | "tsv" | "csv" | "el" | "edges") => edge_list::parse,
        _ => {
            return Err(inside(GraphError::at(
                "its name",
                "ends with none of .mtx, .npz, .txt, .tsv, .csv, .el and .edges (texts also with .gz); rename or convert it",
            )))
        }
    };
    let bytes = read(path, packed)?;
    parse(&bytes).map_err(inside)
}

/// The bytes of a file, unpacked, at most [`BYTES_MOST`].
fn read(path: &Path, packed: bool) -> Result<Vec<u8>, GraphError> {
    let failed = |source| GraphError::Read { path: path.into(), source };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    let mut limited = |reader: &mut dyn Read| reader.take(BYTES_MOST + 1).read_to_end(&mut bytes);
    let read = if packed { limited(&mut flate2::read::MultiGzDecoder::new(file)) } else { limited(&mut &file) };
    read.map_err(failed)?;
    if bytes.len() as u64 > BYTES_MOST {
        let what = format!("has more than {BYTES_MOST} bytes; cut it, or make an .npz of it");
        return Err(GraphError::In { path: path.into(), source: Box::new(GraphError::at("its content", what)) });
    }
    Ok(bytes)
}

/// Refuses more vertices than a file of so many bytes may have.
fn check_vertices(place: impl ToString, vertices: u64, bytes: usize) -> Result<usize, GraphError> {
    let most = bytes as u64 + VERTICES_FREE;
    match usize::try_from(vertices) {
        Ok(count) if vertices <= most => Ok(count),
        _ => {
            let what = format!(
                "{vertices} vertices are too many for {bytes} bytes (at most {most}); number the vertices densely"
            );
            Err(GraphError::at(place, what))
        }
    }
}

/// Text, line by line: number from 1, and the line without its end.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = bytes.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    (1..).zip(lines)
}

/// The fields of a line: what blanks, tabs or, if it is so, commas part.
fn fields(line: &[u8], commas: bool) -> impl Iterator<Item = &[u8]> {
    line.split(move |&byte| matches!(byte, b' ' | b'\t') || commas && byte == b',').filter(|field| !field.is_empty())
}

/// A whole number.
fn number(field: &[u8]) -> Option<u64> {
    std::str::from_utf8(field).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

/// A field as a person reads it, cut where it is long.
fn shown(field: &[u8]) -> String {
    String::from_utf8_lossy(&field[..field.len().min(40)]).escape_debug().to_string()
}

/// A weight; infinite ones and NaNs are refused with the graph.
fn weight(field: &[u8]) -> Option<f32> {
    std::str::from_utf8(field).ok()?.parse().ok()
}
