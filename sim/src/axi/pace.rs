//! Who decides when a port pays what it owes.

use super::random::Random;
use super::traffic::{ReadBurst, Traffic, WriteBurst};
use super::{Fixed, Hostile};

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

/// Decides when a port takes and answers.
pub trait Pace {
    /// What is taken in this cycle, before the kernel's valids are known.
    fn accept(&mut self, cycle: u64, traffic: &Traffic) -> Accept;
    /// Sets `due` and `answered` of a burst that has just been accepted.
    fn read_accepted(&mut self, cycle: u64, burst: &mut ReadBurst);
    /// Sets `due` of a burst whose last beat has just come.
    fn write_complete(&mut self, cycle: u64, burst: &mut WriteBurst);
    /// The number of the burst whose next beat is sent now. It must be the oldest of its id.
    fn next_read(&mut self, cycle: u64, traffic: &Traffic) -> Option<u64>;
    /// The number of the burst whose response is sent now. It must be the oldest of its id, and complete.
    fn next_response(&mut self, cycle: u64, traffic: &Traffic) -> Option<u64>;
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

impl PaceOf {
    /// Whether the port stands before a memory that is asked by the beat.
    pub(super) fn by_beat(&self) -> bool {
        match self {
            PaceOf::Fixed(fixed) => fixed.by_beat(),
            PaceOf::Hostile(_) => false,
        }
    }
}
