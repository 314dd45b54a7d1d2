use crate::prelude::*;
use crate::stream::StreamIn;

/// What the next beat is.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum GroupsPhase {
    /// None yet: waits for a chunk.
    Fetch,
    /// A group's indices.
    Index,
    /// A group's values, the first half of them in fp32.
    Value,
    /// The second half.
    Second,
    /// None any more.
    Finished,
}

/// Takes a chunk's groups apart: beats of indices and of values in, slices of up to `L` kept elements out.
///
/// One slice a cycle while beats come: indices and values have a register in use and one in waiting each, and no path leads from
/// one side's ready to the other's. `I = 16 * L` bits are a slice's indices, `V = 32 * L` its values, `A` and `B` the bits that
/// count the slices of a beat of 16-bit and of 32-bit numbers. A chunk that keeps nothing has no beats and gives one slice without
/// elements.
///
/// It checks nothing: `kept` must be a count of at most 65,536.
#[derive(Clone, Debug, LogicBlock)]
pub struct Groups<const L: usize, const I: usize, const V: usize, const A: usize, const B: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets chunk and beats.
    pub reset: Signal<In, Bit>,
    /// Values have 32 bits, not 16; stable during a run.
    pub wide: Signal<In, Bit>,
    /// A chunk is offered.
    pub chunk_valid: Signal<In, Bit>,
    /// How many elements it keeps.
    pub chunk_kept: Signal<In, Bits<17>>,
    /// It is the run's last.
    pub chunk_end: Signal<In, Bit>,
    /// Its last beat is taken in this cycle; the offer stands until then.
    pub chunk_ready: Signal<Out, Bit>,
    /// Beats.
    pub s: StreamIn<512>,
    /// A beat is taken in this cycle.
    pub taken: Signal<Out, Bit>,
    /// It would be its chunk's first.
    pub first: Signal<Out, Bit>,
    /// It would be its chunk's last.
    pub last: Signal<Out, Bit>,
    /// The beat that is taken has indices.
    pub taken_index: Signal<Out, Bit>,
    /// How many.
    pub count: Signal<Out, Bits<6>>,
    /// There are beats of the chunk still to come.
    pub wanting: Signal<Out, Bit>,
    /// Nothing more is to come in this run.
    pub finished: Signal<Out, Bit>,
    /// A slice is offered.
    pub m_valid: Signal<Out, Bit>,
    /// Indices, local to the chunk.
    pub m_index: Signal<Out, Bits<I>>,
    /// Values; those of 16 bits in the lower halves.
    pub m_value: Signal<Out, Bits<V>>,
    /// How many there are: that many low bits are ones. All of them, unless it is the chunk's last slice.
    pub m_kept: Signal<Out, Bits<L>>,
    /// It is its chunk's last slice.
    pub m_last: Signal<Out, Bit>,
    /// Its chunk is the run's last.
    pub m_end: Signal<Out, Bit>,
    /// It is taken in this cycle, if it is offered.
    pub m_ready: Signal<In, Bit>,
    phase: Reg<GroupsPhase>,
    /// Kept elements of the chunk from this group on.
    remaining: Reg<Bits<17>>,
    begun: Reg<Bit>,
    closing: Reg<Bit>,
    /// The group has no value in its second half, which is dropped.
    few: Reg<Bit>,
    few_next: Signal<Local, Bit>,
    group: Signal<Local, Bits<6>>,
    closes: Signal<Local, Bit>,
    group_done: Signal<Local, Bit>,
    take_empty: Signal<Local, Bit>,
    take_index: Signal<Local, Bit>,
    take_value: Signal<Local, Bit>,
    take_second: Signal<Local, Bit>,
    /// In waiting.
    spare_full: Reg<Bit>,
    spare: Reg<Bits<512>>,
    spare_left: Reg<Bits<6>>,
    spare_last: Reg<Bit>,
    spare_end: Reg<Bit>,
    spare_values_full: Reg<Bit>,
    spare_values: Reg<Bits<512>>,
    /// In use.
    full: Reg<Bit>,
    indices: Reg<Bits<512>>,
    left: Reg<Bits<6>>,
    last_group: Reg<Bit>,
    ending: Reg<Bit>,
    values_full: Reg<Bit>,
    values: Reg<Bits<512>>,
    /// Slices of the group so far.
    slice: Reg<Bits<A>>,
    slice_in_beat: Signal<Local, Bits<B>>,
    ends_group: Signal<Local, Bit>,
    offered: Signal<Local, Bit>,
    transfer: Signal<Local, Bit>,
    index_free: Signal<Local, Bit>,
    values_free: Signal<Local, Bit>,
    halves: Signal<Local, Bits<I>>,
    lane: [Signal<Local, Bits<32>>; L],
    pack: Pack<L, 32, V>,
    kept: Pack<L, 1, L>,
}

