use super::OnesOfWord;
use crate::prelude::*;

/// Bits of what a lookup finds.
pub const FOUND_BITS: usize = 52;
/// Lines of the record, 0 to 33: 6 bits.
pub const FOUND_LINES: usize = 0;
/// The record is raw: 1 bit.
pub const FOUND_ESCAPE: usize = 6;
/// What was found cannot be: 1 bit.
pub const FOUND_BAD: usize = 7;
/// Pairs: the first one's place in its line, 3 bits.
pub const FOUND_ENTRY: usize = 8;
/// Pairs: how many, 9 bits.
pub const FOUND_COUNT: usize = 11;
/// Pairs: address of the first line, 32 bits.
pub const FOUND_LINE: usize = 20;

/// Finds out how long a record is, from the line that was fetched for it: a byte of the length table, an entry of the pairs' table,
/// or the bitmap at the head of the record itself.
///
/// A line a cycle; the answer comes `LATENCY` cycles after it. `note` says beforehand which bytes of the line matter.
#[derive(Clone, Debug, LogicBlock)]
pub struct Lookup {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Features are pairs; this and what follows is stable during a run.
    pub pairs: Signal<In, Bit>,
    /// The line is the record's own first.
    pub learned: Signal<In, Bit>,
    /// 255 is the dense escape.
    pub escapes: Signal<In, Bit>,
    /// Words of a bitmap, 1 to 8.
    pub bitmap_words: Signal<In, Bits<4>>,
    /// Lines of a full record.
    pub full: Signal<In, Bits<6>>,
    /// Line address of the features.
    pub features: Signal<In, Bits<32>>,
    /// Remembers where to look, for a slot.
    pub note: Signal<In, Bit>,
    /// The slot.
    pub note_slot: Signal<In, Bits<5>>,
    /// The byte of the line.
    pub note_byte: Signal<In, Bits<6>>,
    /// A line is there.
    pub arrive: Signal<In, Bit>,
    /// Its slot.
    pub arrive_slot: Signal<In, Bits<5>>,
    /// It.
    pub data: Signal<In, Bits<512>>,
    /// Something was found.
    pub found: Signal<Out, Bit>,
    /// For which slot.
    pub found_slot: Signal<Out, Bits<5>>,
    /// What, in the fields named at the head of this file.
    pub result: Signal<Out, Bits<FOUND_BITS>>,
    notes: Ram<5, 6>,
    line: Reg<Bits<512>>,
    valid: Delay<1, { Lookup::LATENCY }>,
    slot: Delay<5, { Lookup::LATENCY }>,
    ones: [OnesOfWord; 8],
    masked: [Signal<Local, Bits<32>>; 8],
    quarter: [Reg<Bits<9>>; 2],
    total: Reg<Bits<9>>,
    pair_at: Signal<Local, Bits<3>>,
    byte_at: Reg<Bits<3>>,
    pair: Reg<Bits<64>>,
    byte: Reg<Bits<8>>,
    pair_then: Reg<Bits<64>>,
    byte_then: Delay<8, 2>,
    pair_last: Delay<64, 2>,
    first: Signal<Local, Bits<32>>,
    count: Signal<Local, Bits<32>>,
    pair_sum: Signal<Local, Bits<12>>,
    bitmap_sum: Signal<Local, Bits<12>>,
    lines: Signal<Local, Bits<6>>,
    escape: Signal<Local, Bit>,
    bad: Signal<Local, Bit>,
    entry: Signal<Local, Bits<3>>,
    kept: Signal<Local, Bits<9>>,
    start: Signal<Local, Bits<32>>,
    answer: Reg<Bits<FOUND_BITS>>,
    most: Constant<Bits<32>>,
}

impl Lookup {
    /// Cycles from a line to what was found.
    pub const LATENCY: usize = 6;
}

const _: () =
    assert!(Lookup::LATENCY == 1 + OnesOfWord::LATENCY + 2 + 1, "a line, its words' ones, their sum, the answer");

impl Default for Lookup {
    fn default() -> Self {
        Lookup {
            clock: Signal::default(),
            pairs: Signal::default(),
            learned: Signal::default(),
            escapes: Signal::default(),
            bitmap_words: Signal::default(),
            full: Signal::default(),
            features: Signal::default(),
            note: Signal::default(),
            note_slot: Signal::default(),
            note_byte: Signal::default(),
            arrive: Signal::default(),
            arrive_slot: Signal::default(),
            data: Signal::default(),
            found: Signal::default(),
            found_slot: Signal::default(),
            result: Signal::default(),
            notes: Ram::default(),
            line: Reg::default(),
            valid: Delay::default(),
            slot: Delay::default(),
            ones: std::array::from_fn(|_| OnesOfWord::default()),
            masked: std::array::from_fn(|_| Signal::default()),
            quarter: std::array::from_fn(|_| Reg::default()),
            total: Reg::default(),
            pair_at: Signal::default(),
            byte_at: Reg::default(),
            pair: Reg::default(),
            byte: Reg::default(),
            pair_then: Reg::default(),
            byte_then: Delay::default(),
            pair_last: Delay::default(),
            first: Signal::default(),
            count: Signal::default(),
            pair_sum: Signal::default(),
            bitmap_sum: Signal::default(),
            lines: Signal::default(),
            escape: Signal::default(),
            bad: Signal::default(),
            entry: Signal::default(),
            kept: Signal::default(),
            start: Signal::default(),
            answer: Reg::default(),
            most: Constant::new(256_u64.into()),
        }
    }
}

