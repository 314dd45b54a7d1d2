//! The plain loop that [`super::Aggregator`] is compared with: dense rows times weights, with fused multiply-adds and the widest vector unit, on
//! all cores. It adds zeros like any value, so that a sum which stands at -0 may come out as +0.

use super::simd::Level;
use crate::compress::pieces::deal;
use crate::graph::Graph;
use std::num::NonZero;

/// The sums of all rows of a graph over dense features `[vertices, width]`; `into` has the same shape.
///
/// # Panics
///
/// If `features` or `into` has another size, or there are no columns.
pub fn multiply(graph: &Graph, features: &[f32], width: usize, threads: NonZero<usize>, into: &mut [f32]) {
    assert_eq!((features.len(), into.len()), (graph.vertices() * width, graph.vertices() * width), "values");
    let level = Level::detect();
    let strips = into.chunks_mut(super::STRIP * width);
    deal(
        strips,
        threads.get(),
        || (),
        |_, number, into| level.plain(graph, number * super::STRIP, features, width, into),
    );
}
