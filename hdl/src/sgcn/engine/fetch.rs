use super::lookup::*;
use crate::prelude::*;
use crate::sgcn::layout::*;
use crate::stream::{Fifo, StreamIn, StreamOut};

/// Bits of a descriptor; [`crate::sgcn::datapath::Feed`] has its fields.
pub const DESCRIPTOR_BITS: usize = 124;
/// Bits of what is kept of an edge until its record's length is known.
const KEPT_BITS: usize = 139;

/// Turns edges into requests for the lines of their records, and into descriptors of what will come.
///
/// Up to 32 edges wait here: each is looked up in the length table (or its record's first line is fetched, if lengths are learned),
/// and in the order of the edges the lines are asked for, one a cycle. Dense records need no lookup. What is found may come in any
/// order. A length that cannot be ends it with `fault`.
#[derive(Clone, Debug, LogicBlock)]
pub struct Fetch {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets everything.
    pub reset: Signal<In, Bit>,
    /// Asks for nothing more.
    pub stop: Signal<In, Bit>,
    /// Features are dense; this and what follows is stable during a run.
    pub dense: Signal<In, Bit>,
    /// Features are pairs.
    pub pairs: Signal<In, Bit>,
    /// A record's length is learned from its first line.
    pub learned: Signal<In, Bit>,
    /// 255 in the length table is the dense escape.
    pub escapes: Signal<In, Bit>,
    /// Words of a bitmap, 1 to 8.
    pub bitmap_words: Signal<In, Bits<4>>,
    /// Lines of a full record.
    pub full: Signal<In, Bits<6>>,
    /// Lines from a record to the next: of a full record, or of a dense row.
    pub stride: Signal<In, Bits<9>>,
    /// Line address of the features.
    pub features: Signal<In, Bits<32>>,
    /// Line address of the table.
    pub lengths: Signal<In, Bits<32>>,
    /// Edges; see [`crate::sgcn::layout`].
    pub s: StreamIn<EDGE_BITS>,
    /// Lookups.
    pub lookup: StreamOut<REQUEST_BITS>,
    /// A looked-up line is there.
    pub arrive: Signal<In, Bit>,
    /// Its slot.
    pub arrive_slot: Signal<In, Bits<5>>,
    /// It.
    pub data: Signal<In, Bits<512>>,
    /// Lines of features.
    pub lines: StreamOut<REQUEST_BITS>,
    /// The window has a place.
    pub room: Signal<In, Bit>,
    /// Which.
    pub slot: Signal<In, Bits<8>>,
    /// It is taken.
    pub allocate: Signal<Out, Bit>,
    /// What the lines will be.
    pub m: StreamOut<DESCRIPTOR_BITS>,
    /// A length cannot be; until reset.
    pub fault: Signal<Out, Bit>,
    /// In which row.
    pub fault_row: Signal<Out, Bits<32>>,
    queue: Fifo<REQUEST_BITS, 4, 5>,
    descriptors: Fifo<DESCRIPTOR_BITS, 5, 6>,
    find: Lookup,
    kept: Ram<5, KEPT_BITS>,
    found: Ram<5, FOUND_BITS>,
    scale: Mul<32, 9, 41>,
    /// An edge on its way in: its record's number, where that lies, its lookup.
    open: Signal<Local, Bit>,
    accepts: Signal<Local, Bit>,
    moving: Delay<1, 4>,
    moving_edge: Delay<EDGE_BITS, 4>,
    number: Signal<Local, Bits<32>>,
    record: Reg<Bits<32>>,
    record_then: Delay<32, 2>,
    record_now: Reg<Bits<32>>,
    product: Reg<Bits<41>>,
    product_then: Reg<Bits<41>>,
    start: Reg<Bits<32>>,
    start_then: Delay<32, 2>,
    line: Reg<Bits<32>>,
    entry_line: Signal<Local, Bits<32>>,
    entry: Reg<Bits<32>>,
    enters: Signal<Local, Bit>,
    looks: Signal<Local, Bit>,
    hollow: Signal<Local, Bit>,
    /// The slot of the next edge that enters, and of the next whose lines are asked for; one bit more than a slot.
    tail: Reg<Bits<6>>,
    head: Reg<Bits<6>>,
    head_next: Signal<Local, Bits<6>>,
    inside: Signal<Local, Bits<6>>,
    resolved: Reg<Bits<32>>,
    settled: Signal<Local, Bits<32>>,
    at_once: Reg<Bit>,
    at_once_slot: Reg<Bits<5>>,
    late: Reg<Bit>,
    late_slot: Reg<Bits<5>>,
    /// The record whose lines are asked for.
    loaded: Reg<Bit>,
    at: Reg<Bits<32>>,
    left: Reg<Bits<6>>,
    noalloc: Reg<Bit>,
    fires: Signal<Local, Bit>,
    able: Signal<Local, Bit>,
    loads: Signal<Local, Bit>,
    edge_word: Signal<Local, Bits<KEPT_BITS>>,
    found_word: Signal<Local, Bits<FOUND_BITS>>,
    stands_for_none: Signal<Local, Bit>,
    count: Signal<Local, Bits<6>>,
    kind: Signal<Local, Bits<2>>,
    bad: Signal<Local, Bit>,
    broken: Reg<Bit>,
    broken_row: Reg<Bits<31>>,
    one: Constant<Bits<32>>,
    tag: Constant<Bits<REQUEST_BITS>>,
}