impl<const L: usize, const I: usize, const V: usize, const A: usize, const B: usize> Default for Groups<L, I, V, A, B> {
    fn default() -> Self {
        assert!(
            I == 16 * L && V == 32 * L && I << A == 512 && V << B == 512,
            "Groups<{L}, {I}, {V}, {A}, {B}>: slices of {} and {} bits, counted in bits that make up a beat",
            16 * L,
            32 * L
        );
        Groups {
            clock: Signal::default(),
            reset: Signal::default(),
            wide: Signal::default(),
            chunk_valid: Signal::default(),
            chunk_kept: Signal::default(),
            chunk_end: Signal::default(),
            chunk_ready: Signal::default(),
            s: StreamIn::default(),
            taken: Signal::default(),
            first: Signal::default(),
            last: Signal::default(),
            taken_index: Signal::default(),
            count: Signal::default(),
            wanting: Signal::default(),
            finished: Signal::default(),
            m_valid: Signal::default(),
            m_index: Signal::default(),
            m_value: Signal::default(),
            m_kept: Signal::default(),
            m_last: Signal::default(),
            m_end: Signal::default(),
            m_ready: Signal::default(),
            phase: Reg::default(),
            remaining: Reg::default(),
            begun: Reg::default(),
            closing: Reg::default(),
            few: Reg::default(),
            few_next: Signal::default(),
            group: Signal::default(),
            closes: Signal::default(),
            group_done: Signal::default(),
            take_empty: Signal::default(),
            take_index: Signal::default(),
            take_value: Signal::default(),
            take_second: Signal::default(),
            spare_full: Reg::default(),
            spare: Reg::default(),
            spare_left: Reg::default(),
            spare_last: Reg::default(),
            spare_end: Reg::default(),
            spare_values_full: Reg::default(),
            spare_values: Reg::default(),
            full: Reg::default(),
            indices: Reg::default(),
            left: Reg::default(),
            last_group: Reg::default(),
            ending: Reg::default(),
            values_full: Reg::default(),
            values: Reg::default(),
            slice: Reg::default(),
            slice_in_beat: Signal::default(),
            ends_group: Signal::default(),
            offered: Signal::default(),
            transfer: Signal::default(),
            index_free: Signal::default(),
            values_free: Signal::default(),
            halves: Signal::default(),
            lane: std::array::from_fn(|_| Signal::default()),
            pack: Pack::default(),
            kept: Pack::default(),
        }
    }
}

