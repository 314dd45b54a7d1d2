//! Community order and bypass bits, against what they are defined by.

use super::super::bypass::{self, Bypass};
use super::super::order::{community, Order};
use super::super::rmat::rmat;
use super::cora;
use crate::graph::Graph;
use nearfield_abi::beicsr::BYPASS;

/// Uses that hit in a cache of so many vertices that evicts what was used longest ago.
fn recent_hits(columns: &[u32], capacity: usize) -> usize {
    let (mut cache, mut hits) = (std::collections::VecDeque::new(), 0);
    for &column in columns {
        if let Some(at) = cache.iter().position(|&held| held == column) {
            cache.remove(at);
            hits += 1;
        } else if cache.len() == capacity {
            cache.pop_front();
        }
        cache.push_back(column);
    }
    hits
}

#[test]
fn orders_are_permutations() {
    assert_eq!(Order::of(vec![1, 1]), None);
    assert_eq!(Order::of(vec![0, 2]), None);
    let order = Order::of(vec![2, 0, 1]).unwrap();
    assert_eq!(order.new_of(), [1, 2, 0]);
    assert_eq!(order.rows(&[1, 2, 3, 4, 5, 6], 2), [5, 6, 1, 2, 3, 4]);
    let graph = Graph::new(vec![0, 2, 3, 4], vec![1, 2, 2, 0], Some(vec![0.1, 0.2, 0.3, 0.4])).unwrap();
    let relabelled = graph.relabelled(&order);
    assert_eq!(relabelled.row_pointers(), [0, 1, 3, 4]);
    assert_eq!(relabelled.columns(), [1, 0, 2, 0]);
    assert_eq!(relabelled.weights(), Some(&[0.4, 0.2, 0.1, 0.3][..]));
    let back = Order::of(order.new_of().to_vec()).unwrap();
    assert_eq!(relabelled.relabelled(&back), graph);
}

#[test]
fn two_cliques_are_two_communities() {
    // Even and odd vertices are a clique each; one edge between them.
    let ends = (0..12u32).flat_map(|u| (0..12).map(move |v| (u, v))).filter(|(u, v)| u != v && u % 2 == v % 2);
    let graph = Graph::from_edges(12, ends.chain([(0, 1), (1, 0)]).collect()).unwrap();
    let order = community(&graph);
    let parity: Vec<u32> = order.old_of().iter().map(|old| old % 2).collect();
    assert!(parity == [[0; 6], [1; 6]].concat() || parity == [[1; 6], [0; 6]].concat(), "{:?}", order.old_of());
}

#[test]
fn communities_lie_together() {
    for graph in [cora(), rmat(11, 8, 3).unwrap()] {
        let order = community(&graph);
        assert_eq!(Order::of(order.old_of().to_vec()).unwrap().new_of(), order.new_of());
        assert_eq!(order.old_of(), community(&graph).old_of());
        let relabelled = graph.relabelled(&order);
        assert!(relabelled.is_symmetric() && relabelled.edges() == graph.edges());
        let (before, after) = (recent_hits(graph.columns(), 64), recent_hits(relabelled.columns(), 64));
        assert!(after > before, "{before} hits of {} before, {after} after", graph.edges());
    }
    // A directed graph, vertices without edges and self-loops do no harm.
    let odd = Graph::from_edges(5, vec![(0, 3), (3, 3), (1, 1)]).unwrap();
    let mut old = community(&odd).old_of().to_vec();
    old.sort_unstable();
    assert_eq!(old, [0, 1, 2, 3, 4]);
}

/// The ideal cache, as it is defined: all that is in it is looked through.
fn ideal(columns: &[u32], capacity: usize) -> (usize, Vec<u32>) {
    let next_of =
        |from: usize, vertex: u32| columns[from..].iter().position(|&c| c == vertex).map_or(usize::MAX, |n| from + n);
    let mut cache: Vec<u32> = Vec::new();
    let mut hit = Vec::new();
    for (at, &vertex) in columns.iter().enumerate() {
        let inside = cache.contains(&vertex);
        hit.push(inside);
        if !inside {
            cache.push(vertex);
            if cache.len() > capacity {
                let victim = (0..cache.len()).max_by_key(|&held| next_of(at + 1, cache[held])).unwrap();
                cache.remove(victim);
            }
        }
    }
    let mark = |at: usize| {
        let next = next_of(at + 1, columns[at]);
        if next != usize::MAX && hit[next] {
            columns[at]
        } else {
            columns[at] | BYPASS
        }
    };
    (hit.iter().filter(|&&hit| hit).count(), (0..columns.len()).map(mark).collect())
}

#[test]
fn bypass_bits_are_those_of_the_ideal_cache() {
    let graph = rmat(6, 6, 1).unwrap();
    for capacity in [0, 1, 2, 5, 16, 40, 64] {
        let Bypass { columns, marked, hits, .. } = bypass::mark(&graph, 1000 * capacity + 999, 1000);
        let (ideal_hits, ideal_columns) = ideal(graph.columns(), capacity as usize);
        assert_eq!((hits, &columns), (ideal_hits, &ideal_columns), "capacity {capacity}");
        assert_eq!(marked, columns.iter().filter(|&&column| column >= BYPASS).count());
        // Every hit is the next use of one that is not marked.
        assert_eq!(graph.edges() - marked, hits);
        assert!(hits >= recent_hits(graph.columns(), capacity.max(1) as usize) || capacity == 0);
    }
    // A cache that holds everything: only last uses are marked.
    let all = bypass::mark(&graph, u64::MAX, 0);
    assert_eq!(all.hits, graph.edges() - (0..64).filter(|&v| !graph.neighbours(v).is_empty()).count());
}
