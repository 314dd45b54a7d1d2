//! A datapath under test: lines late and out of order, descriptors of 8 rows in turns, bursts taken or refused.

use super::records::{Line, Record};
use nearfield_sim::verilate::PortId;
use nearfield_tests::cell::Cell;
use nearfield_tests::rng::Rng;
use nearfield_tests::stream::Pace;
use std::collections::{BTreeMap, VecDeque};

/// How willing everybody is.
#[derive(Clone, Copy, Debug)]
pub struct Paces {
    pub descriptors: Pace,
    pub asks: Pace,
    pub arrivals: Pace,
    pub bursts: Pace,
    pub beats: Pace,
    /// Lines that may be under way before one has to arrive.
    pub late: usize,
}

pub const SWIFT: Paces = Paces {
    descriptors: Pace::ALL[0],
    asks: Pace::ALL[0],
    arrivals: Pace::ALL[0],
    bursts: Pace::ALL[0],
    beats: Pace::ALL[0],
    late: 1,
};

impl Paces {
    pub fn draw(rng: &mut Rng) -> Paces {
        let mut pace = || Pace::ALL[rng.below(3)];
        let (descriptors, asks, arrivals, bursts, beats) = (pace(), pace(), pace(), pace(), pace());
        Paces { descriptors, asks, arrivals, bursts, beats, late: 1 + rng.below(100) }
    }
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Outcome {
    pub memory: BTreeMap<u32, Line>,
    /// Cycles from the first operation to the last.
    pub cycles: usize,
    pub ops: usize,
    /// Operations that were seen after the fault was.
    pub late_ops: usize,
    pub hazards: usize,
    pub starved: usize,
    pub fault: Option<u32>,
}

struct Ports {
    allocate: PortId,
    slot: PortId,
    room: PortId,
    arrive: PortId,
    arrive_slot: PortId,
    arrive_data: PortId,
    descriptor_valid: PortId,
    descriptor_data: PortId,
    descriptor_ready: PortId,
    freed: PortId,
    freed_context: PortId,
    burst: [PortId; 3],
    w: [PortId; 3],
    busy: PortId,
    events: [PortId; 4],
    fault: PortId,
    fault_row: PortId,
}

pub struct Bench {
    cell: Cell,
    ports: Ports,
}

impl Bench {
    pub fn new() -> Bench {
        let cell = Cell::of(super::datapath(), "sgcn_datapath");
        let port = |name: &str| cell.port(name);
        let ports = Ports {
            allocate: port("allocate"),
            slot: port("slot"),
            room: port("room"),
            arrive: port("arrive"),
            arrive_slot: port("arrive_slot"),
            arrive_data: port("arrive_data"),
            descriptor_valid: port("descriptor_valid"),
            descriptor_data: port("descriptor_data"),
            descriptor_ready: port("descriptor_ready"),
            freed: port("freed"),
            freed_context: port("freed_context"),
            burst: ["burst_valid", "burst_data", "burst_ready"].map(port),
            w: ["w_valid", "w_data", "w_ready"].map(port),
            busy: port("busy"),
            events: ["op", "hazard", "starved", "idle"].map(port),
            fault: port("fault"),
            fault_row: port("fault_row"),
        };
        Bench { cell, ports }
    }

    fn set(&mut self, port: PortId, value: u64) {
        self.cell.instance.set(port, value);
    }

    fn is(&self, port: PortId) -> bool {
        self.cell.instance.get(port) == 1
    }

