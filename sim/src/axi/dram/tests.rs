//! DRAM without a kernel: streams of bursts that advance together, as those of an optimizer step do.

use super::*;
use crate::axi::{Random, ReadBurst, WriteBurst};
use nearfield_abi::board::Timing;
use std::time::Instant;

/// The DRAM of a board before ports of a kernel at its own clock or this one.
fn dram(board: &Board, kernel_mhz: Option<f64>, ports: usize) -> Dram {
    let Timing::Dram { config, wiring, .. } = board.timing else { panic!("{} has no DRAM", board.name) };
    Dram::new(config, wiring, board, kernel_mhz.unwrap_or(board.clock_mhz), ports).unwrap()
}

fn traffic(ports: usize) -> Vec<Traffic> {
    (0..ports).map(|_| Traffic::new(true)).collect()
}

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
    let (mut dram, mut ports) = (dram(board, None, 4), traffic(4));
    let mut streams: Vec<(usize, Stream)> = Vec::new();
    for (port, base) in bases.into_iter().enumerate() {
        let stream = |write| (port, Stream { base: board.base + base, write, asked: 0, done: 0 });
        streams.push(stream(false));
        if port < 3 {
            streams.push(stream(true));
        }
    }
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
                let room = traffic.writes().len() < outstanding;
                if s.asked < beats && s.asked + u64::from(length) <= slowest_read && room {
                    traffic.push_write(WriteBurst::new(0, address, length, length));
                    s.asked += u64::from(length);
                }
                if let Some((number, _)) = traffic.writes().front().filter(|(_, b)| b.asked == b.beats) {
                    traffic.remove_write(number);
                    s.done += u64::from(length);
                }
                continue;
            }
            if s.asked < beats && s.asked < slowest + SLACK && traffic.reads().len() < outstanding {
                traffic.push_read(ReadBurst::new(0, address, length));
                s.asked += u64::from(length);
            }
            if let Some(number) = traffic.ready() {
                traffic.sent(number);
                s.done += 1;
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
    let error = Dram::new("ddr5.ini", Wiring::Arbiter, board, 300.0, 4).err().expect("there is none").to_string();
    assert!(error.contains("ddr5.ini"), "{error}");
}

#[test]
fn clocks_keep_their_ratio() {
    let board = Board::from_name("smartssd").unwrap();
    for (mhz, cycles, ticks) in [(300.0, 1000, 4000), (250.0, 1000, 4800), (333.3, 3333, 12000)] {
        let mut dram = dram(board, Some(mhz), 1);
        assert_eq!(dram.dram_khz, 1_200_000);
        let mut passed = 0;
        for _ in 0..cycles {
            let before = dram.behind + dram.dram_khz;
            dram.step(0, &mut traffic(1));
            passed += (before - dram.behind) / dram.kernel_khz;
        }
        assert_eq!(passed, ticks, "{mhz}");
    }
}

/// Bytes a second and cycles simulated a second of single-beat reads on a board of HBM2, every port with ids of its own and up to
/// `outstanding` reads, at addresses that `next` draws from the number of the read.
fn hbm2(board: &str, outstanding: usize, mut next: impl FnMut(u64) -> u64) -> (f64, f64) {
    let board = Board::from_name(board).unwrap();
    let count = board.banks as usize;
    let reads = 320_000 / count as u64;
    let (mut dram, mut ports) = (dram(board, None, count), traffic(count));
    let (mut asked, mut done) = (vec![0; count], 0);
    let begun = Instant::now();
    for cycle in 0.. {
        if done == reads * count as u64 {
            let seconds = begun.elapsed().as_secs_f64();
            return ((done * 64) as f64 / (cycle as f64 / (board.clock_mhz * 1e6)), cycle as f64 / seconds);
        }
        for (port, traffic) in ports.iter_mut().enumerate() {
            if asked[port] < reads && traffic.reads().len() < outstanding {
                let address = board.bank_base(port as u32) + next(asked[port]);
                traffic.push_read(ReadBurst::new((asked[port] % 512) as u32, address, 1));
                asked[port] += 1;
            }
            if let Some(number) = traffic.ready() {
                traffic.sent(number);
                done += 1;
            }
        }
        dram.step(cycle, &mut ports);
    }
    unreachable!()
}

/// A U280 was measured to give 425 GB/s of its 460 (Wang et al., "Shuhai", FCCM 2020).
#[test]
fn hbm2_reaches_the_measured_bandwidths() {
    let mut random = Random::new(7, 0);
    for (board, sequential, at_random) in
        [("hbm2-256", 225e9..256e9, 50e9..75e9), ("u280", 400e9..460.8e9, 200e9..280e9)]
    {
        let (in_order, speed) = hbm2(board, 64, |number| number * 64);
        println!("{board}, sequential: {:.1} GB/s, {speed:.0} cycles/s", in_order / 1e9);
        let (randomly, speed) = hbm2(board, 64, |_| random.next() % (1 << 22) * 64);
        println!("{board}, 64 bytes at random: {:.1} GB/s, {speed:.0} cycles/s", randomly / 1e9);
        assert!(sequential.contains(&in_order), "{board}: {in_order}");
        assert!(at_random.contains(&randomly), "{board}: {randomly}");
    }
}

/// A read of a row that is open overtakes one of a row that is not, unless they have one id.
#[test]
fn what_dram_answers_first_is_first_where_ids_differ() {
    let board = Board::from_name("hbm2-256").unwrap();
    for (ids, expected) in [([0, 0, 0], [0, 1, 2]), ([4, 5, 6], [0, 2, 1])] {
        let (mut dram, mut ports) = (dram(board, None, 1), traffic(1));
        // One row, another one of the same bank, and the first again.
        for (id, offset) in ids.into_iter().zip([0, 512 << 10, 64]) {
            ports[0].push_read(ReadBurst::new(id, offset, 1));
        }
        let mut order = Vec::new();
        for cycle in 0..1000 {
            dram.step(cycle, &mut ports);
            if let Some(number) = ports[0].ready() {
                ports[0].sent(number);
                order.push(number);
            }
        }
        assert_eq!(order, expected, "ids {ids:?}");
    }
}

#[test]
fn a_port_finds_nobody_in_another_ports_bank() {
    let board = Board::from_name("hbm2-256").unwrap();
    let (mut dram, mut ports) = (dram(board, None, 2), traffic(2));
    assert_eq!(dram.controllers.len(), 2, "banks without a port are not simulated");
    ports[1].push_read(ReadBurst::new(0, board.bank_base(0), 1));
    dram.step(0, &mut ports);
    assert_eq!(ports[1].ready(), Some(0), "it is answered at once, with an error");
}
