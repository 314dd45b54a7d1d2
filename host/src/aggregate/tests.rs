//! Every level, layout and shape against the specification, bit for bit.

use super::*;
use crate::graph::{rmat, Edges};
use nearfield_model::aggregate::aggregate;
use nearfield_model::beicsr::{encode, encode_pairs, Layout, Shape};
use std::num::NonZero;

pub(super) fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// A multiplicative generator: 31 bits a draw.
pub(super) struct Draw(pub u64);

impl Draw {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) as usize % bound
    }

    pub(super) fn features(&mut self, count: usize, density: usize, odd: bool) -> Vec<f32> {
        (0..count)
            .map(|_| match self.below(100) {
                chance if chance >= density => [0.0, -0.0][self.below(2)],
                _ if odd && self.below(300) == 0 => {
                    f32::from_bits([1, 0x8000_0001, 0x7f80_0000, 0xff80_0000, 0xffc1_2345][self.below(5)])
                }
                _ => self.below(1 << 20) as f32 / 1024.0 - 512.0,
            })
            .collect()
    }
}

/// Rows of all kinds: none, one, a hub, the same neighbour twice; weights of both signs, subnormal and 0.
pub(super) fn odd_graph(draw: &mut Draw) -> Graph {
    let vertices = 150;
    let mut pointers = vec![0];
    let (mut columns, mut weights) = (Vec::new(), Vec::new());
    for row in 0..vertices {
        let degree = if row == 3 { 400 } else { [0, 1, 2, 3, 7][draw.below(5)] };
        for _ in 0..degree {
            columns.push(draw.below(vertices) as u32);
            weights.push(match draw.below(20) {
                0 => 0.0,
                1 => -f32::from_bits(7),
                _ => draw.below(1 << 16) as f32 / 65_536.0 - 0.5,
            });
        }
        pointers.push(columns.len() as u32);
    }
    Graph::new(pointers, columns, Some(weights)).unwrap()
}

/// Compares every layout and level with the specification.
fn compare(graph: &Graph, features: &[f32], width: usize, slice: usize) {
    let expected = aggregate(graph.row_pointers(), graph.columns(), graph.weights(), features, width);
    let expected = bits(&pad(&expected, width));
    let shape = Shape::new(graph.vertices(), width, slice).unwrap();
    let (beicsr, published) = (encode(Layout::Beicsr, shape, features), encode(Layout::Published, shape, features));
    let (pairs, dense) = (encode_pairs(shape, features).unwrap(), pad(features, width));
    let learned = Features::records(Layout::Published, shape, &published.words, None);
    let all = [
        ("BEICSR", Features::encoded(&beicsr)),
        ("published", Features::encoded(&published)),
        ("published, length learned", learned),
        ("pairs", Features::paired(&pairs)),
        ("dense", Features::dense(graph.vertices(), width, &dense)),
    ];
    for (name, features) in all {
        for level in Level::available() {
            for threads in [1, 3] {
                let mut into = vec![f32::NAN; expected.len()];
                let aggregator = Aggregator::with(NonZero::new(threads), level);
                aggregator.run(graph, &features.clone().unwrap(), &mut into).unwrap();
                assert!(bits(&into) == expected, "{name}, {}, width {width}, slices of {slice}", level.name());
            }
        }
    }
}

#[test]
fn every_layout_and_level_gives_the_specifications_bits() {
    let mut draw = Draw(11);
    let graph = odd_graph(&mut draw);
    for (width, slice) in [(1, 32), (16, 64), (40, 32), (100, 96), (256, 256), (256, 128), (300, 256), (513, 224)] {
        for density in [0, 10, 50, 97, 100] {
            let features = draw.features(graph.vertices() * width, density, density == 50);
            compare(&graph, &features, width, slice);
        }
    }
}

#[test]
fn a_drawn_graph_without_weights_too() {
    let graph = rmat::rmat(8, 6, 5).unwrap();
    let features = Draw(4).features(256 * 64, 40, true);
    compare(&graph, &features, 64, 64);
    // And a vertex alone.
    compare(&Graph::from_edges(1, vec![]).unwrap(), &[1.0], 1, 32);
}