impl Default for Fetch {
    fn default() -> Self {
        Fetch {
            clock: Signal::default(),
            reset: Signal::default(),
            stop: Signal::default(),
            dense: Signal::default(),
            pairs: Signal::default(),
            learned: Signal::default(),
            escapes: Signal::default(),
            bitmap_words: Signal::default(),
            full: Signal::default(),
            stride: Signal::default(),
            features: Signal::default(),
            lengths: Signal::default(),
            s: StreamIn::default(),
            lookup: StreamOut::default(),
            arrive: Signal::default(),
            arrive_slot: Signal::default(),
            data: Signal::default(),
            lines: StreamOut::default(),
            room: Signal::default(),
            slot: Signal::default(),
            allocate: Signal::default(),
            m: StreamOut::default(),
            fault: Signal::default(),
            fault_row: Signal::default(),
            queue: Fifo::default(),
            descriptors: Fifo::default(),
            find: Lookup::default(),
            kept: Ram::default(),
            found: Ram::default(),
            scale: Mul::default(),
            open: Signal::default(),
            accepts: Signal::default(),
            moving: Delay::default(),
            moving_edge: Delay::default(),
            number: Signal::default(),
            record: Reg::default(),
            record_then: Delay::default(),
            record_now: Reg::default(),
            product: Reg::default(),
            product_then: Reg::default(),
            start: Reg::default(),
            start_then: Delay::default(),
            line: Reg::default(),
            entry_line: Signal::default(),
            entry: Reg::default(),
            enters: Signal::default(),
            looks: Signal::default(),
            hollow: Signal::default(),
            tail: Reg::default(),
            head: Reg::default(),
            head_next: Signal::default(),
            inside: Signal::default(),
            resolved: Reg::default(),
            settled: Signal::default(),
            at_once: Reg::default(),
            at_once_slot: Reg::default(),
            late: Reg::default(),
            late_slot: Reg::default(),
            loaded: Reg::default(),
            at: Reg::default(),
            left: Reg::default(),
            noalloc: Reg::default(),
            fires: Signal::default(),
            able: Signal::default(),
            loads: Signal::default(),
            edge_word: Signal::default(),
            found_word: Signal::default(),
            stands_for_none: Signal::default(),
            count: Signal::default(),
            kind: Signal::default(),
            bad: Signal::default(),
            broken: Reg::default(),
            broken_row: Reg::default(),
            one: Constant::new(1_u64.into()),
            tag: Constant::new((KIND_LOOKUP << (REQUEST_TAG + 8)).into()),
        }
    }
}