impl<const L: usize, const I: usize, const V: usize, const A: usize, const B: usize> Logic for Groups<L, I, V, A, B> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, phase, remaining, begun, closing, few);
        dff_setup!(self, clock, spare_full, spare, spare_left, spare_last, spare_end, spare_values_full, spare_values);
        dff_setup!(self, clock, full, indices, left, last_group, ending, values_full, values, slice);

        comment!("Slices out of the registers in use.");
        self.slice_in_beat.next = self.slice.q.val().get_bits::<B>(0);
        self.m_index.next = self.indices.q.val().get_bits::<I>(self.slice.q.val().index() * I);
        self.halves.next = self.values.q.val().get_bits::<I>(self.slice.q.val().index() * I);
        for i in 0..L {
            self.lane[i].next = self.halves.val().get_bits::<32>(16 * i) & 0xffff;
            self.pack.x[i].next = self.lane[i].val();
            self.kept.x[i].next = (self.left.q.val() > i.to_bits()).into();
        }
        self.m_value.next = self.pack.packed.val();
        if self.wide.val() {
            self.m_value.next = self.values.q.val().get_bits::<V>(self.slice_in_beat.val().index() * V);
        }
        self.m_kept.next = self.kept.packed.val();
        self.ends_group.next = self.left.q.val() <= L.to_bits();
        self.m_last.next = self.last_group.q.val() && self.ends_group.val();
        self.m_end.next = self.ending.q.val();
        self.offered.next = self.full.q.val() && (self.values_full.q.val() || !self.left.q.val().any());
        self.m_valid.next = self.offered.val();
        self.transfer.next = self.offered.val() && self.m_ready.val();
        self.index_free.next = !self.full.q.val() || (self.transfer.val() && self.ends_group.val());
        comment!("A slice without elements leaves the values alone: they are another chunk's.");
        self.values_free.next = !self.values_full.q.val()
            || (self.transfer.val()
                && self.left.q.val().any()
                && (self.ends_group.val() || (self.wide.val() && self.slice_in_beat.val().all())));
        if self.transfer.val() {
            self.slice.d.next = self.slice.q.val() + 1;
            self.left.d.next = self.left.q.val() - L.to_bits();
        }
        if self.index_free.val() {
            self.slice.d.next = 0.into();
            self.full.d.next = self.spare_full.q.val();
            self.indices.d.next = self.spare.q.val();
            self.left.d.next = self.spare_left.q.val();
            self.last_group.d.next = self.spare_last.q.val();
            self.ending.d.next = self.spare_end.q.val();
            self.spare_full.d.next = false;
        }
        if self.values_free.val() {
            self.values_full.d.next = self.spare_values_full.q.val();
            self.values.d.next = self.spare_values.q.val();
            self.spare_values_full.d.next = false;
        }

        comment!("Beats into the registers in waiting.");
        self.closes.next = self.remaining.q.val() <= 32;
        self.group.next = 32.into();
        if self.closes.val() {
            self.group.next = self.remaining.q.val().get_bits::<6>(0);
        }
        self.few_next.next = self.group.val() <= 16;
        self.take_empty.next = false;
        self.take_index.next = false;
        self.take_value.next = false;
        self.take_second.next = false;
        self.s.ready.next = false;
        self.group_done.next = false;
        match self.phase.q.val() {
            GroupsPhase::Fetch => {
                self.remaining.d.next = self.chunk_kept.val();
                self.begun.d.next = false;
                if self.chunk_valid.val() {
                    if self.chunk_kept.val().any() {
                        self.phase.d.next = GroupsPhase::Index;
                    } else {
                        self.take_empty.next = !self.spare_full.q.val();
                    }
                }
            }
            GroupsPhase::Index => {
                self.s.ready.next = !self.spare_full.q.val();
                self.take_index.next = self.s.valid.val() && !self.spare_full.q.val();
                self.closing.d.next = self.closes.val();
                self.few.d.next = self.few_next.val();
                if self.take_index.val() {
                    self.begun.d.next = true;
                    self.remaining.d.next = self.remaining.q.val() - 32;
                    self.phase.d.next = GroupsPhase::Value;
                }
            }
            GroupsPhase::Value => {
                self.s.ready.next = !self.spare_values_full.q.val();
                self.take_value.next = self.s.valid.val() && !self.spare_values_full.q.val();
                if self.take_value.val() {
                    self.phase.d.next = GroupsPhase::Second;
                    self.group_done.next = !self.wide.val();
                }
            }
            GroupsPhase::Second => {
                self.s.ready.next = self.few.q.val() || !self.spare_values_full.q.val();
                self.take_second.next = self.s.valid.val() && (self.few.q.val() || !self.spare_values_full.q.val());
                self.group_done.next = self.take_second.val();
            }
            GroupsPhase::Finished => {}
        }
        if self.group_done.val() {
            self.phase.d.next = GroupsPhase::Index;
        }
        self.chunk_ready.next = self.take_empty.val() || (self.group_done.val() && self.closing.q.val());
        if self.take_empty.val() || (self.group_done.val() && self.closing.q.val()) {
            self.phase.d.next = GroupsPhase::Fetch;
            if self.chunk_end.val() {
                self.phase.d.next = GroupsPhase::Finished;
            }
        }
        if self.take_empty.val() || self.take_index.val() {
            self.spare_full.d.next = true;
            self.spare.d.next = self.s.data.val();
            self.spare_left.d.next = self.group.val();
            self.spare_last.d.next = self.closes.val();
            self.spare_end.d.next = self.chunk_end.val();
        }
        if self.take_empty.val() {
            self.spare_left.d.next = 0.into();
            self.spare_last.d.next = true;
        }
        if self.take_value.val() || (self.take_second.val() && !self.few.q.val()) {
            self.spare_values_full.d.next = true;
            self.spare_values.d.next = self.s.data.val();
        }
        self.taken.next = self.take_index.val() || self.take_value.val() || self.take_second.val();
        self.taken_index.next = self.take_index.val();
        self.count.next = self.group.val();
        self.first.next = !self.begun.q.val();
        self.last.next = self.group_done.val() && self.closing.q.val();
        self.wanting.next = (self.phase.q.val() == GroupsPhase::Index)
            || (self.phase.q.val() == GroupsPhase::Value)
            || (self.phase.q.val() == GroupsPhase::Second);
        self.finished.next = self.phase.q.val() == GroupsPhase::Finished;
        if self.reset.val() {
            self.phase.d.next = GroupsPhase::Fetch;
            self.full.d.next = false;
            self.spare_full.d.next = false;
            self.values_full.d.next = false;
            self.spare_values_full.d.next = false;
        }
    }
    unit!("topk_groups", L; I, V);
}
