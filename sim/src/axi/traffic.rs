//! What a port owes.

use std::collections::VecDeque;

use super::queue::{Identified, Queue};

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
}

impl ReadBurst {
    /// A burst of which nothing has been asked, answered or sent.
    pub fn new(id: u32, address: u64, beats: u32) -> ReadBurst {
        ReadBurst { id, address, beats, sent: 0, due: 0, answered: 0, asked: 0 }
    }

    /// Whether memory has answered the beat that is sent next.
    #[inline]
    pub fn next_answered(&self) -> bool {
        self.answered >> self.sent & 1 != 0
    }
}

impl WriteBurst {
    /// A burst of which the first `received` beats have come.
    pub fn new(id: u32, address: u64, beats: u32, received: u32) -> WriteBurst {
        WriteBurst { id, address, beats, received, due: 0, asked: 0 }
    }

    /// Whether every beat has come.
    pub fn complete(&self) -> bool {
        self.received == self.beats
    }
}

impl Identified for ReadBurst {
    fn id(&self) -> u32 {
        self.id
    }
}

impl Identified for WriteBurst {
    fn id(&self) -> u32 {
        self.id
    }
}

/// A port's queues. Whatever is asked of them by the cycle takes constant time, however long they are.
#[derive(Debug, Default)]
pub struct Traffic {
    reads: Queue<ReadBurst>,
    writes: Queue<WriteBurst>,
    /// Beats of write data whose address has not come yet.
    pub early: u32,
    /// Read beats sent since the last reset.
    pub beats_read: u64,
    /// Write beats received since the last reset.
    pub beats_written: u64,
    /// Reads that are the oldest of their id and whose next beat a memory that is asked by the beat has answered, in the order in which
    /// that came about.
    ready: VecDeque<u64>,
    by_beat: bool,
    /// Numbers before which every read has been asked, every write handed over, every write's data come.
    asking: u64,
    handing: u64,
    filling: u64,
}

impl Traffic {
    /// Empty queues, before a memory that is asked by the beat or of a port that answers by itself.
    pub fn new(by_beat: bool) -> Traffic {
        Traffic { by_beat, ..Traffic::default() }
    }

    /// Read bursts.
    pub fn reads(&self) -> &Queue<ReadBurst> {
        &self.reads
    }

    /// Write bursts.
    pub fn writes(&self) -> &Queue<WriteBurst> {
        &self.writes
    }

    /// Takes a read burst.
    pub fn push_read(&mut self, burst: ReadBurst) {
        self.reads.push(burst);
    }

    /// Takes a write burst.
    pub fn push_write(&mut self, burst: WriteBurst) {
        self.writes.push(burst);
    }

    /// The read that a memory is asked for next, if it is due, and its number.
    pub fn read_to_ask(&mut self, cycle: u64) -> Option<(u64, &mut ReadBurst)> {
        while self.asking < self.reads.end() && self.reads.get(self.asking).is_none_or(|b| b.asked == b.beats) {
            self.asking += 1;
        }
        let burst = self.reads.get_mut(self.asking).filter(|b| b.due <= cycle)?;
        Some((self.asking, burst))
    }

    /// Memory has answered a beat of a read. A reset may have taken the read away.
    pub fn answer(&mut self, number: u64, beat: u32) {
        let Some(burst) = self.reads.get_mut(number) else { return };
        burst.answered |= 1 << beat;
        let (id, next) = (burst.id, burst.sent == beat);
        if next && self.reads.oldest(id) == Some(number) {
            self.ready.push_back(number);
        }
    }

    /// The read whose next beat memory has answered before all others, of those that may be sent.
    #[inline]
    pub fn ready(&self) -> Option<u64> {
        self.ready.front().copied()
    }

