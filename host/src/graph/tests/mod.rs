//! Rules of a graph, its building and normalising; the files in `files`, hostile ones in `malformed`, order and bypass in `order`.

pub mod files;
mod malformed;
mod order;

use super::*;
use crate::gcn::{Csr, Dataset};

/// Cora as an undirected graph without self-loops.
pub fn cora() -> Graph {
    "cora".parse::<GraphSpec>().unwrap().load().unwrap()
}

#[test]
fn graphs_have_names() {
    let rmat = GraphSpec::Rmat { scale: 10, degree: 8, seed: 1 };
    assert_eq!("rmat:10".parse(), Ok(rmat.clone()));
    assert_eq!("rmat:10,seed=1,degree=8".parse(), Ok(rmat.clone()));
    assert_eq!(rmat.to_string().parse(), Ok(rmat));
    for bad in ["rmat:", "rmat:x", "rmat:1,", "rmat:1,edges=3", "rmat:1,seed=-1"] {
        assert!(bad.parse::<GraphSpec>().is_err(), "{bad}");
    }
    assert_eq!("./cora".parse(), Ok(GraphSpec::File("./cora".into())));
    assert!(GraphSpec::File("x.mtx".into()).load().unwrap_err().to_string().starts_with("cannot read x.mtx"));
}

#[test]
fn broken_rows_are_refused() {
    let refused = |pointers: &[u32], columns: &[u32], weights: Option<&[f32]>| {
        Graph::new(pointers.to_vec(), columns.to_vec(), weights.map(<[f32]>::to_vec)).unwrap_err().to_string()
    };
    assert!(refused(&[], &[], None).starts_with("the graph has 0 vertices"));
    assert!(refused(&[0], &[], None).starts_with("the graph has 0 vertices"));
    assert!(refused(&[1, 1], &[0], None).starts_with("the row pointers begin with 1"));
    assert!(refused(&[0, 2, 1], &[0, 0], None).starts_with("row 1 begins at edge 2 and ends at 1"));
    assert!(refused(&[0, 1, 3], &[0, 0], None).starts_with("the row pointers end at edge 3, but there are 2"));
    assert!(refused(&[0, 0, 2], &[1, 2], None).starts_with("edge 1 in row 1 leads to vertex 2, but there are 2"));
    assert!(refused(&[0, 1], &[1 << 31], None).starts_with("edge 0 in row 0 leads to vertex 2147483648"));
    assert!(refused(&[0, 1], &[0], Some(&[])).starts_with("there are 0 weights for 1 edges"));
    assert!(refused(&[0, 0, 1], &[0], Some(&[f32::INFINITY])).starts_with("edge 0 in row 1 has the weight inf"));
    assert!(refused(&[0, 1], &[0], Some(&[f32::NAN])).starts_with("edge 0 in row 0 has the weight NaN"));
    // Vertices without neighbours are fine.
    assert_eq!(Graph::new(vec![0, 0, 0], vec![], None).unwrap().longest_row(), 0);
}

#[test]
fn edges_in_any_order_become_ascending_rows() {
    let graph = Graph::from_edges(3, vec![(2, 1), (0, 2), (0, 1), (0, 2), (2, 2)]).unwrap();
    assert_eq!((graph.row_pointers(), graph.columns()), (&[0, 2, 2, 4][..], &[1, 2, 1, 2][..]));
    let edges = Edges { ends: vec![(0, 1), (0, 0), (0, 1)], weights: vec![1.5, 2.0, 0.25] };
    let graph = edges.build(2).unwrap();
    assert_eq!((graph.columns(), graph.weights()), (&[0, 1][..], Some(&[2.0, 1.75][..])));
    let edges = Edges { ends: vec![(0, 0); 2], weights: vec![f32::MAX; 2] };
    assert!(edges.build(1).unwrap_err().to_string().contains("has the weight inf"));
    assert!(Graph::from_edges(2, vec![(0, 1), (3, 0)]).unwrap_err().to_string().starts_with("edge 1 in row 3"));
}