/// Where no sum can stand at -0, levels may add zeros: with and without weights, and just before they may not.
#[test]
fn where_zeros_may_be_added_sums_are_the_same() {
    let mut draw = Draw(23);
    let plain = rmat::rmat(7, 5, 2).unwrap();
    let edges = plain.edges();
    let mut weighted = |weight: f32| {
        let weights = (0..edges).map(|_| if draw.below(2) == 0 { weight } else { -1.5 * weight }).collect();
        Graph::new(plain.row_pointers().to_vec(), plain.columns().to_vec(), Some(weights)).unwrap()
    };
    // Exponent fields: 127 of 1, 126 of the smallest feature, 0.5; 151 is what both need.
    let graphs = [
        (weighted(0.125), true),
        (weighted(f32::from_bits(25 << 23)), true),
        (weighted(f32::from_bits(24 << 23)), false),
    ];
    let mut features = |density| {
        let values = draw.features(128 * 200, density, false).into_iter();
        values
            .map(|x| if x == 0.0 { x } else { 0.5f32.copysign(x) * if draw.below(2) == 0 { 1.0 } else { 1.75 } })
            .collect::<Vec<f32>>()
    };
    for (graph, may) in graphs.into_iter().chain([(plain.clone().without_weights(), true)]) {
        for (density, slice) in [(10, 256), (50, 256), (50, 96), (100, 32)] {
            let features = features(density);
            let encoded = encode(Layout::Beicsr, Shape::new(128, 200, slice).unwrap(), &features);
            assert_eq!(Features::encoded(&encoded).unwrap().stay_positive(graph.weights()), may);
            compare(&graph, &features, 200, slice);
        }
    }
}

#[test]
fn a_sum_at_minus_zero_stays() {
    // fma(-0.25, 2^-149, +0) is -0, and the zeros of the next neighbour leave it.
    let edges = Edges { ends: vec![(0, 0), (0, 1)], weights: vec![-0.25, 1.0] };
    let graph = edges.build(2).unwrap();
    let tiny = f32::from_bits(1);
    let features = [[tiny; 33], [0.0; 33]].concat();
    compare(&graph, &features, 33, 32);
    let dense = pad(&features, 33);
    let mut into = vec![0.0; 2 * 48];
    Aggregator::new(None).run(&graph, &Features::dense(2, 33, &dense).unwrap(), &mut into).unwrap();
    assert_eq!(bits(&into[..33]), [0x8000_0000; 33]);
    assert_eq!(bits(&into[33..48]), [0; 15]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let graph = Graph::from_edges(3, vec![(0, 1)]).unwrap();
    let dense = vec![0.0; 2 * 16];
    let features = Features::dense(2, 5, &dense).unwrap();
    let error = Aggregator::new(None).run(&graph, &features, &mut [0.0; 48]).unwrap_err().to_string();
    assert_eq!(error, "the features have 2 rows, but the graph has 3 vertices; give a row a vertex");
    let dense = vec![0.0; 3 * 16];
    let features = Features::dense(3, 5, &dense).unwrap();
    let error = Aggregator::new(None).run(&graph, &features, &mut [0.0; 15]).unwrap_err().to_string();
    assert_eq!(error, "the output has 15 values, but 3 rows of whole lines take 48");
    assert!(Features::dense(3, 17, &dense).unwrap_err().to_string().starts_with("3 rows of 17 columns do not have 48"));
    let shape = Shape::new(3, 40, 32).unwrap();
    let mut encoded = encode(Layout::Beicsr, shape, &[1.0; 120]);
    encoded.table[4] = 0xfe;
    let error = Features::encoded(&encoded).unwrap_err().to_string();
    assert!(error.starts_with("record 4 (row 1, slice 1): the length table says 254"), "{error}");
    encoded.words.pop();
    assert!(Features::encoded(&encoded).unwrap_err().to_string().contains("6 records take 768"));
}

#[test]
fn the_plain_loop_gives_the_same_sums() {
    let graph = rmat::rmat(8, 6, 5).unwrap().normalized().unwrap();
    let features = Draw(4).features(256 * 50, 100, false);
    let expected = aggregate(graph.row_pointers(), graph.columns(), graph.weights(), &features, 50);
    let mut into = vec![f32::NAN; 256 * 50];
    plain::multiply(&graph, &features, 50, &Aggregator::new(NonZero::new(2)), &mut into);
    assert_eq!(into, expected);
}
