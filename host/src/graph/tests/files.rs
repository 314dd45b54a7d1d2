//! What files of each format become.

use super::super::load::{edge_list, matrix_market, npz, open};
use super::cora;
use crate::graph::{Edges, Graph};
use std::io::Write;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A `.npy` array.
pub fn npy(descr: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut array = b"\x93NUMPY\x01\x00".to_vec();
    array.extend((header.len() as u16).to_le_bytes());
    array.extend(header.bytes());
    array.extend(bytes);
    array
}

/// A `.npz` archive.
pub fn archive(members: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The members that SciPy writes for the graph 0→1 (0.5), 1→0 (−2), 1→1 (3), of three vertices.
pub fn small() -> Vec<(&'static str, Vec<u8>)> {
    let wide = |numbers: &[i64]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let floats = [0.5f64, -2.0, 3.0].iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let narrow = [1i32, 0, 1].iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    vec![
        ("indices.npy", npy("<i4", "(3,)", &narrow)),
        ("indptr.npy", npy("<i8", "(4,)", &wide(&[0, 1, 3, 3]))),
        ("format.npy", npy("|S3", "()", b"csr")),
        ("shape.npy", npy("<i8", "(2,)", &wide(&[3, 3]))),
        ("data.npy", npy("<f8", "(3,)", &floats)),
    ]
}

/// The same graph.
pub fn expected() -> Graph {
    Graph::new(vec![0, 1, 3, 3], vec![1, 0, 1], Some(vec![0.5, -2.0, 3.0])).unwrap()
}

#[test]
fn npz() {
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        assert_eq!(npz::parse(&archive(&small(), method)).unwrap(), expected());
    }
    let pattern: Vec<_> = small().into_iter().filter(|(name, _)| *name != "data.npy").collect();
    let graph = npz::parse(&archive(&pattern, CompressionMethod::Stored)).unwrap();
    assert_eq!(graph, expected().without_weights());
    let bytes = include_bytes!("../../../data/cora28/graph.npz");
    let normalized = cora().normalized().unwrap();
    let theirs = npz::parse(bytes).unwrap();
    assert_eq!((theirs.row_pointers(), theirs.columns()), (normalized.row_pointers(), normalized.columns()));
    let weights = theirs.weights().unwrap().iter().zip(normalized.weights().unwrap());
    assert!(weights.clone().all(|(a, b)| (a - b).abs() < 1e-7), "the same weights but for their last bit");
}

#[test]
fn matrix_market() {
    let general = "%%MatrixMarket matrix coordinate real general\n% by hand\n\n3 3 3\n1 2 5e-1\n2 1 -2\r\n2 2 3.0\n";
    assert_eq!(matrix_market::parse(general.as_bytes()).unwrap(), expected());
    let symmetric = "%%MatrixMarket MATRIX Coordinate Pattern Symmetric\n 3  3 3\n1 1\n2 1\n3\t2";
    let graph = Graph::from_edges(3, vec![(0, 0), (0, 1), (1, 0), (1, 2), (2, 1)]).unwrap();
    assert_eq!(matrix_market::parse(symmetric.as_bytes()).unwrap(), graph);
    let integer = "%%MatrixMarket matrix coordinate integer symmetric\n2 2 2\n2 1 7\n2 2 1\n";
    let edges = Edges { ends: vec![(0, 1), (1, 0), (1, 1)], weights: vec![7.0, 7.0, 1.0] };
    assert_eq!(matrix_market::parse(integer.as_bytes()).unwrap(), edges.build(2).unwrap());
    let isolated = "%%MatrixMarket matrix coordinate pattern general\n1000 1000 0\n";
    assert_eq!(matrix_market::parse(isolated.as_bytes()).unwrap().vertices(), 1000);
}

#[test]
fn edge_lists() {
    let list = "# by hand\n0 1 .5\n1,0,-2\n\n% more\n1\t1\t3e0\r\n";
    let graph = Graph::new(vec![0, 1, 3], vec![1, 0, 1], Some(vec![0.5, -2.0, 3.0])).unwrap();
    assert_eq!(edge_list::parse(list.as_bytes()).unwrap(), graph);
    assert_eq!(edge_list::parse(b"5 0").unwrap(), Graph::from_edges(6, vec![(5, 0)]).unwrap());
}

#[test]
fn names_tell_the_format() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(b"0 1\n").unwrap();
    let one = Graph::from_edges(2, vec![(0, 1)]).unwrap();
    assert_eq!(open(&write("a.TXT", b"0 1\n")).unwrap(), one);
    assert_eq!(open(&write("a.edges.gz", &packed.finish().unwrap())).unwrap(), one);
    assert_eq!(open(&write("a.npz", &archive(&small(), CompressionMethod::Deflated))).unwrap(), expected());
    let error = open(&write("a.pickle", b"")).unwrap_err().to_string();
    assert!(error.contains("a.pickle: its name: ends with none of .mtx"), "{error}");
    let error = open(&write("b.txt", b"0 x\n")).unwrap_err().to_string();
    assert!(error.contains("b.txt: line 1: 'x' is no vertex"), "{error}");
    assert!(open(&folder.path().join("missing.mtx")).unwrap_err().to_string().starts_with("cannot read "));
    assert!(open(&write("c.txt.gz", b"0 1\n")).unwrap_err().to_string().starts_with("cannot read "));
}