#[test]
fn the_normalised_adjacency_is_that_of_training() {
    let graph = cora();
    assert!(graph.is_symmetric());
    assert_eq!(graph.symmetrized().unwrap(), graph);
    let normalized = graph.normalized().unwrap();
    let cora = Dataset::load("cora").unwrap();
    let csr = Csr::normalized_adjacency(cora.vertices(), &cora.edges);
    assert_eq!((normalized.vertices(), normalized.edges()), (2708, 13_264));
    for row in 0..csr.rows() {
        let ours =
            normalized.row(row).map(|edge| (normalized.columns()[edge] as usize, normalized.weights().unwrap()[edge]));
        assert!(csr.row(row).eq(ours), "row {row}");
    }
    // With a self-loop there already, none is added; with weights, their sums count.
    let path = Graph::new(vec![0, 2, 3], vec![1, 0, 0], Some(vec![3.0, 1.0, 3.0])).unwrap().normalized().unwrap();
    assert_eq!((path.columns(), path.weights()), (&[0, 1, 0, 1][..], Some(&[0.25, 0.75, 0.75, 0.25][..])));
    let negative = Graph::new(vec![0, 1], vec![0], Some(vec![-1.0])).unwrap();
    assert!(negative
        .normalized()
        .unwrap_err()
        .to_string()
        .starts_with("the weights of row 0 and its self-loop sum to -1"));
}

#[test]
fn one_direction_is_not_symmetric() {
    assert!(!Graph::from_edges(3, vec![(0, 1), (1, 2), (2, 0)]).unwrap().is_symmetric());
    assert!(Graph::new(vec![0, 2, 3, 4], vec![2, 1, 0, 0], None).unwrap().is_symmetric());
}

#[test]
fn rmat_is_the_same_everywhere() {
    let graph = rmat::rmat(10, 8, 1).unwrap();
    assert!(graph.is_symmetric());
    assert_eq!(graph, rmat::rmat(10, 8, 1).unwrap());
    assert_ne!(graph, rmat::rmat(10, 8, 2).unwrap());
    // Written down once: published figures name a graph by scale, degree and seed.
    assert_eq!((graph.vertices(), graph.edges(), graph.longest_row()), RMAT_10_8_1);
    assert_eq!(crc32fast::hash(bytemuck::cast_slice(graph.columns())), RMAT_10_8_1_CRC);
    assert!(rmat::rmat(27, 1, 0).is_err() && rmat::rmat(26, 64, 0).is_err());
    assert_eq!(rmat::rmat(0, 4, 0).unwrap().edges(), 0);
}

const RMAT_10_8_1: (usize, usize, usize) = (1024, 12_020, 340);
const RMAT_10_8_1_CRC: u32 = 0x2b23_6594;

#[test]
fn made_up_features_have_their_density() {
    for (density, low, high) in [(0.0, 0, 0), (0.3, 29_000, 31_000), (1.0, 100_000, 100_000)] {
        let features = features::bernoulli(1000, 100, density, 7);
        let count = features.iter().filter(|&&value| value != 0.0).count();
        assert!((low..=high).contains(&count), "{count} at {density}");
        assert!(features.iter().all(|value| value.abs() < 1.0));
    }
    let first = features::bernoulli(1, 4, 0.5, 0);
    assert_eq!(first, features::bernoulli(2, 2, 0.5, 0));
}

#[test]
fn the_masks_of_a_real_network() {
    let (graph, masks) = masks::Masks::cora28().unwrap();
    assert_eq!((masks.layers(), masks.rows(), masks.width()), (28, graph.vertices(), 256));
    let density: Vec<f64> = (0..28).map(|layer| masks.density(layer)).collect();
    // 11 to 27 %, 15 % on average, says the README.
    assert!(density.iter().all(|density| (0.10..0.28).contains(density)), "{density:?}");
    assert!((0.14..0.16).contains(&(density.iter().sum::<f64>() / 28.0)));
    let features = masks.features(3, 1);
    let count = features.iter().filter(|&&value| value != 0.0).count();
    assert_eq!(count as f64 / features.len() as f64, masks.density(3));
    assert!(masks::Masks::parse(b"").is_err());
}
