use crate::prelude::*;
use crate::stream::{StreamIn, StreamOut};

/// Cuts items of [`super::Feed`] into operations, one a cycle.
///
/// An operation is on one window of 32 columns: on both its segments where no lane is wanted by both, else on the lower and then
/// the upper one. Segments without a mark are passed over at no cost; an item without any is one operation that does nothing.
///
/// An operation, in words of 32 bits: weight | row address | row, and `last` at the top | columns of the lower segment, of the
/// upper | context 4, window 3, start 4, lines 5, segments modulo 16 4, begin, finish, lineless, bad, – 7, `again`: the record's operation before
/// it was on the same segment, and no lane takes part in both.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Split {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The next operation is an item's first.
    pub reset: Signal<In, Bit>,
    /// Items.
    pub s: StreamIn<416>,
    /// Operations.
    pub m: StreamOut<160>,
    /// The segments that had their operation.
    done: Reg<Bits<16>>,
    item: Signal<Local, Bits<416>>,
    kind: Signal<Local, Bits<2>>,
    single: Signal<Local, Bits<8>>,
    pending: Signal<Local, Bits<16>>,
    group: Signal<Local, Bits<2>>,
    nibble: Signal<Local, Bits<4>>,
    within: Signal<Local, Bits<2>>,
    /// The lowest segment that is pending, the upper one of its window, its window.
    segment: Signal<Local, Bits<4>>,
    upper: Signal<Local, Bits<4>>,
    window: Signal<Local, Bits<3>>,
    any: Signal<Local, Bit>,
    odd: Signal<Local, Bit>,
    joins: Signal<Local, Bit>,
    one: Signal<Local, Bits<16>>,
    taken: Signal<Local, Bits<16>>,
    ends: Signal<Local, Bit>,
    begins: Signal<Local, Bit>,
    again: Signal<Local, Bit>,
    word: Signal<Local, Bits<32>>,
    pair_lanes: Signal<Local, Bits<16>>,
    lane: [Signal<Local, Bits<4>>; 8],
    low: Signal<Local, Bits<16>>,
    high: Signal<Local, Bits<16>>,
    pack: Pack<5, 32, 160>,
}

impl Logic for Split {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, done);
        self.item.next = self.s.data.val();
        self.kind.next = self.item.val().get_bits::<2>(132);
        self.single.next = self.item.val().get_bits::<8>(112);
        self.pending.next = self.item.val().get_bits::<16>(96) & !self.done.q.val();
        self.any.next = self.pending.val().any();
        self.begins.next = !self.done.q.val().any();
        self.again.next = self.item.val().get_bit(148) && self.begins.val();

        comment!("The lowest pending segment: four of four.");
        self.group.next = 3.into();
        if self.pending.val().get_bits::<4>(0).any() {
            self.group.next = 0.into();
        } else if self.pending.val().get_bits::<4>(4).any() {
            self.group.next = 1.into();
        } else if self.pending.val().get_bits::<4>(8).any() {
            self.group.next = 2.into();
        }
        self.nibble.next = self.pending.val().get_bits::<4>(self.group.val().index() * 4);
        self.within.next = 3.into();
        if self.nibble.val().get_bit(0) {
            self.within.next = 0.into();
        } else if self.nibble.val().get_bit(1) {
            self.within.next = 1.into();
        } else if self.nibble.val().get_bit(2) {
            self.within.next = 2.into();
        }
        self.segment.next = (bit_cast::<4, 2>(self.group.val()) << 2) | bit_cast::<4, 2>(self.within.val());
        self.upper.next = self.segment.val() | 1;
        self.window.next = self.segment.val().get_bits::<3>(1);
        self.odd.next = self.segment.val().get_bit(0);
        self.joins.next = !self.odd.val()
            && self.pending.val().get_bit(self.upper.val().index())
            && !self.single.val().get_bit(self.window.val().index());
        self.one.next = 1.into();
        self.taken.next = self.one.val() << self.segment.val();
        if self.joins.val() {
            self.taken.next = (self.one.val() << self.segment.val()) | (self.one.val() << self.upper.val());
        }
        self.ends.next = !(self.pending.val() & !self.taken.val()).any();

        self.s.ready.next = self.m.ready.val() && self.ends.val();
        self.m.valid.next = self.s.valid.val();
        if self.s.valid.val() && self.m.ready.val() {
            self.done.d.next = self.done.q.val() | self.taken.val();
            if self.ends.val() {
                self.done.d.next = 0.into();
            }
        }

        self.word.next = self.item.val().get_bits::<32>(160);
        for w in 1..8 {
            if self.window.val() == w.to_bits() {
                self.word.next = self.item.val().get_bits::<32>(160 + 32 * w);
            }
        }
        comment!("Columns of the pairs that lie in the segment.");
        self.one.next = 1.into();
        self.pair_lanes.next = 0.into();
        for k in 0..8 {
            self.lane[k].next = self.item.val().get_bits::<4>(160 + 8 * k);
            if self.item.val().get_bit(224 + k) && (self.item.val().get_bits::<4>(164 + 8 * k) == self.segment.val()) {
                self.pair_lanes.next = self.pair_lanes.val() | (self.one.val() << self.lane[k].val());
            }
        }
        self.low.next = self.word.val().get_bits::<16>(0);
        self.high.next = self.word.val().get_bits::<16>(16);
        if self.kind.val() == 1 {
            self.low.next = 0xffff.into();
            self.high.next = 0xffff.into();
        } else if self.kind.val() == 2 {
            self.low.next = self.pair_lanes.val();
            self.high.next = self.pair_lanes.val();
        }
        if self.odd.val() || !self.any.val() {
            self.low.next = 0.into();
        }
        if (!self.odd.val() && !self.joins.val()) || !self.any.val() {
            self.high.next = 0.into();
        }
        self.pack.x[0].next = self.item.val().get_bits::<32>(0);
        self.pack.x[1].next = self.item.val().get_bits::<32>(32);
        self.pack.x[2].next = self.item.val().get_bits::<32>(64);
        self.pack.x[3].next = (bit_cast::<32, 16>(self.high.val()) << 16) | bit_cast::<32, 16>(self.low.val());
        self.pack.x[4].next = (bit_cast::<32, 1>(self.again.val().into()) << 31)
            | (bit_cast::<32, 2>(self.item.val().get_bits::<2>(150)) << 22)
            | (bit_cast::<32, 1>(self.ends.val().into()) << 21)
            | (bit_cast::<32, 1>(self.begins.val().into()) << 20)
            | (bit_cast::<32, 13>(self.item.val().get_bits::<13>(134)) << 7)
            | (bit_cast::<32, 3>(self.window.val()) << 4)
            | bit_cast::<32, 4>(self.item.val().get_bits::<4>(128));
        self.m.data.next = self.pack.packed.val();
        if self.reset.val() {
            self.done.d.next = 0.into();
        }
    }
    unit!("sgcn_split");
}
