use super::{Decode, Drain, Lanes, Output, Window};
use crate::prelude::*;
use crate::stream::{StreamIn, StreamOut};

/// Cycles from a drain operation to its line: [`super::Gather::LATENCY`], and one for the accumulators' RAM.
const LINE: usize = super::Gather::LATENCY + 1;

/// An engine's datapath: lines in any order and descriptors in, bursts of finished rows out.
///
/// Of each row the accumulators begin at +0 and become `fma(weight, x, accumulator)` in the order of descriptors; what a descriptor
/// is, [`super::Feed`] says. 16 rows may be under way, one a context; a context's next row may be sent when `freed` named it.
/// After `reset`, which is to be held for 64 cycles, the accumulators are cleared (256 cycles, `busy`).
///
/// After a fault nothing is computed: lines and descriptors are swallowed, and rows that end are written as they stand.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Datapath {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets everything, the fault too.
    pub reset: Signal<In, Bit>,
    /// Words of a bitmap, 1 to 8; stable during a run.
    pub words: Signal<In, Bits<4>>,
    /// A place for a line is taken; these as [`Window`] has them.
    pub allocate: Signal<In, Bit>,
    /// Its number.
    pub slot: Signal<Out, Bits<8>>,
    /// There is one.
    pub room: Signal<Out, Bit>,
    /// A line arrives.
    pub arrive: Signal<In, Bit>,
    /// Its place.
    pub arrive_slot: Signal<In, Bits<8>>,
    /// The line.
    pub arrive_data: Signal<In, Bits<512>>,
    /// Descriptors.
    pub descriptor: StreamIn<124>,
    /// A context is free for the next row.
    pub freed: Signal<Out, Bit>,
    /// Which.
    pub freed_context: Signal<Out, Bits<4>>,
    /// Bursts, as [`Output`] has them.
    pub burst: StreamOut<37>,
    /// Their beats.
    pub w: StreamOut<512>,
    /// There are descriptors or rows under way, or accumulators are being cleared.
    pub busy: Signal<Out, Bit>,
    /// An operation was issued, in this cycle, as the next three.
    pub op: Signal<Out, Bit>,
    /// One waited for one before it.
    pub hazard: Signal<Out, Bit>,
    /// A descriptor waited for its line.
    pub starved: Signal<Out, Bit>,
    /// There was no descriptor.
    pub idle: Signal<Out, Bit>,
    /// A record was malformed.
    pub fault: Signal<Out, Bit>,
    /// Its row.
    pub fault_row: Signal<Out, Bits<31>>,
    window: Window,
    decode: Decode,
    lanes: Lanes,
    drain: Drain,
    bursts: Output,
    reads: Signal<Local, Bit>,
    /// A line's row address, and whether it comes, is first, is last.
    along: Delay<35, LINE>,
}

impl Logic for Datapath {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, window, decode, lanes, drain, bursts, along);
        self.window.reset.next = self.reset.val();
        self.decode.reset.next = self.reset.val();
        self.drain.reset.next = self.reset.val();
        self.bursts.reset.next = self.reset.val();

        self.window.allocate.next = self.allocate.val();
        self.slot.next = self.window.slot.val();
        self.room.next = self.window.room.val();
        self.window.arrive.next = self.arrive.val();
        self.window.arrive_slot.next = self.arrive_slot.val();
        self.window.arrive_data.next = self.arrive_data.val();

        self.decode.words.next = self.words.val();
        StreamIn::<124>::link(&mut self.descriptor, &mut self.decode.descriptor);
        StreamOut::<512>::join(&mut self.window.m, &mut self.decode.line);
        self.decode.drain_want.next = self.drain.want.val();
        self.decode.drain_urgent.next = self.drain.urgent.val();
        self.decode.drain_place.next = self.drain.place.val();
        self.decode.drain_half.next = self.drain.half.val();
        self.drain.taken.next = self.decode.drain_taken.val();
        self.drain.ended.next = self.decode.ended.val();
        self.drain.row_context.next = self.decode.row_context.val();
        self.drain.row.next = self.decode.row.val();
        self.drain.segments.next = self.decode.segments.val();
        self.drain.room.next = self.bursts.room.val();
        self.freed.next = self.drain.freed.val();
        self.freed_context.next = self.drain.freed_context.val();

        self.lanes.valid.next = self.decode.lanes.val();
        self.lanes.half.next = self.decode.half.val();
        self.lanes.clear.next = self.decode.clear.val();
        self.lanes.place.next = self.decode.place.val();
        self.lanes.x.next = self.decode.x.val();
        self.lanes.weight.next = self.decode.weight.val();

        self.reads.next = self.decode.drain_taken.val() && self.drain.reads.val();
        self.along.d.next = (bit_cast::<35, 1>(self.reads.val().into()) << 34)
            | (bit_cast::<35, 1>(self.drain.first.val().into()) << 33)
            | (bit_cast::<35, 1>(self.drain.last.val().into()) << 32)
            | bit_cast::<35, 32>(self.drain.to.val());
        self.bursts.take.next = self.reads.val();
        self.bursts.line.next = self.along.q.val().get_bit(34);
        self.bursts.line_first.next = self.along.q.val().get_bit(33);
        self.bursts.line_last.next = self.along.q.val().get_bit(32);
        self.bursts.line_row.next = self.along.q.val().get_bits::<32>(0);
        self.bursts.line_data.next = self.lanes.line.val();
        StreamOut::<37>::link(&mut self.burst, &mut self.bursts.burst);
        StreamOut::<512>::link(&mut self.w, &mut self.bursts.w);

        self.busy.next = self.decode.busy.val() || self.drain.busy.val() || self.bursts.busy.val();
        self.op.next = self.decode.op.val();
        self.hazard.next = self.decode.hazard.val();
        self.starved.next = self.decode.starved.val();
        self.idle.next = self.decode.idle.val();
        self.fault.next = self.decode.fault.val();
        self.fault_row.next = self.decode.fault_row.val();
    }
    unit!("sgcn_datapath");
}