    /// Runs rows to their end, up to 16 at a time; their contexts are dealt here. `turns` sends one record of each in turn.
    pub fn run(&mut self, words: usize, rows: Vec<Vec<Record>>, paces: Paces, turns: bool, rng: &mut Rng) -> Outcome {
        let [burst_valid, burst_data, burst_ready] = self.ports.burst;
        let [w_valid, w_data, w_ready] = self.ports.w;
        for port in [self.ports.allocate, self.ports.arrive, self.ports.descriptor_valid, burst_ready, w_ready] {
            self.set(port, 0);
        }
        self.cell.set("words", words as u64);
        self.cell.set("reset", 1);
        (0..64).for_each(|_| self.cell.tick());
        self.cell.set("reset", 0);

        let total = rows.len();
        let bound = 2000 + 200 * rows.iter().flatten().map(|record| 2 + record.lines.len()).sum::<usize>();
        let mut rows: VecDeque<VecDeque<Record>> = rows.into_iter().map(VecDeque::from).collect();
        let mut free: VecDeque<u32> = (0..16).collect();
        let mut open: VecDeque<VecDeque<Record>> = VecDeque::new();
        let (mut descriptors, mut asks) = (VecDeque::new(), VecDeque::new());
        let mut arrivals: Vec<(u64, Line)> = Vec::new();
        let (mut offering, mut beats, mut at, mut done, mut quiet) = (false, 0, 0, 0, 0);
        let mut first = None;
        let mut outcome = Outcome::default();
        for cycle in 0.. {
            assert!(cycle < bound, "{done} of {total} rows after {cycle} cycles, {} lines under way", arrivals.len());
            while !free.is_empty() && !rows.is_empty() {
                let (context, mut row) = (free.pop_front().unwrap(), rows.pop_front().unwrap());
                row.iter_mut().for_each(|record| record.context = context);
                open.push_back(row);
            }
            while descriptors.len() < 4 && !open.is_empty() {
                let which = if turns { 0 } else { rng.below(open.len()) };
                let mut row = open.remove(which).expect("below its length");
                let record = row.pop_front().expect("an open row has records");
                descriptors.push_back(record.descriptor());
                asks.extend(record.lines);
                if !row.is_empty() {
                    open.push_back(row);
                }
            }

            self.cell.settle();
            let slot = self.cell.instance.get(self.ports.slot);
            let ask = !asks.is_empty() && self.is(self.ports.room) && paces.asks.draw(rng);
            self.set(self.ports.allocate, ask.into());
            let due = arrivals.len() >= paces.late || asks.is_empty() || !self.is(self.ports.room);
            let arrive = !arrivals.is_empty() && due && paces.arrivals.draw(rng);
            self.set(self.ports.arrive, arrive.into());
            if arrive {
                let (slot, line) = arrivals.swap_remove(rng.below(arrivals.len()));
                self.set(self.ports.arrive_slot, slot);
                self.cell.instance.set_words(self.ports.arrive_data, &line);
            } else {
                self.set(self.ports.arrive_slot, rng.word() & 255);
            }
            if ask {
                arrivals.push((slot, asks.pop_front().expect("not empty")));
            }
            offering = !descriptors.is_empty() && (offering || paces.descriptors.draw(rng));
            self.set(self.ports.descriptor_valid, offering.into());
            if offering {
                self.cell.instance.set_words(self.ports.descriptor_data, &descriptors[0]);
            }
            let takes = beats == 0 && paces.bursts.draw(rng);
            self.set(burst_ready, takes.into());
            let takes_beat = beats > 0 && paces.beats.draw(rng);
            self.set(w_ready, takes_beat.into());

            self.cell.settle();
            if offering && self.is(self.ports.descriptor_ready) {
                descriptors.pop_front();
                offering = false;
            }
            if self.is(self.ports.freed) {
                let context = self.cell.instance.get(self.ports.freed_context) as u32;
                assert!(!free.contains(&context), "context {context} freed twice");
                free.push_back(context);
                done += 1;
            }
            assert!(beats == 0 || self.is(w_valid), "a burst was offered before its beats");
            if takes_beat {
                let line: Line = self.cell.instance.words(w_data).try_into().expect("512 bits");
                assert_eq!(outcome.memory.insert(at, line), None, "line {at:x} twice");
                (at, beats) = (at.wrapping_add(1), beats - 1);
            }
            if takes && self.is(burst_valid) {
                let burst = self.cell.instance.get(burst_data);
                (at, beats) = (burst as u32, (burst >> 32) as usize + 1);
                assert!(at as usize % 16 + beats <= 16, "{beats} beats at {at:x}");
            }
            let [op, hazard, starved, _] = self.ports.events.map(|port| self.is(port));
            if op {
                outcome.cycles = cycle + 1 - *first.get_or_insert(cycle);
                outcome.ops += 1;
                outcome.late_ops += usize::from(outcome.fault.is_some());
            }
            outcome.hazards += usize::from(hazard);
            outcome.starved += usize::from(starved && first.is_some());
            if self.is(self.ports.fault) {
                let row = self.cell.instance.get(self.ports.fault_row) as u32;
                assert_eq!(*outcome.fault.get_or_insert(row), row, "the fault changed");
            }
            let busy = self.is(self.ports.busy);
            self.cell.tick();
            quiet = if busy { 0 } else { quiet + 1 };
            if quiet > 20 && done == total && asks.is_empty() && arrivals.is_empty() {
                break;
            }
        }
        outcome
    }
}
