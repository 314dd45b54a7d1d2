//! Bypass bits: which use of a vertex is the last one that a cache can profit from.
//!
//! An ideal cache (Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems Journal 1966) evicts what is used
//! again last, and does not keep what is used again later than all it has. Simulated on the order of the edges, it says of each use whether the
//! next one hits. Where it does not, or there is none, bit 31 of the column id tells the kernel's cache not to make room for it.

use super::Graph;
use nearfield_abi::beicsr::BYPASS;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Column ids with bypass bits.
#[derive(Clone, Debug, PartialEq)]
pub struct Bypass {
    /// The graph's column ids, bit 31 set where the cache is to be passed by.
    pub columns: Vec<u32>,
    /// How many are.
    pub marked: usize,
    /// Uses that hit in the ideal cache.
    pub hits: usize,
    /// Seconds it took.
    pub seconds: f64,
}

/// No use again.
const NEVER: u32 = u32::MAX;

/// Marks the uses of a graph's rows, front to back, for a cache of `capacity_bytes` in which a vertex takes `record_bytes` (at least 1): on
/// average, where it depends on the vertex.
pub fn mark(graph: &Graph, capacity_bytes: u64, record_bytes: u64) -> Bypass {
    let begun = Instant::now();
    let capacity = (capacity_bytes / record_bytes.max(1)) as usize;
    let columns = graph.columns();
    let next = next_uses(columns, graph.vertices());
    let hit = hits(columns, &next, capacity, graph.vertices());
    let marked: Vec<u32> = columns
        .iter()
        .zip(&next)
        .map(|(&column, &next)| if next != NEVER && hit[next as usize] { column } else { column | BYPASS })
        .collect();
    Bypass {
        marked: marked.iter().filter(|&&column| column & BYPASS != 0).count(),
        hits: hit.iter().filter(|&&hit| hit).count(),
        columns: marked,
        seconds: begun.elapsed().as_secs_f64(),
    }
}

/// For each use the next one of the same vertex. There are fewer than 2^32, so none is [`NEVER`].
fn next_uses(columns: &[u32], vertices: usize) -> Vec<u32> {
    let mut next = vec![NEVER; columns.len()];
    let mut last = vec![NEVER; vertices];
    for (at, &column) in columns.iter().enumerate().rev() {
        next[at] = std::mem::replace(&mut last[column as usize], at as u32);
    }
    next
}

/// Whether each use hits in an ideal cache of so many vertices.
fn hits(columns: &[u32], next: &[u32], capacity: usize, vertices: usize) -> Vec<bool> {
    /// Next use of a vertex that is not in the cache.
    const OUT: u32 = 0;
    let mut hit = vec![false; columns.len()];
    // No use is next at 0, so 0 can say that a vertex is not in the cache.
    let mut held = vec![OUT; vertices];
    let mut count = 0;
    // The farthest next use first. Entries of the past are passed over.
    let mut farthest: BinaryHeap<(u32, u32)> = BinaryHeap::new();
    for (at, (&vertex, &next)) in columns.iter().zip(next).enumerate() {
        let inside = held[vertex as usize] != OUT;
        hit[at] = inside;
        if next == NEVER {
            // Of no use any more: its place is free.
            if inside {
                held[vertex as usize] = OUT;
                count -= 1;
            }
            continue;
        }
        if !inside {
            if count == capacity {
                let Some((use_again, victim)) = top(&mut farthest, &held) else { continue };
                if use_again <= next {
                    continue;
                }
                held[victim as usize] = OUT;
                count -= 1;
            }
            count += 1;
        }
        held[vertex as usize] = next;
        farthest.push((next, vertex));
    }
    hit
}

/// What is in the cache and used again last.
fn top(farthest: &mut BinaryHeap<(u32, u32)>, held: &[u32]) -> Option<(u32, u32)> {
    while let Some(&(next, vertex)) = farthest.peek() {
        if held[vertex as usize] == next {
            return Some((next, vertex));
        }
        farthest.pop();
    }
    None
}
