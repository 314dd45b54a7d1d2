//! Any bytes as a file with a graph in it: read or refused, without a panic. The first byte chooses the format.
#![no_main]

use nearfield::graph::load::npy::Array;
use nearfield::graph::load::{edge_list, matrix_market, npz};
use nearfield::graph::Graph;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((format, bytes)) = bytes.split_first() else { return };
    let graph = match format % 4 {
        0 => edge_list::parse(bytes),
        1 => matrix_market::parse(bytes),
        2 => npz::parse(bytes),
        _ => {
            if let Ok(array) = Array::parse("array", bytes) {
                array.text();
                array.floats();
                array.numbers().map(Iterator::count);
            }
            return;
        }
    };
    if let Ok(graph) = graph {
        let (pointers, columns, weights) = graph.into_parts();
        Graph::new(pointers, columns, weights).expect("a graph that was read keeps the rules");
    }
});
