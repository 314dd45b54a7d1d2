//! Hostile files: each rule, and a bounded form of the fuzz target `graph`.

use super::super::load::{edge_list, matrix_market, npz};
use super::files::{archive, npy, small};
use crate::graph::{Graph, GraphError};
use zip::CompressionMethod::{Deflated, Stored};

fn message(result: Result<Graph, GraphError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn edge_lists_that_are_none() {
    let refused = |text: &str| message(edge_list::parse(text.as_bytes()));
    assert_eq!(refused("# nothing\n"), "the list: has no edges; write a line `u v` an edge");
    assert!(refused("0 1\n2\n").starts_with("line 2: '' is no vertex"));
    assert!(refused("0 -1\n").starts_with("line 1: '-1' is no vertex"));
    assert!(refused("0 2147483648\n").starts_with("line 1: '2147483648' is no vertex"));
    assert!(refused("0 99999999999999999999999\n").starts_with("line 1: '9999"));
    assert!(refused("0 1\n0 2 3\n").starts_with("line 2: some edges have weights"));
    assert!(refused("0 1 1\n0 2\n").starts_with("line 2: some edges have weights"));
    assert!(refused("0 1 1 1\n").starts_with("line 1: there are more than three fields"));
    assert!(refused("0 1 heavy\n").starts_with("line 1: 'heavy' is no weight"));
    assert!(refused("0 1 1e39\n").starts_with("edge 0 in row 0 has the weight inf"));
    assert!(refused("0 1 nan\n").starts_with("edge 0 in row 0 has the weight NaN"));
    // A line must not ask for gigabytes.
    assert!(refused("0 2147483647\n").starts_with("the list: 2147483648 vertices are too many for 13 bytes"));
}

#[test]
fn matrices_that_are_no_graphs() {
    let refused = |rest: &str| message(matrix_market::parse(format!("%%MatrixMarket matrix {rest}").as_bytes()));
    assert!(message(matrix_market::parse(b"")).starts_with("line 1: it does not begin with `%%MatrixMarket"));
    assert!(refused("array real general\n2 2\n").starts_with("line 1: the matrix is in the format 'array'"));
    assert!(refused("coordinate complex general\n").starts_with("line 1: the values are 'complex'"));
    assert!(refused("coordinate real hermitian\n").starts_with("line 1: the matrix is 'hermitian'"));
    assert!(refused("coordinate real general\n% only\n").starts_with("the file: ends before the line with rows"));
    assert!(refused("coordinate real general\n2 2\n").starts_with("line 2: three whole numbers are expected"));
    assert!(refused("coordinate real general\n2 3 0\n").starts_with("line 2: 2 rows and 3 columns are no graph"));
    assert!(refused("coordinate pattern general\n0 0 0\n").starts_with("the graph has 0 vertices"));
    assert!(refused("coordinate pattern general\n2147483647 2147483647 0\n").contains("vertices are too many for"));
    assert!(refused("coordinate pattern general\n9 9 1000000\n").contains("1000000 entries do not fit the file's"));
    assert!(refused("coordinate pattern general\n2 2 2\n1 2\n").starts_with("the file: ends after 1 of 2 entries"));
    assert!(refused("coordinate pattern general\n2 2 1\n1 2\n2 1\n")
        .starts_with("line 4: there are more than the 1 entries"));
    assert!(refused("coordinate pattern general\n2 2 1\n0 1\n").starts_with("line 3: '0' is no vertex"));
    assert!(refused("coordinate pattern general\n2 2 1\n1 3\n").starts_with("line 3: '3' is no vertex"));
    assert!(refused("coordinate pattern general\n2 2 1\n1 2 1\n").starts_with("line 3: row and column are expected"));
    assert!(refused("coordinate real general\n2 2 1\n1 2\n").starts_with("line 3: row, column and value are expected"));
    assert!(refused("coordinate real general\n2 2 1\n1 2 x\n").starts_with("line 3: 'x' is no value"));
    assert!(refused("coordinate real general\n2 2 1\n1 2 inf\n").starts_with("edge 0 in row 0 has the weight inf"));
    assert!(
        refused("coordinate pattern symmetric\n2 2 1\n1 2\n").starts_with("line 3: the entry lies above the diagonal")
    );
}

/// The small archive with one member replaced, or left out.
fn with(name: &str, member: Option<Vec<u8>>) -> Vec<u8> {
    let mut members = small();
    match member {
        Some(bytes) => members.iter_mut().find(|(known, _)| *known == name).unwrap().1 = bytes,
        None => members.retain(|(known, _)| *known != name),
    }
    archive(&members, Deflated)
}

#[test]
fn archives_that_are_no_graphs() {
    let refused = |name: &str, member: Option<Vec<u8>>| message(npz::parse(&with(name, member)));
    assert!(message(npz::parse(b"PK")).starts_with("the archive: is no zip archive"));
    assert!(refused("indptr.npy", None).starts_with("the archive: has no member indptr.npy"));
    assert!(refused("format.npy", Some(npy("|S3", "()", b"csc")))
        .starts_with("format.npy: the matrix is in the format 'csc'"));
    assert!(refused("shape.npy", Some(npy("<u2", "(2,)", &[3, 0, 4, 0])))
        .starts_with("shape.npy: the matrix should be square"));
    let objects = npy("|O", "(3,)", b"\x80\x02]q\x00.");
    assert!(refused("data.npy", Some(objects)).starts_with("data.npy: it is an array of objects, which is a pickle"));
    for descr in [">f4", "<c8", "<f2", "<M8", "V4", "", "<", "|b2", "<f99999999999999999999"] {
        assert!(refused("data.npy", Some(npy(descr, "(3,)", &[0; 12]))).contains("its elements are"), "{descr}");
    }
    assert!(refused("data.npy", Some(npy("<f4", "(2,)", &[0; 8]))).starts_with("there are 2 weights for 3 edges"));
    assert!(refused("data.npy", Some(npy("<f4", "(3,)", &[0; 8]))).contains("does not have 8 bytes"));
    assert!(refused("data.npy", Some(npy("<f8", "(4611686018427387904,4)", &[0; 8]))).contains("does not have 8 bytes"));
    let infinite = [0.0, 0.0, 1e300f64].map(f64::to_le_bytes).concat();
    assert!(refused("data.npy", Some(npy("<f8", "(3,)", &infinite))).contains("has the weight inf"));
    assert!(refused("indices.npy", Some(npy("<f4", "(3,)", &[0; 12]))).contains("no array of whole numbers"));
    assert!(refused("indices.npy", Some(npy("<i4", "(3,1)", &[0; 12]))).contains("no array of whole numbers"));
    assert!(refused("indices.npy", Some(npy("<i1", "(3,)", &[1, 255, 0]))).contains("element 1 is negative"));
    let wide = [1u64, 1 << 32, 0].map(u64::to_le_bytes).concat();
    assert!(refused("indices.npy", Some(npy("<u8", "(3,)", &wide))).contains("element 1 is negative or does not fit"));
    assert!(
        refused("indices.npy", Some(npy("|u1", "(3,)", &[1, 3, 0]))).starts_with("edge 1 in row 1 leads to vertex 3")
    );
    assert!(refused("indptr.npy", Some(npy("|u1", "(4,)", &[0, 2, 1, 3]))).starts_with("row 1 begins at edge 2"));
    assert!(refused("indptr.npy", Some(npy("|u1", "(0,)", &[]))).starts_with("shape.npy"));
    for broken in [
        &b"not numpy"[..],
        b"\x93NUMPY",
        b"\x93NUMPY\x09\x00\x00\x00",
        b"\x93NUMPY\x01\x00\xff\xff",
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff",
    ] {
        assert!(refused("data.npy", Some(broken.to_vec())).starts_with("data.npy: it"));
    }
    let fortran = npy("<f4", "(3,)", &[0; 12]);
    let fortran =
        [&fortran[..10], &String::from_utf8_lossy(&fortran[10..]).replace("False", "True ").into_bytes()].concat();
    assert!(refused("data.npy", Some(fortran)).contains("plain array in C order"));
}

#[test]
fn damaged_members_are_noticed() {
    let good = archive(&small(), Stored);
    let at = good.windows(6).position(|window| window == b"\x93NUMPY").unwrap() + 130;
    let mut bytes = good.clone();
    bytes[at] ^= 1;
    assert!(message(npz::parse(&bytes)).starts_with("indices.npy: it is damaged"));
}

/// A multiplicative generator: 31 bits a draw.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) as usize % bound
    }

    /// Changes bytes: a random one, a piece cut out, a piece doubled, a telling one put in.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        const TELLING: &[&[u8]] = &[
            b"0",
            b"-1",
            b"4294967296",
            b"\xff\xff\xff\xff",
            b"\x00",
            b"1e999",
            b"nan",
            b"\n",
            b" ",
            b"%",
            b"(",
            b"'",
            b"|O",
        ];
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len().max(1));
            let room = bytes.len().saturating_sub(at);
            match self.below(5) {
                0 if room > 0 => bytes[at] = self.below(256) as u8,
                1 if room > 0 => bytes[at] ^= 1 << self.below(8),
                2 if room > 0 => drop(bytes.drain(at..at + 1 + self.below(room.min(32)))),
                3 if room > 0 => {
                    let piece = bytes[at..at + 1 + self.below(room.min(32))].to_vec();
                    drop(bytes.splice(at..at, piece));
                }
                _ => drop(bytes.splice(at..at, TELLING[self.below(TELLING.len())].iter().copied())),
            }
        }
    }
}

