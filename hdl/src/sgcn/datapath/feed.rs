use crate::prelude::*;
use crate::stream::{StreamIn, StreamOut};

/// Brings descriptors and lines together: items for [`super::Split`], and the lines themselves on to [`super::Gather`].
///
/// One line a cycle. A bitmap or raw record is one item, which goes with its first line; pairs are one item a line. A record
/// without lines is an item only if its row ends with it. Lines of raw records beyond the row's segments are dropped, and a line
/// of pairs goes on with its values in the lower half.
///
/// A descriptor, low to high: weight 32, context 4, kind 2 (0 bitmap, 1 raw, 2 pairs, 3 nothing), lines 5 (pairs: not looked at),
/// entry 3 (the first pair of the first line), count 9 (of pairs), last 1, segments 5, row address 32, row 31.
///
/// An item, in words of 32 bits: weight | row address | row, and `last` at the top | segments that are not empty, and windows of
/// which only one segment goes at a time | context 4, kind 2, start 4, lines 5, segments 5, joins, –, lineless, bad | 8 words:
/// bitmap, or 8 columns of 8 bits and which of them count. A line of pairs `joins` if it begins in the segment where the record's line
/// before it ended.
///
/// While `swallow`, all lines and descriptors are taken, and only rows' ends go on.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Feed {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The next line is a record's first.
    pub reset: Signal<In, Bit>,
    /// Words of a bitmap, 1 to 8; stable during a run.
    pub words: Signal<In, Bits<4>>,
    /// There was a fault.
    pub swallow: Signal<In, Bit>,
    /// Descriptors.
    pub descriptor: StreamIn<124>,
    /// Lines, in the descriptors' order.
    pub line: StreamIn<512>,
    /// Items.
    pub m: StreamOut<416>,
    /// Lines for the values.
    pub lines: StreamOut<512>,
    /// A descriptor waits for its line.
    pub waiting: Signal<Out, Bit>,
    record: Signal<Local, Bits<124>>,
    kind: Signal<Local, Bits<2>>,
    raw: Signal<Local, Bit>,
    pairs: Signal<Local, Bit>,
    last: Signal<Local, Bit>,
    segments: Signal<Local, Bits<5>>,
    /// It has no lines, and none are missing.
    empty: Signal<Local, Bit>,
    /// It has no lines and should.
    hollow: Signal<Local, Bit>,
    needs: Signal<Local, Bit>,
    here: Signal<Local, Bit>,
    forwards: Signal<Local, Bit>,
    gives: Signal<Local, Bit>,
    item_free: Signal<Local, Bit>,
    line_free: Signal<Local, Bit>,
    goes: Signal<Local, Bit>,
    closes: Signal<Local, Bit>,
    begun: Reg<Bit>,
    /// Lines of the record from this one on; of pairs the pairs, and those of this line before the first.
    left: Reg<Bits<10>>,
    remaining: Signal<Local, Bits<10>>,
    /// Lines before this one.
    passed: Reg<Bits<5>>,
    raw_lines: Signal<Local, Bits<5>>,
    word: [Signal<Local, Bits<32>>; 8],
    mark: [Signal<Local, Bit>; 16],
    marks: Pack<16, 1, 16>,
    raw_marks: Pack<16, 1, 16>,
    both: [Signal<Local, Bit>; 8],
    singles: Pack<8, 1, 8>,
    beyond: Signal<Local, Bit>,
    first: Signal<Local, Bits<4>>,
    counts: [Signal<Local, Bit>; 8],
    column: [Signal<Local, Bits<8>>; 8],
    segment: [Signal<Local, Bits<4>>; 8],
    columns: Pack<8, 8, 64>,
    counted: Pack<8, 1, 8>,
    one: Signal<Local, Bits<16>>,
    pair_marks: Signal<Local, Bits<16>>,
    /// The last column of the line before.
    previous: Reg<Bits<8>>,
    misplaced: Signal<Local, Bit>,
    joins: Signal<Local, Bit>,
    full: Signal<Local, Bits<16>>,
    single: Signal<Local, Bits<8>>,
    start: Signal<Local, Bits<4>>,
    used: Signal<Local, Bits<5>>,
    bad: Signal<Local, Bit>,
    ends: Signal<Local, Bit>,
    item: Pack<13, 32, 416>,
    values: Pack<16, 32, 512>,
}

