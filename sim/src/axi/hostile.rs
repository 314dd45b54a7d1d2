//! The unkind pace: everything AXI allows a slave to do to a master, drawn from a seed.

use super::pace::{Accept, Pace};
use super::queue::{Identified, Queue};
use super::random::Random;
use super::traffic::{ReadBurst, Traffic, WriteBurst};

/// Which of a write's two channels the port wants first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    /// No preference.
    Either,
    /// No data before their address has been taken.
    Address,
    /// No address before a beat of its data has been taken. A master must not wait for AWREADY before it offers data
    /// (AXI4, A3.3.1).
    Data,
}

/// How a port behaves for a while. Chances are in 32nds; none is 0, so that a legal master always gets on, and the
/// least is below what one lane needs (a beat in 16 cycles).
#[derive(Clone, Copy, Debug)]
struct Mood {
    until: u64,
    aw: u32,
    w: u32,
    ar: u32,
    r: u32,
    b: u32,
    first: First,
    /// Latencies are drawn below this.
    latency: u32,
    /// Bursts of each direction that may be outstanding.
    depth: usize,
}

/// Draws latency, refusal, gaps, the order of address and data, the depth of queues and the order between ids from a
/// seed, and drives noise and errors as payload while valid is low. All of it changes every few hundred cycles, or thousands, so that a run meets many moods.
#[derive(Clone, Debug)]
pub struct Hostile {
    random: Random,
    /// A sequence of its own, so that what is driven beside a low valid does not change the pace.
    noise: Random,
    mood: Mood,
    /// A preference that stays for the whole run: with [`First::Data`] a master that waits for AWREADY before it offers
    /// data hangs, while a mood that ends would only slow it down.
    always: Option<First>,
}

impl Hostile {
    /// The pace of port number `port`.
    pub fn new(seed: u64, port: u64) -> Hostile {
        let mut random = Random::new(seed, 0x706f_7274 + port);
        let mood = Mood::draw(&mut random, 0);
        let always = random.pick(&[None, None, Some(First::Address), Some(First::Data)]);
        Hostile { random, noise: Random::new(seed, 0x6e6f_6973 + port), mood, always }
    }

    /// The oldest bursts of their ids, from which a slave may choose.
    fn choose<T: Identified>(&mut self, bursts: &Queue<T>, may: impl Fn(&T) -> bool) -> Option<u64> {
        let able = bursts.iter().filter(|&(number, b)| may(b) && bursts.oldest(b.id()) == Some(number));
        let count = able.clone().count() as u32;
        if count == 0 {
            return None;
        }
        let chosen = self.random.below(count) as usize;
        able.map(|(number, _)| number).nth(chosen)
    }
}

impl Mood {
    fn draw(random: &mut Random, cycle: u64) -> Mood {
        let chance = |random: &mut Random| random.pick(&[1, 4, 8, 16, 28, 32, 32]);
        Mood {
            // Now and then long enough for a kernel's buffers of some hundred beats to fill up or run dry.
            until: cycle + u64::from(random.pick(&[16u32, 100, 100, 400, 400, 4000])) + u64::from(random.below(100)),
            aw: chance(random),
            w: chance(random),
            ar: chance(random),
            r: chance(random),
            b: chance(random),
            first: random.pick(&[First::Either, First::Either, First::Address, First::Data]),
            latency: random.pick(&[1, 8, 60, 400]),
            depth: random.pick(&[1, 2, 4, 16]),
        }
    }
}

impl Pace for Hostile {
    fn accept(&mut self, cycle: u64, traffic: &Traffic) -> Accept {
        if cycle >= self.mood.until {
            self.mood = Mood::draw(&mut self.random, cycle);
        }
        let mood = self.mood;
        let awaits_data = traffic.awaits_data();
        let (address_turn, data_turn) = match self.always.unwrap_or(mood.first) {
            First::Either => (true, awaits_data || traffic.early < 64),
            First::Address => (true, awaits_data),
            First::Data => (traffic.early > 0, awaits_data || traffic.early < 4),
        };
        Accept {
            aw: address_turn && traffic.writes().len() < mood.depth && self.random.chance(mood.aw),
            w: data_turn && self.random.chance(mood.w),
            ar: traffic.reads().len() < mood.depth && self.random.chance(mood.ar),
        }
    }

    fn read_accepted(&mut self, cycle: u64, burst: &mut ReadBurst) {
        burst.due = cycle + 1 + u64::from(self.random.below(self.mood.latency));
        burst.answered = u64::MAX;
    }

    fn write_complete(&mut self, cycle: u64, burst: &mut WriteBurst) {
        burst.due = cycle + 1 + u64::from(self.random.below(self.mood.latency));
    }

    fn next_read(&mut self, cycle: u64, traffic: &Traffic) -> Option<u64> {
        if traffic.reads().is_empty() || !self.random.chance(self.mood.r) {
            return None;
        }
        self.choose(traffic.reads(), |b| b.due <= cycle)
    }

    fn next_response(&mut self, cycle: u64, traffic: &Traffic) -> Option<u64> {
        if traffic.writes().is_empty() || !self.random.chance(self.mood.b) {
            return None;
        }
        self.choose(traffic.writes(), |b| b.complete() && b.due <= cycle)
    }

    fn noise(&mut self) -> Option<&mut Random> {
        Some(&mut self.noise)
    }
}