#[test]
fn mutations_never_panic_and_give_graphs_or_reasons() {
    type Parse = fn(&[u8]) -> Result<Graph, GraphError>;
    let texts: [(Parse, &[u8]); 3] = [
        (edge_list::parse, b"# by hand\n0 1 .5\n1 0 -2\n1 1 3\n"),
        (matrix_market::parse, b"%%MatrixMarket matrix coordinate real general\n3 3 3\n1 2 5e-1\n2 1 -2\n2 2 3.0\n"),
        (matrix_market::parse, b"%%MatrixMarket matrix coordinate pattern symmetric\n3 3 3\n1 1\n2 1\n3 2\n"),
    ];
    let (mut draw, mut accepted, mut refused) = (Draw(5), 0, 0);
    let mut count = |result: Result<Graph, GraphError>| match result {
        Ok(graph) => {
            let (pointers, columns, weights) = graph.clone().into_parts();
            assert_eq!(Graph::new(pointers, columns, weights).unwrap(), graph);
            accepted += 1;
        }
        Err(error) => {
            assert!(error.to_string().len() < 400, "{error}");
            refused += 1;
        }
    };
    for round in 0..20_000 {
        let (parse, seed) = texts[round % texts.len()];
        let mut bytes = seed.to_vec();
        draw.mutate(&mut bytes);
        count(parse(&bytes));
    }
    let (members, whole) = (small(), archive(&small(), Deflated));
    for round in 0..6_000 {
        if round % 3 == 0 {
            let mut bytes = whole.clone();
            draw.mutate(&mut bytes);
            count(npz::parse(&bytes));
        } else {
            // With a right checksum, so that what is behind it is met.
            let mut members = members.clone();
            let which = draw.below(members.len());
            draw.mutate(&mut members[which].1);
            count(npz::parse(&archive(&members, Stored)));
        }
    }
    assert!(accepted > 1_000 && refused > 5_000, "{accepted} and {refused}");
}
