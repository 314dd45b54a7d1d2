//! Drives and watches valid/ready streams of an instance, and holds what it drives to the four rules.

use crate::rng::Rng;
use nearfield_sim::verilate::{Instance, PortId};

/// The three wires of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Wires {
    valid: PortId,
    data: PortId,
    ready: PortId,
}

impl Wires {
    /// The stream `<name>_valid`, `<name>_data`, `<name>_ready`.
    ///
    /// # Panics
    ///
    /// The instance has no such ports.
    pub fn new(instance: &Instance, name: &str) -> Wires {
        let port = |wire: &str| instance.port(&format!("{name}_{wire}")).unwrap_or_else(|e| panic!("{e}"));
        Wires { valid: port("valid"), data: port("data"), ready: port("ready") }
    }

    /// A stream of single wires: arrays and shared data have other names.
    ///
    /// # Panics
    ///
    /// The instance has no such ports.
    pub fn named(instance: &Instance, valid: &str, data: &str, ready: &str) -> Wires {
        let port = |name: &str| instance.port(name).unwrap_or_else(|e| panic!("{e}"));
        Wires { valid: port(valid), data: port(data), ready: port(ready) }
    }
}

fn read(instance: &Instance, port: PortId) -> Vec<u32> {
    match instance.bits(port) {
        65.. => instance.words(port).to_vec(),
        33..=64 => vec![instance.get(port) as u32, (instance.get(port) >> 32) as u32],
        _ => vec![instance.get(port) as u32],
    }
}

/// How often a side is willing: in `of` cycles, `on` of them at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    on: usize,
    of: usize,
}

impl Pace {
    /// Always, half of the time, rarely.
    pub const ALL: [Pace; 3] = [Pace { on: 1, of: 1 }, Pace { on: 1, of: 2 }, Pace { on: 1, of: 7 }];

    /// Whether it is willing this time.
    pub fn draw(self, rng: &mut Rng) -> bool {
        rng.below(self.of) < self.on
    }
}

/// Sends words into a stream. An offer stands until it is taken.
#[derive(Debug)]
pub struct Source {
    wires: Wires,
    words: std::collections::VecDeque<Vec<u32>>,
    pace: Pace,
    offering: bool,
}

impl Source {
    /// Will send `words` in order.
    pub fn new(wires: Wires, words: impl IntoIterator<Item = Vec<u32>>, pace: Pace) -> Source {
        Source { wires, words: words.into_iter().collect(), pace, offering: false }
    }

    /// Before the clock rises: offers, or goes on offering.
    pub fn drive(&mut self, instance: &mut Instance, rng: &mut Rng) {
        self.offering = !self.words.is_empty() && (self.offering || self.pace.draw(rng));
        instance.set(self.wires.valid, u64::from(self.offering));
        // What stands there without an offer must not matter.
        let width = instance.bits(self.wires.data);
        let noise: Vec<u32> = (0..width.div_ceil(32)).map(|i| rng.word() as u32 & mask(width, i)).collect();
        let word = if self.offering { &self.words[0] } else { &noise };
        instance.set_words(self.wires.data, word);
    }

    /// Settled, before the clock rises: notes whether the word goes.
    pub fn sample(&mut self, instance: &Instance) {
        if self.offering && instance.get(self.wires.ready) == 1 {
            self.words.pop_front();
            self.offering = false;
        }
    }

    /// Whether everything was sent.
    pub fn is_done(&self) -> bool {
        self.words.is_empty()
    }
}

/// Bits of the `i`-th word of a value of this width.
pub fn mask(width: u32, i: u32) -> u32 {
    match width - 32 * i {
        32.. => u32::MAX,
        part => (1 << part) - 1,
    }
}

/// Takes words from a stream and watches that an offer never changes or vanishes.
#[derive(Debug)]
pub struct Sink {
    wires: Wires,
    pace: Pace,
    /// What was taken.
    pub taken: Vec<Vec<u32>>,
    standing: Option<Vec<u32>>,
    willing: bool,
}

impl Sink {
    /// Takes at this pace.
    pub fn new(wires: Wires, pace: Pace) -> Sink {
        Sink { wires, pace, taken: Vec::new(), standing: None, willing: false }
    }

    /// Before the clock rises: is ready, or is not.
    pub fn drive(&mut self, instance: &mut Instance, rng: &mut Rng) {
        self.willing = self.pace.draw(rng);
        instance.set(self.wires.ready, u64::from(self.willing));
    }

    /// Stays unwilling this cycle.
    pub fn refuse(&mut self, instance: &mut Instance) {
        self.willing = false;
        instance.set(self.wires.ready, 0);
    }

    /// Settled, before the clock rises.
    ///
    /// # Panics
    ///
    /// An offer was taken back or changed, or `valid` waits for `ready`.
    pub fn sample(&mut self, instance: &mut Instance) {
        let valid = instance.get(self.wires.valid) == 1;
        let data = read(instance, self.wires.data);
        if let Some(standing) = self.standing.take() {
            assert!(valid, "an offer of {standing:08x?} was taken back");
            assert_eq!(data, standing, "an offer changed before it was taken");
        }
        if valid && self.willing {
            self.taken.push(data);
        } else if valid {
            self.standing = Some(data);
        }
        instance.set(self.wires.ready, u64::from(!self.willing));
        instance.eval();
        assert_eq!(instance.get(self.wires.valid) == 1, valid, "valid depends on ready");
        instance.set(self.wires.ready, u64::from(self.willing));
        instance.eval();
    }
}
