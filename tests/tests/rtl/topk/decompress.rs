use super::encode::{Sparse, FORMATS};
use super::run::Decompressor;
use nearfield_tests::lint::assert_clean;
use nearfield_tests::rng::{long, seed, Rng};
use nearfield_tests::stream::Pace;

/// What is simulated; eight lanes are linted only.
const LANES: [usize; 3] = [1, 2, 4];
/// Kept elements in a million.
const SHARES: [usize; 7] = [0, 100, 10_000, 100_000, 500_000, 999_000, 1_000_000];
const AT_ONCE: [Pace; 2] = [Pace::ALL[0]; 2];

#[test]
fn emits_clean() {
    super::emits_clean("topk_decompress");
    for lanes in [1, 2, 8] {
        assert_clean(&super::decompressor(lanes));
    }
}

#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed("topk::decompress", 0x746f_706b));
    let mut checked = 0;
    for lanes in LANES {
        let mut unit = Decompressor::new(lanes);
        let mut turn = 0;
        for elements in [1, 2, 15, 16, 17, 31, 32, 33, 1000, 65_535, 65_536, 65_537, 200_000] {
            for share in SHARES {
                turn += 1;
                // The long ones take the formats by turns.
                for format in FORMATS.into_iter().filter(|f| long() || elements < 65_535 || turn % 3 == *f as usize) {
                    let sparse = Sparse::uniform(elements, share, format, &mut rng);
                    unit.passes(&sparse, AT_ONCE, &mut rng);
                    checked += sparse.kept.len();
                }
            }
        }
        for run in [2, 31, 64] {
            let sparse = Sparse::runs(100_000, run, 10, run as u32 % 3, &mut rng);
            unit.passes(&sparse, AT_ONCE, &mut rng);
            checked += sparse.kept.len();
        }
    }
    println!("{checked} kept elements");
    assert!(checked > 1_000_000);
}

#[test]
fn survives_stalls() {
    let mut rng = Rng::new(seed("topk::decompress stalls", 0x7374_616c));
    for lanes in LANES {
        let mut unit = Decompressor::new(lanes);
        for idle in Pace::ALL {
            for back_pressure in Pace::ALL {
                for share in [0, 3_000, 100_000, 700_000] {
                    let elements = 1 + rng.below(4000);
                    let sparse = Sparse::uniform(elements, share, rng.below(3) as u32, &mut rng);
                    unit.passes(&sparse, [idle, back_pressure], &mut rng);
                }
            }
        }
        // Several chunks, of which some keep nothing.
        for _ in 0..4 {
            let mut sparse = Sparse::uniform(150_000 + rng.below(200_000), 20_000, rng.below(3) as u32, &mut rng);
            let empty = rng.below(3);
            sparse.kept.retain(|kept| kept.0 / 65_536 != empty);
            unit.passes(&sparse, [Pace::ALL[rng.below(3)], Pace::ALL[rng.below(2)]], &mut rng);
        }
    }
}

/// A word every cycle, whatever the density; only where two chunks meet in a run may a few be missing.
#[test]
fn a_word_every_cycle() {
    let mut rng = Rng::new(seed("topk::decompress rate", 0x7261_7465));
    for lanes in LANES {
        let mut unit = Decompressor::new(lanes);
        for format in FORMATS {
            let elements = if lanes == 1 { 70_000 } else { 140_000 };
            for sparse in [
                Sparse::uniform(elements, 100, format, &mut rng),
                Sparse::uniform(elements, 10_000, format, &mut rng),
                Sparse::uniform(elements, 100_000, format, &mut rng),
                Sparse::runs(elements, 7, 10, format, &mut rng),
                Sparse::runs(elements, 32, 10, format, &mut rng),
                Sparse::runs(elements, 64, 10, format, &mut rng),
            ] {
                let outcome = unit.passes(&sparse, AT_ONCE, &mut rng);
                let what = format!("{} of {elements}, format {format}, {lanes} lanes", sparse.kept.len());
                // A chunk may end with a group of one element while the next one begins with a run: two borders.
                assert!(outcome.gaps <= 2 * 3, "{} cycles without a word: {what}", outcome.gaps);
                assert!(outcome.latency < 60, "{} cycles to the first word: {what}", outcome.latency);
            }
            for share in [500_000, 1_000_000] {
                let sparse = Sparse::uniform(elements, share, format, &mut rng);
                let outcome = unit.passes(&sparse, AT_ONCE, &mut rng);
                let rate = sparse.kept.len() as f64 / (outcome.cycles - outcome.latency) as f64;
                println!("{lanes} lanes, format {format}, {share} in a million: {rate:.3} kept elements a cycle");
                let words = elements as f64 / lanes as f64;
                assert!(rate > 0.98 * sparse.kept.len() as f64 / words, "{rate} kept elements a cycle");
            }
        }
    }
}

/// More chunks than a step's pieces ever have; five million cycles, so only among the long runs.
#[test]
fn passes_three_hundred_chunks() {
    if !long() {
        println!("skipped: NEARFIELD_LONG=1 (make test-long) runs it");
        return;
    }
    let mut rng = Rng::new(seed("topk::decompress chunks", 0x6368_756e));
    let mut sparse = Sparse::uniform(300 * 65_536 - 5, 300, 1, &mut rng);
    sparse.kept.retain(|kept| kept.0 / 65_536 % 5 != 4);
    let outcome = Decompressor::new(4).passes(&sparse, AT_ONCE, &mut rng);
    assert_eq!(outcome.gaps, 0);
}
