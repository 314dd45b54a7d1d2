//! `cargo bench -p nearfield-sim`: the simulator's speed on a design that never changes, written by hand (`tests/fixture/copy.v`).
//!
//! `nearfield bench kernel` says how many cycles a second a kernel is simulated at. When that changes, this says whether it was the
//! machine, Verilator or the board around the kernel, or the kernel itself.

#[path = "../tests/fixture/mod.rs"]
mod fixture;

use fixture::{design, places, write_address, BYTES, MASTERS, MISBEHAVE, SOURCE, TARGET};
use nearfield_abi::board::Board;
use nearfield_sim::{KernelSim, Options};
use std::time::Instant;

/// Bytes that each of the two masters copies in a run.
const LENGTH: u32 = 1 << 20;
const RUNS: usize = 9;

fn main() {
    for name in ["ideal", "smartssd"] {
        let board = Board::from_name(name).expect("there is such a board");
        let mut sim =
            KernelSim::with_design(&design(), &MASTERS, board, Options::default()).expect("the fixture builds");
        let [s0, t0, s1, t1] = places(board, [0; 4]);
        for (i, (source, target)) in [(s0, t0), (s1, t1)].into_iter().enumerate() {
            sim.write_memory(source, &vec![0x3c; LENGTH as usize]).expect("the source lies in a bank");
            write_address(&mut sim, SOURCE[i], source);
            write_address(&mut sim, TARGET[i], target);
        }
        sim.write_register(BYTES, LENGTH).expect("a register");
        sim.write_register(MISBEHAVE, 0).expect("a register");
        let mut rates: Vec<f64> = (0..RUNS)
            .map(|_| {
                let begun = Instant::now();
                sim.start().expect("the kernel rests");
                let report = sim.run_until_done(10_000_000).expect("the copy ends");
                report.cycles as f64 / begun.elapsed().as_secs_f64()
            })
            .collect();
        rates.sort_by(f64::total_cmp);
        println!("copy by hand on {name}: {:.3e} cycles/s (median of {RUNS} runs)", rates[RUNS / 2]);
    }
}