impl Logic for Lookup {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, line, total, byte_at, pair, byte, pair_then, answer);
        clock!(self, clock, notes, valid, slot, byte_then, pair_last);
        self.valid.d.next = self.arrive.val().into();
        self.slot.d.next = self.arrive_slot.val();
        self.notes.write_enable.next = self.note.val();
        self.notes.write_address.next = self.note_slot.val();
        self.notes.write_data.next = self.note_byte.val();
        self.notes.read_address.next = self.arrive_slot.val();
        self.line.d.next = self.data.val();

        comment!("The bitmap's ones.");
        for i in 0..8 {
            self.ones[i].clock.next = self.clock.val();
            self.masked[i].next = 0.into();
            if self.bitmap_words.val() > i.to_bits() {
                self.masked[i].next = self.line.q.val().get_bits::<32>(32 * i);
            }
            self.ones[i].x.next = self.masked[i].val();
        }
        for i in 0..2 {
            self.quarter[i].clock.next = self.clock.val();
            self.quarter[i].d.next = self.ones[4 * i].y.val()
                + self.ones[4 * i + 1].y.val()
                + (self.ones[4 * i + 2].y.val() + self.ones[4 * i + 3].y.val());
        }
        self.total.d.next = self.quarter[0].q.val() + self.quarter[1].q.val();
        self.bitmap_sum.next = bit_cast::<12, 9>(self.total.q.val()) + bit_cast::<12, 4>(self.bitmap_words.val()) + 15;

        comment!("The table's entry, as long on its way.");
        self.pair_at.next = self.notes.read_data.val().get_bits::<3>(3);
        self.byte_at.d.next = self.notes.read_data.val().get_bits::<3>(0);
        self.pair.d.next = self.line.q.val().get_bits::<64>(self.pair_at.val().index() * 64);
        self.byte.d.next = self.pair.q.val().get_bits::<8>(self.byte_at.q.val().index() * 8);
        self.pair_then.d.next = self.pair.q.val();
        self.byte_then.d.next = self.byte.q.val();
        self.pair_last.d.next = self.pair_then.q.val();
        self.first.next = self.pair_last.q.val().get_bits::<32>(0);
        self.count.next = self.pair_last.q.val().get_bits::<32>(32);
        self.pair_sum.next = bit_cast::<12, 9>(self.pair_last.q.val().get_bits::<9>(32))
            + bit_cast::<12, 3>(self.pair_last.q.val().get_bits::<3>(0))
            + 7;

        self.lines.next = self.byte_then.q.val().get_bits::<6>(0);
        self.escape.next = false;
        self.bad.next = self.byte_then.q.val() > bit_cast::<8, 6>(self.full.val());
        self.entry.next = 0.into();
        self.kept.next = 0.into();
        self.start.next = 0.into();
        if self.escapes.val() && self.byte_then.q.val().all() {
            self.lines.next = self.full.val();
            self.escape.next = true;
            self.bad.next = false;
        }
        if self.learned.val() {
            self.lines.next = self.bitmap_sum.val().get_bits::<6>(4);
            self.escape.next = false;
            self.bad.next = false;
        }
        if self.pairs.val() {
            self.lines.next = self.pair_sum.val().get_bits::<6>(3);
            if !self.count.val().any() {
                self.lines.next = 0.into();
            }
            self.escape.next = false;
            self.bad.next = self.count.val() > self.most.val();
            self.entry.next = self.first.val().get_bits::<3>(0);
            self.kept.next = self.count.val().get_bits::<9>(0);
            self.start.next = self.features.val() + bit_cast::<32, 29>(self.first.val().get_bits::<29>(3));
        }
        self.answer.d.next = bit_cast::<FOUND_BITS, 6>(self.lines.val())
            | (bit_cast::<FOUND_BITS, 1>(self.escape.val().into()) << 6)
            | (bit_cast::<FOUND_BITS, 1>(self.bad.val().into()) << 7)
            | (bit_cast::<FOUND_BITS, 3>(self.entry.val()) << 8)
            | (bit_cast::<FOUND_BITS, 9>(self.kept.val()) << 11)
            | (bit_cast::<FOUND_BITS, 32>(self.start.val()) << 20);
        self.found.next = self.valid.q.val().any();
        self.found_slot.next = self.slot.q.val();
        self.result.next = self.answer.q.val();
    }
    unit!("sgcn_lookup"; FOUND_ESCAPE, FOUND_BAD, FOUND_ENTRY, FOUND_COUNT, FOUND_LINE);
}