    /// The next beat of a read has been sent; before a memory that is asked by the beat it is that of [`Traffic::ready`].
    pub fn sent(&mut self, number: u64) {
        self.beats_read += 1;
        let burst = self.reads.get_mut(number).expect("a beat that was driven has a burst");
        burst.sent += 1;
        let (done, id) = (burst.sent == burst.beats, burst.id);
        let more = !done && burst.next_answered();
        if done {
            self.reads.remove(number);
        }
        if more || !self.by_beat {
            return;
        }
        assert_eq!(self.ready.pop_front(), Some(number), "what is sent was ready");
        if let Some(after) = self.reads.oldest(id).filter(|_| done) {
            if self.reads.get(after).is_some_and(ReadBurst::next_answered) {
                self.ready.push_back(after);
            }
        }
    }

    /// The write that has beats which memory has not been given.
    pub fn write_to_hand(&mut self) -> Option<&mut WriteBurst> {
        while self.handing < self.writes.end() && self.writes.get(self.handing).is_none_or(|b| b.asked == b.beats) {
            self.handing += 1;
        }
        self.writes.get_mut(self.handing).filter(|b| b.asked < b.received)
    }

    /// The write whose data come next: the oldest that is not complete.
    pub fn write_to_fill(&mut self) -> Option<&mut WriteBurst> {
        while self.filling < self.writes.end() && self.writes.get(self.filling).is_none_or(WriteBurst::complete) {
            self.filling += 1;
        }
        self.writes.get_mut(self.filling)
    }

    /// Whether an accepted address waits for write data. Data come in the order of addresses, so the last address knows.
    #[inline]
    pub fn awaits_data(&self) -> bool {
        self.writes.end().checked_sub(1).and_then(|last| self.writes.get(last)).is_some_and(|b| !b.complete())
    }

    /// Takes a write out, to answer it.
    pub fn remove_write(&mut self, number: u64) -> WriteBurst {
        self.writes.remove(number)
    }

    /// Forgets everything; what memory answers later is for nobody.
    pub fn clear(&mut self) {
        self.reads.clear();
        self.writes.clear();
        self.ready.clear();
        (self.early, self.beats_read, self.beats_written) = (0, 0, 0);
    }
}

impl AsMut<Traffic> for Traffic {
    fn as_mut(&mut self) -> &mut Traffic {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(ids: &[u32], beats: u32) -> Traffic {
        let mut traffic = Traffic::new(true);
        ids.iter().for_each(|&id| traffic.push_read(ReadBurst::new(id, 0, beats)));
        traffic
    }

    /// The numbers of the reads whose beats are sent, until none is ready.
    fn sent(traffic: &mut Traffic) -> Vec<u64> {
        std::iter::from_fn(|| traffic.ready().inspect(|&number| traffic.sent(number))).collect()
    }

    #[test]
    fn ids_are_overtaken_and_one_id_is_not() {
        let mut traffic = reads(&[1, 1, 2, 3], 1);
        for number in [3, 1, 2] {
            traffic.answer(number, 0);
        }
        assert_eq!(sent(&mut traffic), [3, 2]);
        traffic.answer(0, 0);
        assert_eq!(sent(&mut traffic), [0, 1]);
        assert!(traffic.reads().is_empty());
    }

    #[test]
    fn beats_of_a_burst_are_sent_in_order() {
        let mut traffic = reads(&[0, 0, 1], 3);
        [(0, 1), (0, 2), (1, 0), (1, 2)].into_iter().for_each(|(number, beat)| traffic.answer(number, beat));
        assert!(sent(&mut traffic).is_empty());
        traffic.answer(0, 0);
        assert_eq!(sent(&mut traffic), [0, 0, 0, 1]);
        [(2, 0), (1, 1), (2, 1), (2, 2)].into_iter().for_each(|(number, beat)| traffic.answer(number, beat));
        assert_eq!(sent(&mut traffic), [2, 2, 2, 1, 1]);
    }

    #[test]
    fn a_reset_takes_back_what_was_asked() {
        let mut traffic = reads(&[0], 2);
        assert_eq!(traffic.read_to_ask(0).map(|(number, _)| number), Some(0));
        traffic.clear();
        traffic.push_read(ReadBurst::new(0, 0, 2));
        traffic.answer(0, 0);
        assert_eq!((traffic.ready(), traffic.read_to_ask(0).map(|(number, _)| number)), (None, Some(1)));
    }
}
