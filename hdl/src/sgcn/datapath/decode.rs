use super::{Feed, Gather, Ranks, Split, Step};
use crate::prelude::*;
use crate::stream::{Fifo, Skid, StreamIn, StreamOut};

/// Makes operations for the lanes of descriptors and their lines; what a descriptor is, [`Feed`] says.
///
/// [`Feed`] brings both together, [`Split`] cuts records into operations on a window of 32 columns, [`Ranks`] counts their values,
/// [`Step`] issues them in order, [`Gather`] hands out values. 16 lines lie between, so that records with many lines and few
/// values do not hold up the next one's bitmap. Operations come out two cycles after they are issued.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Decode {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets everything, the fault too.
    pub reset: Signal<In, Bit>,
    /// Words of a bitmap, 1 to 8; stable during a run.
    pub words: Signal<In, Bits<4>>,
    /// Descriptors.
    pub descriptor: StreamIn<124>,
    /// Lines, in the descriptors' order.
    pub line: StreamIn<512>,
    /// An operation to drain or clear is wanted; these four as [`super::Drain`] has them.
    pub drain_want: Signal<In, Bit>,
    /// It goes first.
    pub drain_urgent: Signal<In, Bit>,
    /// Context and window.
    pub drain_place: Signal<In, Bits<7>>,
    /// The upper segment.
    pub drain_half: Signal<In, Bit>,
    /// It is issued.
    pub drain_taken: Signal<Out, Bit>,
    /// A row's last operation is issued.
    pub ended: Signal<Out, Bit>,
    /// The row's context.
    pub row_context: Signal<Out, Bits<4>>,
    /// Where the row goes, in lines.
    pub row: Signal<Out, Bits<32>>,
    /// Segments of the row, modulo 16.
    pub segments: Signal<Out, Bits<4>>,
    /// The lanes that take part in an operation; this and the following as [`super::Lanes`] has them.
    pub lanes: Signal<Out, Bits<16>>,
    /// Those that do so in the upper segment.
    pub half: Signal<Out, Bits<16>>,
    /// Context and window.
    pub place: Signal<Out, Bits<7>>,
    /// The accumulators become +0.
    pub clear: Signal<Out, Bit>,
    /// Features.
    pub x: Signal<Out, Bits<512>>,
    /// Weight.
    pub weight: Signal<Out, Bits<32>>,
    /// An operation was issued; this and the next three a cycle late.
    pub op: Signal<Out, Bit>,
    /// It waited for one before it.
    pub hazard: Signal<Out, Bit>,
    /// A descriptor waited for its line, and nothing was issued.
    pub starved: Signal<Out, Bit>,
    /// There was no descriptor.
    pub idle: Signal<Out, Bit>,
    /// There is a descriptor whose operations are not all issued.
    pub busy: Signal<Out, Bit>,
    /// A record was malformed; from then on all is swallowed.
    pub fault: Signal<Out, Bit>,
    /// Its row.
    pub fault_row: Signal<Out, Bits<31>>,
    feed: Feed,
    items: Skid<416>,
    lines: Fifo<512, 4, 5>,
    split: Split,
    operations: Skid<160>,
    ranks: Ranks,
    step: Step,
    gather: Gather,
    under_way: Signal<Local, Bit>,
    op_seen: Reg<Bit>,
    hazard_seen: Reg<Bit>,
    starved_seen: Reg<Bit>,
    idle_seen: Reg<Bit>,
}

impl Logic for Decode {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, op_seen, hazard_seen, starved_seen, idle_seen);
        clock!(self, clock, feed, items, lines, split, operations, ranks, step, gather);
        self.feed.reset.next = self.reset.val();
        self.items.reset.next = self.reset.val();
        self.lines.reset.next = self.reset.val();
        self.split.reset.next = self.reset.val();
        self.operations.reset.next = self.reset.val();
        self.ranks.reset.next = self.reset.val();
        self.step.reset.next = self.reset.val();

        self.feed.words.next = self.words.val();
        self.feed.swallow.next = self.step.fault.val();
        StreamIn::<124>::link(&mut self.descriptor, &mut self.feed.descriptor);
        StreamIn::<512>::link(&mut self.line, &mut self.feed.line);
        StreamOut::<416>::join(&mut self.feed.m, &mut self.items.s);
        StreamOut::<512>::join(&mut self.feed.lines, &mut self.lines.s);
        StreamOut::<416>::join(&mut self.items.m, &mut self.split.s);
        StreamOut::<160>::join(&mut self.split.m, &mut self.operations.s);
        StreamOut::<160>::join(&mut self.operations.m, &mut self.ranks.s);
        StreamOut::<224>::join(&mut self.ranks.m, &mut self.step.s);

        self.step.line_valid.next = self.lines.m.valid.val();
        self.lines.m.ready.next = self.step.line_ready.val();
        self.step.drain_want.next = self.drain_want.val();
        self.step.drain_urgent.next = self.drain_urgent.val();
        self.step.drain_place.next = self.drain_place.val();
        self.step.drain_half.next = self.drain_half.val();
        self.drain_taken.next = self.step.drain_taken.val();
        self.ended.next = self.step.ended.val();
        self.row_context.next = self.ranks.m.data.val().get_bits::<4>(128);
        self.row.next = self.ranks.m.data.val().get_bits::<32>(32);
        self.segments.next = self.ranks.m.data.val().get_bits::<4>(144);

        self.gather.line.next = self.lines.m.data.val();
        self.gather.load.next = self.step.load.val();
        self.gather.shift.next = self.step.shift.val();
        self.gather.load_next.next = self.step.load_next.val();
        self.gather.position.next = self.step.position.val();
        self.gather.ranks.next = self.ranks.m.data.val().get_bits::<64>(160);
        self.gather.lanes.next = self.step.lanes.val();
        self.gather.half.next = self.step.half.val();
        self.gather.place.next = self.step.place.val();
        self.gather.clear.next = self.step.drain_taken.val();
        self.gather.weight.next = self.ranks.m.data.val().get_bits::<32>(0);
        self.lanes.next = self.gather.x_lanes.val();
        self.half.next = self.gather.x_half.val();
        self.place.next = self.gather.x_place.val();
        self.clear.next = self.gather.x_clear.val();
        self.x.next = self.gather.x.val();
        self.weight.next = self.gather.x_weight.val();

        self.under_way.next = self.items.m.valid.val() || self.operations.m.valid.val() || self.ranks.m.valid.val();
        self.busy.next = self.descriptor.valid.val() || self.under_way.val();
        self.op_seen.d.next = self.step.op.val();
        self.hazard_seen.d.next = self.step.hazard.val();
        self.starved_seen.d.next = self.step.starved.val() || (self.feed.waiting.val() && !self.under_way.val());
        self.idle_seen.d.next = !self.descriptor.valid.val() && !self.under_way.val();
        self.op.next = self.op_seen.q.val();
        self.hazard.next = self.hazard_seen.q.val();
        self.starved.next = self.starved_seen.q.val();
        self.idle.next = self.idle_seen.q.val();
        self.fault.next = self.step.fault.val();
        self.fault_row.next = self.step.fault_row.val();
    }
    unit!("sgcn_decode");
}
