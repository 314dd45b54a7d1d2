//! `sgcn_aggregate` on simulated boards against `model::aggregate`, to the bit.

mod bench;
mod refusals;

use bench::{case, features, Bench, Case, Format, How};
use nearfield::gcn::{Csr, Dataset};
use nearfield_tests::rng::{long, seed, Rng};

/// A dozen small odd graphs: the degrees of their rows, the width of their features, and how many of a hundred are not 0.
fn graphs(rng: &mut Rng) -> Vec<Case> {
    let any =
        |vertices: usize, most: usize, rng: &mut Rng| (0..vertices).map(|_| rng.below(most + 1)).collect::<Vec<_>>();
    let degrees = [
        (vec![0], 1, 100),
        (vec![1], 256, 50),
        (vec![0, 0, 3, 0], 33, 0),
        (vec![1; 17], 16, 100),
        (vec![40, 0, 1, 2], 250, 30),
        (any(9, 3, rng), 300, 30),
        (any(16, 4, rng), 96, 50),
        (any(33, 2, rng), 31, 15),
        (any(5, 20, rng), 128, 97),
        (any(12, 3, rng), 256, 15),
        (any(7, 7, rng), 257, 70),
        ([any(10, 2, rng), vec![18], any(10, 1, rng)].concat(), 64, 40),
    ];
    let weighted = [false, true, true].into_iter().cycle();
    degrees
        .iter()
        .zip(weighted)
        .map(|((degrees, width, percent), weighted)| case(degrees, *width, *percent, weighted, rng))
        .collect()
}

/// Every format, slice and kind of strips on a dozen graphs.
fn product(engines: u32, ports: u32, board: &str) {
    let seed = seed(&format!("sgcn_aggregate, {engines} engines, {ports} ports on {board}"), 61);
    let mut rng = Rng::new(seed);
    let mut bench = Bench::open(engines, ports, board, seed);
    let mut runs = 0;
    for case in graphs(&mut rng) {
        for format in [Format::Beicsr, Format::Published { known: rng.one_in(2) }, Format::Dense, Format::Pairs] {
            for slice in [32, 96, 128, 256] {
                for (dynamic, strip) in [(true, 4), (false, 32)] {
                    let (hashed, bypass) = (rng.one_in(2), rng.one_in(2));
                    bench.check(&case, &How { format, slice, strip, dynamic, hashed, bypass });
                    runs += 1;
                }
            }
        }
    }
    println!("{runs} runs of {engines} engines on {board} equal the model");
}

#[test]
fn one_engine_equals_the_model_on_ideal_memory() {
    product(1, 1, "ideal");
}

#[test]
fn one_engine_equals_the_model_on_hbm() {
    product(1, 1, "hbm2-256");
}

#[test]
fn one_engine_equals_the_model_on_hostile_memory() {
    product(1, 1, "hostile");
}

#[test]
fn four_engines_equal_the_model_on_ideal_memory() {
    product(4, 8, "ideal");
}

#[test]
fn four_engines_equal_the_model_on_hbm() {
    product(4, 8, "hbm2-256");
}

#[test]
fn four_engines_equal_the_model_on_hostile_memory() {
    product(4, 8, "hostile");
}

#[test]
fn two_eight_and_sixteen_engines_equal_the_model() {
    if !long() {
        println!("skipped: NEARFIELD_LONG=1 (make test-long) runs it");
        return;
    }
    for (engines, ports) in [(2, 1), (4, 1), (8, 8), (16, 8)] {
        product(engines, ports, "ideal");
        product(engines, ports, "hostile");
    }
}

/// A hub with 20,000 neighbours beside rows with few: nothing hangs, and the hub's sum is in order.
#[test]
fn a_hub_is_summed_in_order() {
    let mut rng = Rng::new(seed("sgcn_aggregate hub", 62));
    let mut degrees = vec![2; 40];
    degrees[7] = 20_000;
    let hub = case(&degrees, 64, 40, true, &mut rng);
    let mut bench = Bench::open(1, 1, "ideal", 62);
    let how = How { format: Format::Beicsr, slice: 64, strip: 8, dynamic: true, hashed: true, bypass: false };
    let cycles = bench.check(&hub, &how);
    let (ops, hazard) = (bench.counter("engine0_ops"), bench.counter("engine0_hazard"));
    println!("{cycles} cycles, {ops} operations, {hazard} cycles of waiting for the sums before");
    assert!(hazard > ops, "one row's operations wait for each other: {hazard} of {cycles} cycles, {ops} operations");
    assert_eq!(bench.counter("engine0_rows"), 40);
}

/// Cora with its self-loops and weights, 256 columns of which 30 in a hundred are not 0.
fn cora(rng: &mut Rng) -> Case {
    let set = Dataset::load("cora").unwrap();
    let matrix = Csr::normalized_adjacency(set.vertices(), &set.edges);
    let mut pointers = vec![0];
    let mut columns = Vec::new();
    for row in 0..matrix.rows() {
        columns.extend(matrix.row(row).map(|(column, _)| column as u32));
        pointers.push(columns.len() as u32);
    }
    let weights = Some(matrix.values().to_vec());
    Case { pointers, columns, weights, features: features(256 * set.vertices(), 30, rng), width: 256 }
}

fn cora_on(engines: u32, ports: u32, board: &str) {
    let mut rng = Rng::new(seed(&format!("Cora, {engines} engines on {board}"), 67));
    let case = cora(&mut rng);
    let mut bench = Bench::open(engines, ports, board, 67);
    for format in [Format::Beicsr, Format::Published { known: false }, Format::Dense, Format::Pairs] {
        let how = How { format, slice: 256, strip: 8, dynamic: true, hashed: true, bypass: false };
        let cycles = bench.check(&case, &how);
        println!("Cora with {engines} engines on {board}, {format:?}: {cycles} cycles");
    }
}

#[test]
fn cora_with_four_engines_equals_the_model() {
    cora_on(4, 8, "ideal");
}

#[test]
fn cora_with_other_engines_equals_the_model() {
    if !long() {
        println!("skipped: NEARFIELD_LONG=1 (make test-long) runs it");
        return;
    }
    for (engines, ports) in [(1, 1), (2, 1), (8, 8), (16, 8)] {
        cora_on(engines, ports, "hbm2-256");
    }
}
