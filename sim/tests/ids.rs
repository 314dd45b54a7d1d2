//! Reads with ids: every pace answers one id in order, and lets ids overtake each other where it may.

mod fixture;

use fixture::wires;
use nearfield_abi::board::{Board, Timing, Wiring};
use nearfield_sim::axi::{Dram, Fixed, Hostile, Memory, PaceOf, Port, Random};
use nearfield_sim::verilate::{self, Instance, PortId};
use std::collections::{BTreeMap, VecDeque};

const READS: usize = 300;

/// A burst that was asked for.
struct Asked {
    number: usize,
    address: u64,
    beats: u64,
    sent: u64,
}

/// What the wires end at.
struct Pins {
    arvalid: PortId,
    araddr: PortId,
    arlen: PortId,
    arid: PortId,
    arready: PortId,
    rready: PortId,
    rvalid: PortId,
    rid: PortId,
    rdata: PortId,
    rresp: PortId,
    rlast: PortId,
}

impl Pins {
    fn find(i: &Instance) -> Pins {
        let pin = |name: &str| i.port(name).unwrap();
        Pins {
            arvalid: pin("arvalid"),
            araddr: pin("araddr"),
            arlen: pin("arlen"),
            arid: pin("arid"),
            arready: pin("arready"),
            rready: pin("rready"),
            rvalid: pin("rvalid"),
            rid: pin("rid"),
            rdata: pin("rdata"),
            rresp: pin("rresp"),
            rlast: pin("rlast"),
        }
    }
}

/// Reads bursts of up to `most` beats with ids below `ids`, checks every beat, and says how many bursts ended before one that was asked for
/// earlier.
fn overtaken(board: &str, seed: u64, ids: u32, most: u32) -> usize {
    let board = Board::from_name(board).unwrap();
    let mut instance = verilate::build(&wires(), &verilate::Options::default()).unwrap().instance();
    let (pace, mut dram) = match board.timing {
        Timing::Fixed { latency } => (PaceOf::Fixed(Fixed::new(latency)), None),
        Timing::Hostile => (PaceOf::Hostile(Box::new(Hostile::new(seed, 0))), None),
        Timing::Dram { config, wiring, path, depth } => {
            assert_eq!(wiring, Wiring::PortABank);
            let dram = Dram::new(config, wiring, board, board.clock_mhz, 1).unwrap();
            (PaceOf::Fixed(Fixed::before_memory(path, depth as usize)), Some(dram))
        }
        Timing::None => unreachable!("it is simulated"),
    };
    let mut ports = [Port::new(&instance, "gmem0", pace).unwrap()];
    let (mut memory, mut random, pins) = (Memory::new(board, seed), Random::new(seed, 9), Pins::find(&instance));
    let mut waiting: BTreeMap<u64, VecDeque<Asked>> = BTreeMap::new();
    let mut offered: Option<(u64, u64, u64)> = None;
    let (mut asked, mut ended, mut overtaken) = (0, 0, 0);
    for cycle in 0..400_000 {
        if ended == READS {
            return overtaken;
        }
        if offered.is_none() && asked < READS && random.chance(24) {
            let beats = 1 + u64::from(random.below(most));
            let address =
                board.base + u64::from(random.below(1 << 12)) * 4096 + u64::from(random.below(65 - most)) * 64;
            offered = Some((u64::from(random.below(ids)), address, beats));
        }
        let (id, address, beats) = offered.unwrap_or((0, 0, 1));
        instance.set(pins.arvalid, u64::from(offered.is_some()));
        instance.set(pins.arid, id);
        instance.set(pins.araddr, address);
        instance.set(pins.arlen, beats - 1);
        let rready = random.chance(28);
        instance.set(pins.rready, u64::from(rready));
        if let Some(dram) = &mut dram {
            dram.step(cycle, &mut ports);
        }
        ports[0].drive(cycle, &mut memory, &[], &mut instance);
        instance.eval();
        if offered.is_some() && instance.get(pins.arready) != 0 {
            waiting.entry(id).or_default().push_back(Asked { number: asked, address, beats, sent: 0 });
            (offered, asked) = (None, asked + 1);
        }
        if rready && instance.get(pins.rvalid) != 0 {
            let id = instance.get(pins.rid);
            let burst = waiting.get_mut(&id).and_then(VecDeque::front_mut).expect("an id that waits");
            let expected = memory.beat(burst.address + 64 * burst.sent).unwrap();
            assert_eq!(instance.words(pins.rdata), expected, "{}: id {id}", board.name);
            burst.sent += 1;
            let last = burst.sent == burst.beats;
            assert_eq!((instance.get(pins.rlast) != 0, instance.get(pins.rresp)), (last, 0));
            if last {
                let number = waiting.get_mut(&id).and_then(VecDeque::pop_front).expect("it was just there").number;
                overtaken += usize::from(waiting.values().flatten().any(|other| other.number < number));
                ended += 1;
            }
        }
        ports[0].sample(cycle, &instance).unwrap();
    }
    panic!("{}: {ended} of {READS} reads ended", board.name);
}

#[test]
fn ids_overtake_each_other_and_one_id_never() {
    for (board, reorders) in [("ideal", false), ("hostile", true), ("hbm2-256", true), ("u280", true)] {
        for seed in 0..2 {
            for most in [1, 16] {
                let of = |ids| overtaken(board, seed, ids, most);
                let (many, few, one) = (of(512), of(3), of(1));
                assert_eq!((many > 0, few > 0, one), (reorders, reorders, 0), "{board}, seed {seed}, bursts of {most}");
            }
        }
    }
}