impl Logic for Fetch {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, record, record_now, product, product_then, start, line, entry, tail, head, resolved);
        dff_setup!(self, clock, at_once, at_once_slot, late, late_slot, loaded, at, left, noalloc, broken, broken_row);
        clock!(self, clock, queue, descriptors, find, kept, found, moving, moving_edge, record_then, start_then);
        self.queue.reset.next = self.reset.val();
        self.descriptors.reset.next = self.reset.val();

        comment!("Four edges may be on their way in, so there is place for more than those.");
        self.inside.next = self.tail.q.val() - self.head.q.val();
        self.open.next = !self.inside.val().get_bits::<2>(3).all()
            && !self.inside.val().get_bit(5)
            && !self.queue.fill.val().get_bits::<2>(3).any()
            && !self.stop.val();
        self.s.ready.next = self.open.val();
        self.accepts.next = self.s.valid.val() && self.open.val();
        self.moving.d.next = self.accepts.val().into();
        self.moving_edge.d.next = self.s.data.val();
        self.number.next = bit_cast::<32, 31>(self.s.data.val().get_bits::<31>(EDGE_COLUMN));
        self.record.d.next = self.number.val() + self.s.data.val().get_bits::<32>(PLACE_BASE);
        self.start.d.next = self.features.val();
        if self.dense.val() {
            self.record.d.next = self.number.val();
            self.start.d.next = self.features.val() + bit_cast::<32, 9>(self.s.data.val().get_bits::<9>(PLACE_LINE));
        }
        self.scale.a.next = self.record.q.val();
        self.scale.b.next = self.stride.val();
        self.product.d.next = self.scale.p.val();
        self.product_then.d.next = self.product.q.val();
        self.start_then.d.next = self.start.q.val();
        self.line.d.next = self.start_then.q.val() + self.product_then.q.val().get_bits::<32>(0);
        self.record_then.d.next = self.record.q.val();
        self.record_now.d.next = self.record_then.q.val();
        self.entry_line.next = self.record_then.q.val() >> 6;
        if self.pairs.val() {
            self.entry_line.next = self.record_then.q.val() >> 3;
        }
        self.entry.d.next = self.lengths.val() + self.entry_line.val();

        self.enters.next = self.moving.q.val().any();
        self.hollow.next = self.moving_edge.q.val().get_bit(EDGE_HOLLOW);
        self.looks.next = self.enters.val() && !self.dense.val() && !self.hollow.val();
        self.kept.write_enable.next = self.enters.val();
        self.kept.write_address.next = self.tail.q.val().get_bits::<5>(0);
        self.kept.write_data.next = bit_cast::<KEPT_BITS, 32>(self.moving_edge.q.val().get_bits::<32>(EDGE_WEIGHT))
            | (bit_cast::<KEPT_BITS, 4>(self.moving_edge.q.val().get_bits::<4>(EDGE_CONTEXT)) << 32)
            | (bit_cast::<KEPT_BITS, 1>(self.moving_edge.q.val().get_bits::<1>(EDGE_LAST)) << 36)
            | (bit_cast::<KEPT_BITS, 1>(self.moving_edge.q.val().get_bits::<1>(EDGE_HOLLOW)) << 37)
            | (bit_cast::<KEPT_BITS, 1>(self.moving_edge.q.val().get_bits::<1>(EDGE_BYPASS)) << 38)
            | (bit_cast::<KEPT_BITS, 31>(self.moving_edge.q.val().get_bits::<31>(PLACE_ROW)) << 39)
            | (bit_cast::<KEPT_BITS, 32>(self.moving_edge.q.val().get_bits::<32>(PLACE_OUT)) << 70)
            | (bit_cast::<KEPT_BITS, 5>(self.moving_edge.q.val().get_bits::<5>(PLACE_SEGMENTS)) << 102)
            | (bit_cast::<KEPT_BITS, 32>(self.line.q.val()) << 107);
        self.queue.s.valid.next = self.looks.val();
        self.queue.s.data.next = bit_cast::<REQUEST_BITS, 32>(self.entry.q.val())
            | (bit_cast::<REQUEST_BITS, 5>(self.tail.q.val().get_bits::<5>(0)) << 32)
            | self.tag.val();
        if self.learned.val() {
            self.queue.s.data.next = bit_cast::<REQUEST_BITS, 32>(self.line.q.val())
                | (bit_cast::<REQUEST_BITS, 5>(self.tail.q.val().get_bits::<5>(0)) << 32)
                | self.tag.val();
        }
        StreamOut::<REQUEST_BITS>::link(&mut self.lookup, &mut self.queue.m);
        self.find.note.next = self.looks.val();
        self.find.note_slot.next = self.tail.q.val().get_bits::<5>(0);
        self.find.note_byte.next = self.record_now.q.val().get_bits::<6>(0);
        if self.pairs.val() {
            self.find.note_byte.next = self.record_now.q.val().get_bits::<6>(0) << 3;
        }
        if self.enters.val() {
            self.tail.d.next = self.tail.q.val() + 1;
        }

        self.find.pairs.next = self.pairs.val();
        self.find.learned.next = self.learned.val();
        self.find.escapes.next = self.escapes.val();
        self.find.bitmap_words.next = self.bitmap_words.val();
        self.find.full.next = self.full.val();
        self.find.features.next = self.features.val();
        self.find.arrive.next = self.arrive.val();
        self.find.arrive_slot.next = self.arrive_slot.val();
        self.find.data.next = self.data.val();
        self.found.write_enable.next = self.find.found.val();
        self.found.write_address.next = self.find.found_slot.val();
        self.found.write_data.next = self.find.result.val();

        self.edge_word.next = self.kept.read_data.val();
        self.found_word.next = self.found.read_data.val();
        self.count.next = self.found_word.val().get_bits::<6>(FOUND_LINES);
        if self.dense.val() {
            self.count.next = bit_cast::<6, 5>(self.edge_word.val().get_bits::<5>(102));
        }
        if self.edge_word.val().get_bit(37) {
            self.count.next = 0.into();
        }
        self.stands_for_none.next = !self.count.val().any();
        self.kind.next = 0.into();
        if self.pairs.val() {
            self.kind.next = 2.into();
        }
        if self.dense.val() || self.found_word.val().get_bit(FOUND_ESCAPE) {
            self.kind.next = 1.into();
        }
        if self.stands_for_none.val() {
            self.kind.next = 3.into();
        }
        self.bad.next =
            !self.dense.val() && !self.edge_word.val().get_bit(37) && self.found_word.val().get_bit(FOUND_BAD);

        self.able.next = self.resolved.q.val().get_bit(self.head.q.val().get_bits::<5>(0).index())
            && !self.stop.val()
            && !self.broken.q.val()
            && !self.descriptors.fill.val().get_bits::<4>(1).all()
            && !self.descriptors.fill.val().get_bit(5);
        self.fires.next = self.loaded.q.val() && self.room.val() && self.lines.ready.val();
        self.loads.next = self.able.val()
            && !self.bad.val()
            && (!self.loaded.q.val() || (self.fires.val() && (self.left.q.val() == 1)));
        if self.able.val() && self.bad.val() {
            self.broken.d.next = true;
            self.broken_row.d.next = self.edge_word.val().get_bits::<31>(39);
        }
        if self.fires.val() {
            self.at.d.next = self.at.q.val() + 1;
            self.left.d.next = self.left.q.val() - 1;
            self.loaded.d.next = self.left.q.val() != 1;
        }
        self.head_next.next = self.head.q.val();
        if self.loads.val() {
            self.head_next.next = self.head.q.val() + 1;
            self.loaded.d.next = !self.stands_for_none.val();
            self.left.d.next = self.count.val();
            self.noalloc.d.next = self.edge_word.val().get_bit(38);
            self.at.d.next = self.edge_word.val().get_bits::<32>(107);
            if self.pairs.val() {
                self.at.d.next = self.found_word.val().get_bits::<32>(FOUND_LINE);
            }
        }
        self.head.d.next = self.head_next.val();
        self.kept.read_address.next = self.head_next.val().get_bits::<5>(0);
        self.found.read_address.next = self.head_next.val().get_bits::<5>(0);

        comment!(
            "A slot counts as resolved a cycle after its memories were written, so that what was read of them is new."
        );
        self.at_once.d.next = self.enters.val() && !self.looks.val();
        self.at_once_slot.d.next = self.tail.q.val().get_bits::<5>(0);
        self.late.d.next = self.find.found.val();
        self.late_slot.d.next = self.find.found_slot.val();
        self.settled.next = self.resolved.q.val();
        if self.at_once.q.val() {
            self.settled.next = self.settled.val() | (self.one.val() << self.at_once_slot.q.val());
        }
        if self.late.q.val() {
            self.settled.next = self.settled.val() | (self.one.val() << self.late_slot.q.val());
        }
        if self.loads.val() {
            self.settled.next = self.settled.val() & !(self.one.val() << self.head.q.val().get_bits::<5>(0));
        }
        self.resolved.d.next = self.settled.val();

        self.lines.valid.next = self.loaded.q.val() && self.room.val();
        self.lines.data.next = bit_cast::<REQUEST_BITS, 32>(self.at.q.val())
            | (bit_cast::<REQUEST_BITS, 8>(self.slot.val()) << 32)
            | (bit_cast::<REQUEST_BITS, 1>(self.noalloc.q.val().into()) << 43);
        self.allocate.next = self.fires.val();

        comment!("An empty record in mid row is nothing to tell.");
        self.descriptors.s.valid.next =
            self.loads.val() && (!self.stands_for_none.val() || self.edge_word.val().get_bit(36));
        self.descriptors.s.data.next = bit_cast::<DESCRIPTOR_BITS, 36>(self.edge_word.val().get_bits::<36>(0))
            | (bit_cast::<DESCRIPTOR_BITS, 2>(self.kind.val()) << 36)
            | (bit_cast::<DESCRIPTOR_BITS, 5>(self.count.val().get_bits::<5>(0)) << 38)
            | (bit_cast::<DESCRIPTOR_BITS, 12>(self.found_word.val().get_bits::<12>(FOUND_ENTRY)) << 43)
            | (bit_cast::<DESCRIPTOR_BITS, 1>(self.edge_word.val().get_bits::<1>(36)) << 55)
            | (bit_cast::<DESCRIPTOR_BITS, 5>(self.edge_word.val().get_bits::<5>(102)) << 56)
            | (bit_cast::<DESCRIPTOR_BITS, 32>(self.edge_word.val().get_bits::<32>(70)) << 61)
            | (bit_cast::<DESCRIPTOR_BITS, 31>(self.edge_word.val().get_bits::<31>(39)) << 93);
        StreamOut::<DESCRIPTOR_BITS>::link(&mut self.m, &mut self.descriptors.m);
        self.fault.next = self.broken.q.val();
        self.fault_row.next = bit_cast::<32, 31>(self.broken_row.q.val());
        if self.reset.val() {
            self.tail.d.next = 0.into();
            self.head.d.next = 0.into();
            self.resolved.d.next = 0.into();
            self.at_once.d.next = false;
            self.late.d.next = false;
            self.loaded.d.next = false;
            self.broken.d.next = false;
        }
    }
    unit!("sgcn_fetch"; PLACE_ROW, PLACE_OUT, PLACE_BASE, PLACE_LINE, PLACE_SEGMENTS, EDGE_WEIGHT, EDGE_COLUMN, EDGE_BYPASS, EDGE_CONTEXT, EDGE_LAST, EDGE_HOLLOW, REQUEST_TAG, REQUEST_NOALLOC, FOUND_LINES, FOUND_ESCAPE, FOUND_BAD, FOUND_ENTRY, FOUND_COUNT, FOUND_LINE);
}
