use super::Lane;
use crate::prelude::*;
use crate::stream::Fifo;

/// Cycles in which an operation cannot be seen in the accumulators yet, less one for the count.
const WAIT: usize = Lane::HOLD - 1;

/// Reads finished rows out of the lanes, a segment an operation, and leaves +0 behind.
///
/// A row is `ended` in the cycle of its last operation, and is queued until that has left the lanes. Its context is `freed` with
/// its last segment: the operations of the next row may come from then on, if who issues them keeps [`Lane::HOLD`] between
/// operations on the same segment, these among them. A context has at most one row here, so the queue of 16 is never full.
///
/// After `reset` it clears all accumulators, an operation a cycle, `urgent`.
#[derive(Clone, Debug, LogicBlock)]
pub struct Drain {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets rows and begins to clear; to be held for 64 cycles.
    pub reset: Signal<In, Bit>,
    /// A row's last operation is issued.
    pub ended: Signal<In, Bit>,
    /// The row's context.
    pub row_context: Signal<In, Bits<4>>,
    /// Where the row goes, in lines.
    pub row: Signal<In, Bits<32>>,
    /// Segments of the row, 1 to 16; modulo 16.
    pub segments: Signal<In, Bits<4>>,
    /// There is a place for a line.
    pub room: Signal<In, Bit>,
    /// An operation is wanted.
    pub want: Signal<Out, Bit>,
    /// It is to go before others.
    pub urgent: Signal<Out, Bit>,
    /// Its context and window.
    pub place: Signal<Out, Bits<7>>,
    /// It is on the upper segment.
    pub half: Signal<Out, Bit>,
    /// It is issued.
    pub taken: Signal<In, Bit>,
    /// It will give a line, not only clear.
    pub reads: Signal<Out, Bit>,
    /// The row's first.
    pub first: Signal<Out, Bit>,
    /// The row's last.
    pub last: Signal<Out, Bit>,
    /// Where the row goes.
    pub to: Signal<Out, Bits<32>>,
    /// A context is free; a cycle after its last segment was issued.
    pub freed: Signal<Out, Bit>,
    /// Which.
    pub freed_context: Signal<Out, Bits<4>>,
    /// There are rows, or accumulators are being cleared.
    pub busy: Signal<Out, Bit>,
    queue: Fifo<40, 4, 5>,
    under_way: Delay<1, WAIT>,
    /// Rows that may be read.
    ripe: Reg<Bits<5>>,
    riper: Signal<Local, Bits<5>>,
    segment: Reg<Bits<4>>,
    following: Signal<Local, Bits<4>>,
    closes: Signal<Local, Bit>,
    clearing: Reg<Bit>,
    clear_at: Reg<Bits<8>>,
    free: Reg<Bit>,
    free_context: Reg<Bits<4>>,
}

impl Default for Drain {
    fn default() -> Self {
        Drain {
            clock: Signal::default(),
            reset: Signal::default(),
            ended: Signal::default(),
            row_context: Signal::default(),
            row: Signal::default(),
            segments: Signal::default(),
            room: Signal::default(),
            want: Signal::default(),
            urgent: Signal::default(),
            place: Signal::default(),
            half: Signal::default(),
            taken: Signal::default(),
            reads: Signal::default(),
            first: Signal::default(),
            last: Signal::default(),
            to: Signal::default(),
            freed: Signal::default(),
            freed_context: Signal::default(),
            busy: Signal::default(),
            queue: Fifo::default(),
            under_way: Delay::default(),
            ripe: Reg::default(),
            riper: Signal::default(),
            segment: Reg::default(),
            following: Signal::default(),
            closes: Signal::default(),
            clearing: Reg::new(true),
            clear_at: Reg::default(),
            free: Reg::default(),
            free_context: Reg::default(),
        }
    }
}

impl Logic for Drain {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, ripe, segment, clearing, clear_at, free, free_context);
        clock!(self, clock, queue, under_way);
        self.queue.reset.next = self.reset.val();
        self.queue.s.valid.next = self.ended.val();
        self.queue.s.data.next = (bit_cast::<40, 4>(self.segments.val()) << 36)
            | (bit_cast::<40, 4>(self.row_context.val()) << 32)
            | bit_cast::<40, 32>(self.row.val());
        self.under_way.d.next = self.ended.val().into();

        comment!("16 segments wrap to 0.");
        self.following.next = self.segment.q.val() + 1;
        self.closes.next = self.following.val() == self.queue.m.data.val().get_bits::<4>(36);
        self.reads.next = !self.clearing.q.val();
        self.first.next = !self.segment.q.val().any();
        self.last.next = self.closes.val();
        self.to.next = self.queue.m.data.val().get_bits::<32>(0);
        self.want.next =
            self.clearing.q.val() || (self.ripe.q.val().any() && self.queue.m.valid.val() && self.room.val());
        self.urgent.next = self.clearing.q.val() || self.ripe.q.val().get_bits::<3>(2).any();
        self.place.next = (bit_cast::<7, 4>(self.queue.m.data.val().get_bits::<4>(32)) << 3)
            | bit_cast::<7, 3>(self.segment.q.val().get_bits::<3>(1));
        self.half.next = self.segment.q.val().get_bit(0);
        if self.clearing.q.val() {
            self.place.next = self.clear_at.q.val().get_bits::<7>(1);
            self.half.next = self.clear_at.q.val().get_bit(0);
        }

        self.queue.m.ready.next = false;
        self.free.d.next = false;
        self.free_context.d.next = self.queue.m.data.val().get_bits::<4>(32);
        self.riper.next = self.ripe.q.val();
        if self.taken.val() {
            if self.clearing.q.val() {
                self.clear_at.d.next = self.clear_at.q.val() + 1;
                self.clearing.d.next = !self.clear_at.q.val().all();
            } else {
                self.segment.d.next = self.following.val();
                if self.closes.val() {
                    self.segment.d.next = 0.into();
                    self.queue.m.ready.next = true;
                    self.free.d.next = true;
                    self.riper.next = self.ripe.q.val() - 1;
                }
            }
        }
        self.ripe.d.next = self.riper.val();
        if self.under_way.q.val().any() {
            self.ripe.d.next = self.riper.val() + 1;
        }
        self.freed.next = self.free.q.val();
        self.freed_context.next = self.free_context.q.val();
        self.busy.next = self.clearing.q.val() || self.queue.fill.val().any();
        if self.reset.val() {
            self.ripe.d.next = 0.into();
            self.segment.d.next = 0.into();
            self.clearing.d.next = true;
            self.clear_at.d.next = 0.into();
            self.free.d.next = false;
        }
    }
    unit!("sgcn_drain");
}