impl Logic for Feed {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, begun, left, passed, previous);
        self.record.next = self.descriptor.data.val();
        self.kind.next = self.record.val().get_bits::<2>(36);
        self.raw.next = self.kind.val() == 1;
        self.pairs.next = self.kind.val() == 2;
        self.last.next = self.record.val().get_bit(55);
        self.segments.next = self.record.val().get_bits::<5>(56);
        self.empty.next = self.swallow.val()
            || self.kind.val().all()
            || (self.pairs.val() && !self.record.val().get_bits::<9>(46).any());
        self.hollow.next = !self.empty.val() && !self.pairs.val() && !self.record.val().get_bits::<5>(38).any();
        self.needs.next = !self.empty.val() && !self.hollow.val();

        comment!("What is left of the record; pairs are counted from the line's first.");
        self.remaining.next = self.left.q.val();
        self.first.next = 0.into();
        if !self.begun.q.val() {
            self.remaining.next = bit_cast::<10, 5>(self.record.val().get_bits::<5>(38));
            if self.pairs.val() {
                self.first.next = bit_cast::<4, 3>(self.record.val().get_bits::<3>(43));
                self.remaining.next = bit_cast::<10, 9>(self.record.val().get_bits::<9>(46))
                    + bit_cast::<10, 3>(self.record.val().get_bits::<3>(43));
            }
        }
        self.closes.next = !self.needs.val() || (self.remaining.val() == 1);
        if self.pairs.val() {
            self.closes.next = !self.needs.val() || (self.remaining.val() <= 8);
        }

        comment!("A record that had begun has had its item, and its row's end with it.");
        self.forwards.next = self.needs.val() && !(self.raw.val() && (self.passed.q.val() >= self.segments.val()));
        self.gives.next = !self.begun.q.val() || self.pairs.val();
        if self.empty.val() {
            self.gives.next = self.last.val() && (!self.begun.q.val() || self.pairs.val());
        }
        self.item_free.next = self.m.ready.val() || !self.gives.val();
        self.line_free.next = self.lines.ready.val() || !self.forwards.val();
        self.here.next = self.descriptor.valid.val() && (self.line.valid.val() || !self.needs.val());
        self.goes.next = self.here.val() && self.item_free.val() && self.line_free.val();
        self.m.valid.next = self.here.val() && self.gives.val() && self.line_free.val();
        self.lines.valid.next = self.here.val() && self.forwards.val() && self.item_free.val();
        self.line.ready.next = self.swallow.val()
            || (self.descriptor.valid.val() && self.needs.val() && self.item_free.val() && self.line_free.val());
        self.descriptor.ready.next = self.goes.val() && self.closes.val();
        self.waiting.next = self.descriptor.valid.val() && self.needs.val() && !self.line.valid.val();
        if self.goes.val() {
            self.begun.d.next = !self.closes.val();
            self.passed.d.next = self.passed.q.val() + 1;
            self.left.d.next = self.remaining.val() - 1;
            if self.pairs.val() {
                self.left.d.next = self.remaining.val() - 8;
            }
            if self.closes.val() {
                self.passed.d.next = 0.into();
            }
            self.previous.d.next = self.line.data.val().get_bits::<8>(448);
        }

        comment!("Bitmap records: what the words hold, which windows have a lane that both segments want.");
        self.beyond.next = false;
        for w in 0..8 {
            self.word[w].next = 0.into();
            if self.words.val() > w.to_bits() {
                self.word[w].next = self.line.data.val().get_bits::<32>(32 * w);
            }
            self.mark[2 * w].next = self.word[w].val().get_bits::<16>(0).any();
            self.mark[2 * w + 1].next = self.word[w].val().get_bits::<16>(16).any();
            self.both[w].next = (self.word[w].val().get_bits::<16>(0) & self.word[w].val().get_bits::<16>(16)).any();
            self.singles.x[w].next = self.both[w].val().into();
        }
        self.raw_lines.next = self.record.val().get_bits::<5>(38);
        if self.raw_lines.val() > self.segments.val() {
            self.raw_lines.next = self.segments.val();
        }
        for s in 0..16 {
            self.raw_marks.x[s].next = (self.raw_lines.val() > s.to_bits()).into();
            self.marks.x[s].next = self.mark[s].val().into();
            if self.mark[s].val() && (self.segments.val() <= s.to_bits()) {
                self.beyond.next = true;
            }
        }

        comment!("Pairs: which count, and whether they ascend and lie within the row. The ninth bit of a column is 0 or wrong.");
        self.one.next = 1.into();
        self.pair_marks.next = 0.into();
        self.misplaced.next = false;
        for k in 0..8 {
            self.counts[k].next = (self.first.val() <= k.to_bits()) && (self.remaining.val() > k.to_bits());
            self.column[k].next = self.line.data.val().get_bits::<8>(64 * k);
            self.segment[k].next = self.line.data.val().get_bits::<4>(64 * k + 4);
            self.columns.x[k].next = self.column[k].val();
            self.counted.x[k].next = self.counts[k].val().into();
            if self.counts[k].val() {
                self.pair_marks.next = self.pair_marks.val() | (self.one.val() << self.segment[k].val());
                if self.line.data.val().get_bits::<24>(64 * k + 8).any()
                    || (self.line.data.val().get_bits::<5>(64 * k + 4) >= self.segments.val())
                {
                    self.misplaced.next = true;
                }
                if k == 0 {
                    if self.begun.q.val() && (self.column[k].val() <= self.previous.q.val()) {
                        self.misplaced.next = true;
                    }
                } else if self.counts[k - 1].val() && (self.column[k].val() <= self.column[k - 1].val()) {
                    self.misplaced.next = true;
                }
            }
        }

        self.joins.next =
            self.pairs.val() && self.begun.q.val() && (self.segment[0].val() == self.previous.q.val().get_bits::<4>(4));

        comment!("The item.");
        self.full.next = self.marks.packed.val();
        self.single.next = self.singles.packed.val();
        self.start.next = self.words.val();
        self.used.next = self.record.val().get_bits::<5>(38);
        self.bad.next = self.beyond.val();
        self.ends.next = self.last.val();
        if self.raw.val() {
            self.full.next = self.raw_marks.packed.val();
            self.single.next = 0xff.into();
            self.start.next = 0.into();
            self.used.next = self.raw_lines.val();
            self.bad.next = false;
        }
        if self.pairs.val() {
            self.full.next = self.pair_marks.val();
            self.single.next = 0xff.into();
            self.start.next = self.first.val();
            self.used.next = 1.into();
            self.bad.next = self.misplaced.val();
            self.ends.next = self.last.val() && self.closes.val();
        }
        if !self.needs.val() {
            self.full.next = 0.into();
            self.bad.next = self.hollow.val();
        }
        self.item.x[0].next = self.record.val().get_bits::<32>(0);
        self.item.x[1].next = self.record.val().get_bits::<32>(61);
        self.item.x[2].next = (bit_cast::<32, 1>(self.ends.val().into()) << 31)
            | bit_cast::<32, 31>(self.record.val().get_bits::<31>(93));
        self.item.x[3].next = (bit_cast::<32, 8>(self.single.val()) << 16) | bit_cast::<32, 16>(self.full.val());
        self.item.x[4].next = (bit_cast::<32, 1>(self.bad.val().into()) << 23)
            | (bit_cast::<32, 1>(self.empty.val().into()) << 22)
            | (bit_cast::<32, 1>(self.joins.val().into()) << 20)
            | (bit_cast::<32, 5>(self.segments.val()) << 15)
            | (bit_cast::<32, 5>(self.used.val()) << 10)
            | (bit_cast::<32, 4>(self.start.val()) << 6)
            | (bit_cast::<32, 2>(self.kind.val()) << 4)
            | bit_cast::<32, 4>(self.record.val().get_bits::<4>(32));
        for w in 0..8 {
            self.item.x[5 + w].next = self.word[w].val();
        }
        if self.pairs.val() {
            self.item.x[5].next = self.columns.packed.val().get_bits::<32>(0);
            self.item.x[6].next = self.columns.packed.val().get_bits::<32>(32);
            self.item.x[7].next = bit_cast::<32, 8>(self.counted.packed.val());
        }
        self.m.data.next = self.item.packed.val();
        for j in 0..16 {
            self.values.x[j].next = self.line.data.val().get_bits::<32>(32 * j);
        }
        if self.pairs.val() {
            for j in 0..8 {
                self.values.x[j].next = self.line.data.val().get_bits::<32>(64 * j + 32);
            }
        }
        self.lines.data.next = self.values.packed.val();
        if self.reset.val() {
            self.begun.d.next = false;
            self.passed.d.next = 0.into();
        }
    }
    unit!("sgcn_feed");
}
