//! The plain loop that an [`Aggregator`] is compared with: dense rows times weights, with fused multiply-adds and the widest vector unit, on
//! all cores. It adds zeros like any value, so that a sum which stands at -0 may come out as +0.

use super::simd::Level;
use super::Aggregator;
use crate::graph::Graph;

/// The sums of all rows of a graph over dense features `[vertices, width]`, on the threads of an aggregator; `into` has the same shape.
///
/// # Panics
///
/// If `features` or `into` has another size, or there are no columns.
pub fn multiply(graph: &Graph, features: &[f32], width: usize, on: &Aggregator, into: &mut [f32]) {
    assert_eq!((features.len(), into.len()), (graph.vertices() * width, graph.vertices() * width), "values");
    let level = Level::detect();
    let strips = into.chunks_mut(super::STRIP * width);
    on.crew.deal(strips, || (), |_, number, into| level.plain(graph, number * super::STRIP, features, width, into));
}
