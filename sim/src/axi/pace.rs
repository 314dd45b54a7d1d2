//! What a port owes, and who decides when it pays.

use std::collections::VecDeque;

use super::random::Random;
use super::{Fixed, Hostile};

/// A read burst that was accepted and has beats to come.
#[derive(Clone, Copy, Debug)]
pub struct ReadBurst {
    /// AXI id.
    pub id: u32,
    /// Address of the first beat.
    pub address: u64,
    /// Beats in all.
    pub beats: u32,
    /// Beats that were sent.
    pub sent: u32,
    /// No beat may be sent before this cycle.
    pub due: u64,
    /// One bit a beat: memory has answered it.
    pub answered: u64,
    /// Beats that were asked of a memory that is asked by the beat.
    pub asked: u32,
    /// The port's number for it, one more with each burst.
    pub number: u64,
}

/// A write burst whose address was accepted and whose response is to come.
#[derive(Clone, Copy, Debug)]
pub struct WriteBurst {
    /// AXI id.
    pub id: u32,
    /// Address of the first beat.
    pub address: u64,
    /// Beats in all.
    pub beats: u32,
    /// Beats that have come.
    pub received: u32,
    /// The response may not be sent before this cycle; known once all beats have come.
    pub due: u64,
    /// Beats that were handed to a memory that is asked by the beat.
    pub asked: u32,
    /// Whether its data lie in memory.
    pub(super) stored: bool,
}

impl ReadBurst {
    /// A burst of which nothing has been asked, answered or sent.
    pub fn new(id: u32, address: u64, beats: u32, number: u64) -> ReadBurst {
        ReadBurst { id, address, beats, sent: 0, due: 0, answered: 0, asked: 0, number }
    }
}

impl WriteBurst {
    /// A burst of which the first `received` beats have come.
    pub fn new(id: u32, address: u64, beats: u32, received: u32) -> WriteBurst {
        WriteBurst { id, address, beats, received, due: 0, asked: 0, stored: false }
    }

    /// Whether every beat has come.
    pub fn complete(&self) -> bool {
        self.received == self.beats
    }
}

/// Which channels take what the kernel offers in this cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accept {
    /// Write addresses.
    pub aw: bool,
    /// Write data.
    pub w: bool,
    /// Read addresses.
    pub ar: bool,
}

/// A port's queues, as its pace sees them.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Read bursts, oldest first.
    pub reads: VecDeque<ReadBurst>,
    /// Write bursts, oldest first.
    pub writes: VecDeque<WriteBurst>,
    /// Beats of write data whose address has not come yet.
    pub early: u32,
    /// Read beats sent since the simulation began.
    pub beats_read: u64,
    /// Write beats received since the simulation began.
    pub beats_written: u64,
}

impl Traffic {
    /// Whether an accepted address waits for write data.
    pub fn awaits_data(&self) -> bool {
        self.writes.iter().any(|b| !b.complete())
    }
}

/// Decides when a port takes and answers.
pub trait Pace {
    /// What is taken in this cycle, before the kernel's valids are known.
    fn accept(&mut self, cycle: u64, traffic: &Traffic) -> Accept;
    /// Sets `due` and `answered` of a burst that has just been accepted.
    fn read_accepted(&mut self, cycle: u64, burst: &mut ReadBurst);
    /// Sets `due` of a burst whose last beat has just come.
    fn write_complete(&mut self, cycle: u64, burst: &mut WriteBurst);
    /// The index of the burst whose next beat is sent now. It must be the oldest of its id.
    fn next_read(&mut self, cycle: u64, reads: &VecDeque<ReadBurst>) -> Option<usize>;
    /// The index of the burst whose response is sent now. It must be the oldest of its id, and complete.
    fn next_response(&mut self, cycle: u64, writes: &VecDeque<WriteBurst>) -> Option<usize>;
    /// Where noise comes from that is driven beside a low valid; without it the last payload stays.
    fn noise(&mut self) -> Option<&mut Random> {
        None
    }
}

/// The pace of a port, without a virtual call per question.
pub enum PaceOf {
    /// See [`Fixed`]; also for ports whose memory is DRAM, which adds its own time.
    Fixed(Fixed),
    /// See [`Hostile`].
    Hostile(Box<Hostile>),
}

impl AsMut<Traffic> for Traffic {
    fn as_mut(&mut self) -> &mut Traffic {
        self
    }
}
