//! DRAM without a kernel: streams of bursts that advance together, as those of an optimizer step do.

use super::*;
use crate::axi::{ReadBurst, WriteBurst};

/// Beats that a stream may be ahead of the slowest one: what a kernel's buffers hold.
const SLACK: u64 = 192;

struct Stream {
    base: u64,
    write: bool,
    /// Beats requested and beats done.
    asked: u64,
    done: u64,
}

/// Bytes a second that 4 reads and 3 writes reach in place, when the tensors begin at `bases` and bursts have `length`
/// beats.
fn bandwidth(bases: [u64; 4], length: u32) -> f64 {
    let beats = 10_000;
    // Two pages of beats on their way in each direction, however long they are.
    let outstanding = (256 / length) as usize;
    let board = Board::from_name("smartssd").unwrap();
    let mut dram = Dram::new("ddr4_2400_smartssd.ini", board, 300.0, 4).unwrap();
    let mut ports: Vec<Traffic> = (0..4).map(|_| Traffic::default()).collect();
    let mut streams: Vec<(usize, Stream)> = Vec::new();
    for (port, base) in bases.into_iter().enumerate() {
        let stream = |write| (port, Stream { base: board.base + base, write, asked: 0, done: 0 });
        streams.push(stream(false));
        if port < 3 {
            streams.push(stream(true));
        }
    }
    let mut number = 0;
    for cycle in 1.. {
        let slowest_read = streams.iter().filter(|(_, s)| !s.write).map(|(_, s)| s.done).min().unwrap();
        let slowest = streams.iter().map(|(_, s)| s.done).min().unwrap();
        if slowest >= beats {
            return (7 * beats * 64) as f64 / (cycle as f64 / 300e6);
        }
        for (port, s) in &mut streams {
            let traffic = &mut ports[*port];
            let address = s.base + s.asked * 64;
            if s.write {
                if s.asked < beats && s.asked + u64::from(length) <= slowest_read && traffic.writes.len() < outstanding
                {
                    traffic.writes.push_back(WriteBurst::new(0, address, length, length));
                    s.asked += u64::from(length);
                }
                if traffic.writes.front().is_some_and(|b| b.asked == b.beats) {
                    traffic.writes.pop_front();
                    s.done += u64::from(length);
                }
                continue;
            }
            if s.asked < beats && s.asked < slowest + SLACK && traffic.reads.len() < outstanding {
                traffic.reads.push_back(ReadBurst::new(0, address, length, number));
                number += 1;
                s.asked += u64::from(length);
            }
            if let Some(burst) = traffic.reads.front_mut().filter(|b| b.answered >> b.sent & 1 != 0) {
                burst.sent += 1;
                s.done += 1;
                if burst.sent == burst.beats {
                    traffic.reads.pop_front();
                }
            }
        }
        dram.step(cycle, &mut ports);
    }
    unreachable!()
}

/// What a tensor's base adds to a bank group: DRAM pages of 8 KiB lie in bank groups in turn.
const PAGE: u64 = 8192;

fn staggered(by: [u64; 4], length: u32) -> f64 {
    bandwidth([0, 1, 2, 3].map(|i| i as u64 * (64 << 20) + by[i] * PAGE), length)
}

#[test]
fn streams_staggered_over_bank_groups_reach_the_measured_bandwidth() {
    // Refresh takes tRFC of every tREFI.
    let bound = 19.2e9 * (1.0 - 312.0 / 9360.0);
    for length in [16, 64] {
        let figures = [staggered([0, 1, 2, 3], length), staggered([0, 3, 6, 9], length)];
        println!("bursts of {length}, staggered: {figures:.0?} bytes a second");
        assert!(figures.iter().all(|f| (15.5e9..bound).contains(f)), "bursts of {length}: {figures:?}");
    }
}

#[test]
fn streams_aligned_alike_are_much_slower() {
    for length in [16, 64] {
        let figure = staggered([0; 4], length);
        println!("bursts of {length}, aligned: {figure:.0} bytes a second");
        assert!((4e9..12e9).contains(&figure), "bursts of {length}: {figure}");
    }
}

#[test]
fn an_unknown_configuration_is_refused() {
    let board = Board::from_name("smartssd").unwrap();
    let error = Dram::new("ddr5.ini", board, 300.0, 4).err().expect("there is none").to_string();
    assert!(error.contains("ddr5.ini"), "{error}");
}

#[test]
fn clocks_keep_their_ratio() {
    let board = Board::from_name("smartssd").unwrap();
    for (mhz, cycles, ticks) in [(300.0, 1000, 4000), (250.0, 1000, 4800), (333.3, 3333, 12000)] {
        let mut dram = Dram::new("ddr4_2400_smartssd.ini", board, mhz, 1).unwrap();
        assert_eq!(dram.dram_khz, 1_200_000);
        let mut passed = 0;
        for _ in 0..cycles {
            let before = dram.behind + dram.dram_khz;
            dram.step(0, &mut [Traffic::default()]);
            passed += (before - dram.behind) / dram.kernel_khz;
        }
        assert_eq!(passed, ticks, "{mhz}");
    }
}
