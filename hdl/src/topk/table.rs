use super::{CHUNK_BITS, PLACE_BITS};
use crate::prelude::*;
use crate::stream::{Narrow, Register, StreamIn, StreamOut};

/// What the table of chunks is doing.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum TablePhase {
    /// Takes entries.
    Load,
    /// Compares the sum of their counts.
    Total,
    /// Reads an entry.
    Fetch,
    /// Has it.
    Read,
    /// Knows how many groups the chunk has.
    Count,
    /// Multiplies.
    Multiply,
    /// Hands it on.
    Offer,
    /// Has handed on all.
    Done,
}

/// Keeps a stream's table in block RAM, and hands on one chunk after the other with what its checksum must be.
///
/// Up to 512 chunks, which is 2^25 elements; an entry in four cycles while loading. The next chunk is worked out, a bit of its
/// number of beats a cycle (at most 13), while the one before it is offered. The first error stops it.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Table {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets the table; the next beat is the first of another.
    pub reset: Signal<In, Bit>,
    /// Number of the run's last element: of its chunk, and in its chunk; stable from the first beat on, as the next two.
    pub last_element: Signal<In, Bits<PLACE_BITS>>,
    /// Kept elements of all chunks.
    pub total: Signal<In, Bits<32>>,
    /// Values have 32 bits, not 16.
    pub wide: Signal<In, Bit>,
    /// Beats of the table, four entries each.
    pub s: StreamIn<512>,
    /// The beat is the last one.
    pub s_last: Signal<Out, Bit>,
    /// A chunk is offered.
    pub chunk_valid: Signal<Out, Bit>,
    /// How many elements it keeps, at most 65,536.
    pub chunk_kept: Signal<Out, Bits<17>>,
    /// It is the last one.
    pub chunk_end: Signal<Out, Bit>,
    /// Its checksum's a.
    pub chunk_a: Signal<Out, Bits<32>>,
    /// See [`super::Fold::target`].
    pub chunk_target: Signal<Out, Bits<32>>,
    /// Its number.
    pub chunk_number: Signal<Out, Bits<CHUNK_BITS>>,
    /// It is taken in this cycle, if it is offered.
    pub chunk_ready: Signal<In, Bit>,
    /// An entry is no entry, or the counts do not add up; for a cycle.
    pub miscounted: Signal<Out, Bit>,
    /// A chunk without elements has a checksum; for a cycle.
    pub wrong: Signal<Out, Bit>,
    /// The chunk that this is about; the last one if it is about their sum.
    pub about: Signal<Out, Bits<CHUNK_BITS>>,
    narrow: Narrow<512, 128, 2>,
    stage: Register<128>,
    ram: Ram<CHUNK_BITS, 81>,
    phase: Reg<TablePhase>,
    place: Reg<Bits<CHUNK_BITS>>,
    sum: Reg<Bits<32>>,
    bad_count: Reg<Bit>,
    bad_sum: Reg<Bit>,
    bad_place: Reg<Bits<CHUNK_BITS>>,
    last_chunk: Signal<Local, Bits<CHUNK_BITS>>,
    entry: Signal<Local, Bits<128>>,
    count: Signal<Local, Bits<32>>,
    /// The most that the last chunk can keep, worked out ahead of the entries.
    last_most: Reg<Bits<17>>,
    most: Signal<Local, Bits<17>>,
    came: Signal<Local, Bit>,
    padding: Signal<Local, Bit>,
    /// Beats up to this one.
    beat: Reg<Bits<7>>,
    kept: Reg<Bits<17>>,
    groups: Signal<Local, Bits<17>>,
    a: Reg<Bits<32>>,
    factor: Reg<Bits<13>>,
    shifted: Reg<Bits<32>>,
    target: Reg<Bits<32>>,
    free: Signal<Local, Bit>,
    full: Reg<Bit>,
    next_kept: Reg<Bits<17>>,
    next_end: Reg<Bit>,
    next_a: Reg<Bits<32>>,
    next_target: Reg<Bits<32>>,
    next_number: Reg<Bits<CHUNK_BITS>>,
}

