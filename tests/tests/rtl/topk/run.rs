//! A decompressor under test: streams in, words and faults out.

use super::encode::{beats, sums, Sparse};
use nearfield_hdl::topk::Fold;
use nearfield_sim::verilate::{Instance, PortId};
use nearfield_tests::rng::Rng;
use nearfield_tests::stream::{Pace, Sink, Source, Wires};
use std::collections::VecDeque;

/// A decompressor of some number of lanes in an instance of its own, after reset.
pub struct Decompressor {
    pub lanes: usize,
    instance: Instance,
    clock: PortId,
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// Elements, in the format of the stream.
    pub elements: Vec<u32>,
    /// Cycles from `start` until `busy` fell.
    pub cycles: usize,
    /// Cycles without a word, between the first and the last, in which one would have been taken.
    pub gaps: usize,
    /// Cycles until the first word.
    pub latency: usize,
    /// Kind and chunk.
    pub fault: (u32, u32),
}

impl Decompressor {
    pub fn new(lanes: usize) -> Decompressor {
        let instance = super::family().instance();
        let clock = instance.port("clock").expect("the family has a clock");
        let mut unit = Decompressor { lanes, instance, clock };
        unit.set("start", 0);
        unit.set("s_valid", 0);
        unit.set("m_ready", 0);
        unit.set("ended", 0);
        unit.set("reset", 1);
        unit.instance.tick(clock);
        unit.set("reset", 0);
        unit
    }

    fn name(&self) -> String {
        match self.lanes {
            4 => "topk_decompress".to_string(),
            lanes => format!("topk_decompress_l{lanes}"),
        }
    }

    fn port(&self, port: &str) -> PortId {
        self.instance.port(&format!("{}_{port}", self.name())).unwrap_or_else(|e| panic!("{e}"))
    }

    fn set(&mut self, port: &str, value: u64) {
        let port = self.port(port);
        self.instance.set(port, value);
    }

    pub fn get(&self, port: &str) -> u64 {
        self.instance.get(self.port(port))
    }

    /// Sends `stream` for a run of `elements` until the unit is no longer busy, and watches that nothing comes afterwards.
    pub fn run(&mut self, stream: &[u8], elements: usize, format: u32, paces: [Pace; 2], rng: &mut Rng) -> Outcome {
        self.set("elements", elements as u64);
        self.set("format", format.into());
        self.set("start", 1);
        self.instance.tick(self.clock);
        self.set("start", 0);
        let prefix = self.name();
        let beats = beats(stream);
        let bound = 20_000 + 40 * (beats.len() + elements);
        // What watches the stream gives the sums of beats some cycles after them, and of whatever stands there without a beat.
        let mut passing = beats.iter().map(|beat| sums(beat)).collect::<Vec<_>>().into_iter();
        let mut noise = Rng::new(rng.word());
        let mut behind: VecDeque<(u32, u32)> = VecDeque::from(vec![(1, 1); Fold::AHEAD]);
        let mut source = Source::new(Wires::new(&self.instance, &format!("{prefix}_s")), beats, paces[0]);
        let mut sink = Sink::new(Wires::new(&self.instance, &format!("{prefix}_m")), paces[1]);
        let [busy, valid, ready, ended] = ["busy", "m_valid", "m_ready", "ended"].map(|name| self.port(name));
        let [offered, accepted, beat_sum, beat_after] =
            ["s_valid", "s_ready", "beat_sum", "beat_after"].map(|name| self.port(name));
        let (mut cycles, mut idle, mut gaps, mut latency, mut after) = (0, 0, 0, 0, 0);
        while after < 30 {
            source.drive(&mut self.instance, rng);
            sink.drive(&mut self.instance, rng);
            self.instance.set(ended, u64::from(source.is_done()));
            let (plain, times) = behind.pop_front().expect("as many go in as come out");
            self.instance.set(beat_sum, plain.into());
            self.instance.set(beat_after, times.into());
            self.instance.set(self.clock, 0);
            self.instance.eval();
            let taken = self.instance.get(offered) == 1 && self.instance.get(accepted) == 1;
            let beat = if taken { passing.next() } else { None };
            behind.push_back(beat.unwrap_or_else(|| (noise.word() as u32, noise.word() as u32)));
            if self.instance.get(valid) == 1 {
                match sink.taken.is_empty() {
                    true => latency = latency.max(cycles),
                    false => gaps += idle,
                }
                idle = 0;
            } else if self.instance.get(ready) == 1 && !sink.taken.is_empty() {
                idle += 1;
            }
            if self.instance.get(busy) == 0 {
                after += 1;
            } else {
                assert_eq!(after, 0, "busy rose again");
                cycles += 1;
                let taken = sink.taken.len();
                assert!(cycles < bound, "{taken} words after {cycles} cycles of {elements} elements");
            }
            source.sample(&self.instance);
            sink.sample(&mut self.instance);
            self.instance.tick(self.clock);
        }
        self.set("s_valid", 0);
        let fault = (self.get("fault") as u32, self.get("fault_chunk") as u32);
        assert_eq!(self.get("failed") == 1, fault.0 != 0);
        Outcome { elements: self.elements(&sink.taken), cycles, gaps, latency, fault }
    }

    fn elements(&self, words: &[Vec<u32>]) -> Vec<u32> {
        words.iter().flat_map(|word| word[..self.lanes].iter().copied()).collect()
    }

    /// A good stream comes out as it is meant to.
    pub fn passes(&mut self, sparse: &Sparse, paces: [Pace; 2], rng: &mut Rng) -> Outcome {
        let outcome = self.run(&sparse.encode(), sparse.elements, sparse.format, paces, rng);
        let what = format!(
            "{} kept of {} elements, format {}, {} lanes, {paces:?}",
            sparse.kept.len(),
            sparse.elements,
            sparse.format,
            self.lanes
        );
        assert_eq!(outcome.fault, (0, 0), "{what}");
        let dense = sparse.dense();
        assert_eq!(outcome.elements.len(), dense.len(), "{what}");
        let wrong = outcome.elements.iter().zip(&dense).position(|(found, right)| found != right);
        if let Some(at) = wrong {
            panic!("{what}: element {at} is {:08x}, not {:08x}", outcome.elements[at], dense[at]);
        }
        outcome
    }
}
