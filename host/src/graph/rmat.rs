//! R-MAT graphs (Chakrabarti, Zhan, Faloutsos, "R-MAT: A Recursive Model for Graph Mining", SDM 2004) with the parameters of Graph500.

use super::{Graph, Invalid};
use rand::seq::SliceRandom;
use rand::RngCore;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Chances of the four quadrants: a, and then b, c, d with those before them.
const QUADRANTS: [f64; 3] = [0.57, 0.57 + 0.19, 0.57 + 0.19 + 0.19];

/// The largest scale that is drawn.
pub const SCALE_MOST: u32 = 26;

/// An undirected graph of 2^`scale` vertices, drawn with `degree` edges a vertex: a, b, c, d = 0.57, 0.19, 0.19, 0.05. Edges that are
/// drawn twice are one and self-loops are left out, so that there are fewer. Ids are shuffled, so that the order says nothing of the
/// degree. The same graph for the same arguments on every machine.
///
/// # Errors
///
/// When there would be too many vertices or edges.
pub fn rmat(scale: u32, degree: u32, seed: u64) -> Result<Graph, Invalid> {
    if scale > SCALE_MOST {
        return Err(Invalid::Vertices { vertices: 1u64.checked_shl(scale).unwrap_or(u64::MAX) });
    }
    let (vertices, draws) = (1u32 << scale, u64::from(degree) << scale);
    if 2 * draws > u64::from(u32::MAX) {
        return Err(Invalid::Edges { edges: 2 * draws });
    }
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut name: Vec<u32> = (0..vertices).collect();
    name.shuffle(&mut generator);
    let bounds = QUADRANTS.map(|chance| (chance * 4_294_967_296.0) as u32);
    let mut ends = Vec::with_capacity(2 * draws as usize);
    for _ in 0..draws {
        let (mut row, mut column) = (0, 0);
        for _ in 0..scale {
            let draw = generator.next_u32();
            let quadrant = bounds.iter().filter(|&&bound| draw >= bound).count() as u32;
            (row, column) = (row << 1 | quadrant >> 1, column << 1 | quadrant & 1);
        }
        if row != column {
            let (row, column) = (name[row as usize], name[column as usize]);
            ends.extend([(row, column), (column, row)]);
        }
    }
    Graph::from_edges(vertices as usize, ends)
}
