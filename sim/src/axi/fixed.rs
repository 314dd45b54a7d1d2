//! The kind pace: everything is taken at once and answered after a fixed number of cycles, in order, or when memory has answered.

use super::pace::{Accept, Pace};
use super::traffic::{ReadBurst, Traffic, WriteBurst};

/// Takes what comes, as long as its queues have room, and answers in order; before a memory that is asked by the beat reads of
/// different ids are answered in the order in which memory answers them.
#[derive(Clone, Debug)]
pub struct Fixed {
    /// Cycles from an accepted read address to its first beat, and from the last write beat to its response.
    latency: u64,
    /// Bursts of each direction that may be outstanding.
    depth: usize,
    /// Whether something else marks beats as answered.
    asked: bool,
}

impl Fixed {
    /// A port that answers by itself, `latency` cycles after it was asked, and holds 64 bursts of each direction.
    pub fn new(latency: u32) -> Fixed {
        Fixed { latency: u64::from(latency), depth: 64, asked: false }
    }

    /// A port before a memory that answers read beats in its own time ([`super::Dram`]); `latency` is what the way to it
    /// and back costs on top, and `depth` the bursts of each direction that the port holds.
    pub fn before_memory(latency: u32, depth: usize) -> Fixed {
        Fixed { latency: u64::from(latency), depth, asked: true }
    }

    pub(super) fn by_beat(&self) -> bool {
        self.asked
    }
}

impl Pace for Fixed {
    #[inline]
    fn accept(&mut self, _cycle: u64, traffic: &Traffic) -> Accept {
        let room = traffic.writes().len() < self.depth;
        // One burst of data may run ahead of its address.
        Accept { aw: room, w: traffic.awaits_data() || traffic.early < 64, ar: traffic.reads().len() < self.depth }
    }

    fn read_accepted(&mut self, cycle: u64, burst: &mut ReadBurst) {
        burst.due = cycle + self.latency;
        if !self.asked {
            burst.answered = u64::MAX;
        }
    }

    fn write_complete(&mut self, cycle: u64, burst: &mut WriteBurst) {
        burst.due = cycle + self.latency;
    }

    #[inline]
    fn next_read(&mut self, cycle: u64, traffic: &Traffic) -> Option<u64> {
        if self.asked {
            return traffic.ready();
        }
        traffic.reads().front().filter(|(_, b)| b.due <= cycle).map(|(number, _)| number)
    }

    #[inline]
    fn next_response(&mut self, cycle: u64, traffic: &Traffic) -> Option<u64> {
        let ready = |b: &WriteBurst| b.complete() && b.due <= cycle && (!self.asked || b.asked == b.beats);
        traffic.writes().front().filter(|(_, b)| ready(b)).map(|(number, _)| number)
    }
}