impl Logic for Table {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, phase, place, sum, bad_count, bad_sum, bad_place, beat, kept, a, factor, shifted, target,
            last_most
        );
        dff_setup!(self, clock, full, next_kept, next_end, next_a, next_target, next_number);
        clock!(self, clock, narrow, stage, ram);
        self.narrow.reset.next = self.reset.val();
        self.stage.reset.next = self.reset.val();
        self.last_chunk.next = self.last_element.val().get_bits::<CHUNK_BITS>(16);

        StreamIn::<512>::link(&mut self.s, &mut self.narrow.s);
        StreamOut::<128>::join(&mut self.narrow.m, &mut self.stage.s);
        self.s_last.next = self.beat.q.val() == self.last_chunk.val().get_bits::<7>(2);
        if self.s.valid.val() && self.narrow.s.ready.val() {
            self.beat.d.next = self.beat.q.val() + 1;
        }

        self.entry.next = self.stage.m.data.val();
        self.count.next = self.entry.val().get_bits::<32>(0);
        self.stage.m.ready.next = self.phase.q.val() == TablePhase::Load;
        self.came.next = self.stage.m.valid.val() && (self.phase.q.val() == TablePhase::Load);
        self.padding.next = self.place.q.val() > self.last_chunk.val();
        self.last_most.d.next = bit_cast::<17, 16>(self.last_element.val().get_bits::<16>(0)) + 1;
        self.most.next = 65_536.into();
        if self.place.q.val() == self.last_chunk.val() {
            self.most.next = self.last_most.q.val();
        }
        self.bad_count.d.next = false;
        self.bad_sum.d.next = false;
        self.bad_place.d.next = self.place.q.val();
        self.ram.write_enable.next = self.came.val();
        self.ram.write_address.next = self.place.q.val();
        self.ram.write_data.next = (bit_cast::<81, 17>(self.count.val().get_bits::<17>(0)) << 64)
            | bit_cast::<81, 64>(self.entry.val().get_bits::<64>(64));
        self.ram.read_address.next = self.place.q.val();

        self.free.next = self.chunk_ready.val() || !self.full.q.val();
        if self.free.val() {
            self.full.d.next = false;
        }
        comment!("Rounded up to groups of 32; five bits are dropped below.");
        self.groups.next = self.kept.q.val() + 31;
        match self.phase.q.val() {
            TablePhase::Load => {
                if self.came.val() {
                    self.place.d.next = self.place.q.val() + 1;
                    if self.padding.val() {
                        self.bad_count.d.next = self.entry.val().any();
                        self.bad_place.d.next = self.last_chunk.val();
                    } else {
                        self.sum.d.next = self.sum.q.val() + self.count.val();
                        self.bad_count.d.next = (self.count.val().get_bits::<17>(0) > self.most.val())
                            || self.entry.val().get_bits::<47>(17).any();
                        self.bad_sum.d.next = !self.count.val().any() && self.entry.val().get_bits::<64>(64).any();
                    }
                    if self.place.q.val().get_bits::<2>(0).all()
                        && (self.place.q.val().get_bits::<7>(2) == self.last_chunk.val().get_bits::<7>(2))
                    {
                        self.phase.d.next = TablePhase::Total;
                    }
                }
            }
            TablePhase::Total => {
                self.place.d.next = 0.into();
                self.bad_count.d.next = self.sum.q.val() != self.total.val();
                self.bad_place.d.next = self.last_chunk.val();
                self.phase.d.next = TablePhase::Fetch;
            }
            TablePhase::Fetch => {
                self.phase.d.next = TablePhase::Read;
            }
            TablePhase::Read => {
                self.kept.d.next = self.ram.read_data.val().get_bits::<17>(64);
                self.a.d.next = self.ram.read_data.val().get_bits::<32>(0);
                self.target.d.next = self.ram.read_data.val().get_bits::<32>(32);
                self.phase.d.next = TablePhase::Count;
            }
            TablePhase::Count => {
                comment!("A beat of indices and one or two of values a group.");
                self.factor.d.next = bit_cast::<13, 12>(self.groups.val().get_bits::<12>(5)) << 1;
                if self.wide.val() {
                    self.factor.d.next = (bit_cast::<13, 12>(self.groups.val().get_bits::<12>(5)) << 1)
                        + bit_cast::<13, 12>(self.groups.val().get_bits::<12>(5));
                }
                self.shifted.d.next = self.a.q.val() << 4;
                self.phase.d.next = TablePhase::Multiply;
            }
            TablePhase::Multiply => {
                if self.factor.q.val().get_bit(0) {
                    self.target.d.next = self.target.q.val() - self.shifted.q.val();
                }
                self.shifted.d.next = self.shifted.q.val() << 1;
                self.factor.d.next = self.factor.q.val() >> 1;
                if !self.factor.q.val().any() {
                    self.phase.d.next = TablePhase::Offer;
                }
            }
            TablePhase::Offer => {
                if self.free.val() {
                    self.full.d.next = true;
                    self.next_kept.d.next = self.kept.q.val();
                    self.next_end.d.next = self.place.q.val() == self.last_chunk.val();
                    self.next_a.d.next = self.a.q.val();
                    self.next_target.d.next = self.target.q.val();
                    self.next_number.d.next = self.place.q.val();
                    self.place.d.next = self.place.q.val() + 1;
                    self.phase.d.next = TablePhase::Fetch;
                    if self.place.q.val() == self.last_chunk.val() {
                        self.phase.d.next = TablePhase::Done;
                    }
                }
            }
            TablePhase::Done => {}
        }
        if self.bad_count.q.val() || self.bad_sum.q.val() {
            self.phase.d.next = TablePhase::Done;
        }
        self.chunk_valid.next = self.full.q.val();
        self.chunk_kept.next = self.next_kept.q.val();
        self.chunk_end.next = self.next_end.q.val();
        self.chunk_a.next = self.next_a.q.val();
        self.chunk_target.next = self.next_target.q.val();
        self.chunk_number.next = self.next_number.q.val();
        self.miscounted.next = self.bad_count.q.val();
        self.wrong.next = self.bad_sum.q.val();
        self.about.next = self.bad_place.q.val();
        if self.reset.val() {
            self.phase.d.next = TablePhase::Load;
            self.place.d.next = 0.into();
            self.beat.d.next = 0.into();
            self.sum.d.next = 0.into();
            self.full.d.next = false;
            self.next_number.d.next = 0.into();
            self.bad_count.d.next = false;
            self.bad_sum.d.next = false;
        }
    }
    unit!("topk_table");
}
