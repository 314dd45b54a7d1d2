use super::bus::AxiWrite;
use super::{Bursts, Counter, Failure};
use crate::prelude::*;
use crate::stream::{Credit, Fifo, Register, StreamIn};

/// Writes a stream of 64-byte beats to a run of bytes in memory, through a buffer of `DEPTH = 2^A` beats.
///
/// INCR bursts of at most 4 KiB, in order, up to 32 of them unanswered. A burst is announced when all its beats are in the
/// buffer, and they are offered along with it at one a cycle, so it holds a shared memory no longer than it must. (A slave
/// may wait for data before it takes the address, so data must not wait for that.) `wstrb` masks the last beat past `bytes`. At an error response, or when `stop` rises, no further burst is announced, and
/// `busy` falls when those announced are written and answered; beats that are left stay in the buffer until `reset`.
/// `address` must be a multiple of 64; nothing is checked here.
#[derive(Clone, Debug, LogicBlock)]
pub struct WriteMover<const A: usize, const C: usize, const DEPTH: u64> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets run and beats; only for when nothing is outstanding.
    pub reset: Signal<In, Bit>,
    /// Begins a run; not while `busy`, as it clears what is known of failures and counts.
    pub start: Signal<In, Bit>,
    /// The first byte; stable during the run.
    pub address: Signal<In, Bits<64>>,
    /// How many; stable during the run.
    pub bytes: Signal<In, Bits<34>>,
    /// Ends the run early; stays until `busy` falls.
    pub stop: Signal<In, Bit>,
    /// Beats; no more of them than the run has.
    pub s: StreamIn<512>,
    /// A beat has left the buffer.
    pub freed: Signal<Out, Bit>,
    /// Memory.
    pub axi: AxiWrite,
    /// Bursts are still to be announced, written or answered.
    pub busy: Signal<Out, Bit>,
    /// Beats that were written in this run, or the last.
    pub beats: Signal<Out, Bits<32>>,
    /// Cycles in which a burst or a beat waited for memory.
    pub stalls: Signal<Out, Bits<48>>,
    /// There was an error response.
    pub failed: Signal<Out, Bit>,
    /// The first byte of the burst that met it.
    pub failed_address: Signal<Out, Bits<64>>,
    bursts: Bursts,
    /// Beats in the buffer that no burst has claimed.
    arrived: Credit<C, 0>,
    fifo: Fifo<512, A, C>,
    out: Register<512>,
    failure: Failure,
    stall: Counter,
    /// Beats of announced bursts that are not written.
    due: Reg<Bits<C>>,
    /// Announced bursts without an answer: at most 32.
    owed: Reg<Bits<6>>,
    /// Beat within the page.
    place: Reg<Bits<6>>,
    left: Reg<Bits<29>>,
    tail: Reg<Bits<64>>,
    count: Reg<Bits<32>>,
    ones: Constant<Bits<64>>,
    asked: Signal<Local, Bits<C>>,
    more: Signal<Local, Bits<C>>,
    unanswered: Signal<Local, Bits<6>>,
    spare: Signal<Local, Bits<6>>,
    allowed: Signal<Local, Bit>,
    end: Signal<Local, Bit>,
    went: Signal<Local, Bit>,
}

impl<const A: usize, const C: usize, const DEPTH: u64> Default for WriteMover<A, C, DEPTH> {
    fn default() -> Self {
        WriteMover {
            clock: Signal::default(),
            reset: Signal::default(),
            start: Signal::default(),
            address: Signal::default(),
            bytes: Signal::default(),
            stop: Signal::default(),
            s: StreamIn::default(),
            freed: Signal::default(),
            axi: AxiWrite::default(),
            busy: Signal::default(),
            beats: Signal::default(),
            stalls: Signal::default(),
            failed: Signal::default(),
            failed_address: Signal::default(),
            bursts: Bursts::default(),
            arrived: Credit::default(),
            fifo: Fifo::default(),
            out: Register::default(),
            failure: Failure::default(),
            stall: Counter::default(),
            due: Reg::default(),
            owed: Reg::default(),
            place: Reg::default(),
            left: Reg::default(),
            tail: Reg::default(),
            count: Reg::default(),
            ones: Constant::new(u64::MAX.into()),
            asked: Signal::default(),
            more: Signal::default(),
            unanswered: Signal::default(),
            spare: Signal::default(),
            allowed: Signal::default(),
            end: Signal::default(),
            went: Signal::default(),
        }
    }
}

impl<const A: usize, const C: usize, const DEPTH: u64> Logic for WriteMover<A, C, DEPTH> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, due, owed, place, left, tail, count);
        clock!(self, clock, bursts, arrived, fifo, out, failure, stall);
        self.bursts.reset.next = self.reset.val();
        self.arrived.reset.next = self.reset.val();
        self.fifo.reset.next = self.reset.val();
        self.out.reset.next = self.reset.val();

        StreamIn::<512>::link(&mut self.s, &mut self.fifo.s);
        self.arrived.give.next = self.s.valid.val() && self.fifo.s.ready.val();
        self.freed.next = self.fifo.m.valid.val() && self.out.s.ready.val();
        self.out.s.valid.next = self.fifo.m.valid.val();
        self.out.s.data.next = self.fifo.m.data.val();
        self.fifo.m.ready.next = self.out.s.ready.val();

        self.bursts.start.next = self.start.val();
        self.bursts.address.next = self.address.val();
        self.bursts.bytes.next = self.bytes.val();
        self.bursts.stop.next = self.stop.val() || self.failure.failed.val();
        self.asked.next = bit_cast::<C, 7>(self.bursts.beats.val());
        self.bursts.permit.next = (self.arrived.available.val() >= self.asked.val()) && !self.owed.q.val().get_bit(5);
        self.arrived.take.next = self.bursts.claim.val();
        self.arrived.amount.next = self.asked.val();

        self.axi.awvalid.next = self.bursts.valid.val();
        self.bursts.ready.next = self.axi.awready.val();
        self.axi.awaddr.next = self.bursts.burst.val();
        self.axi.awlen.next = bit_cast::<8, 7>(self.bursts.beats.val()) - 1;
        comment!("2^6 bytes a beat");
        self.axi.awsize.next = 6.into();
        comment!("INCR");
        self.axi.awburst.next = 1.into();

        self.allowed.next = self.due.q.val().any();
        self.axi.wvalid.next = self.allowed.val() && self.out.m.valid.val();
        self.out.m.ready.next = self.allowed.val() && self.axi.wready.val();
        self.went.next = self.allowed.val() && self.out.m.valid.val() && self.axi.wready.val();
        self.axi.wdata.next = self.out.m.data.val();
        self.end.next = self.left.q.val() == 1;
        self.axi.wlast.next = self.end.val() || self.place.q.val().all();
        self.axi.wstrb.next = self.ones.val();
        if self.end.val() {
            self.axi.wstrb.next = self.tail.q.val();
        }
        comment!("(64 - bytes) modulo 64 bytes of the last beat lie past the end");
        self.spare.next = 0 - self.bytes.val().get_bits::<6>(0);

        self.more.next = self.due.q.val();
        if self.bursts.claim.val() {
            self.more.next = self.due.q.val() + self.asked.val();
        }
        self.due.d.next = self.more.val();
        if self.went.val() {
            self.due.d.next = self.more.val() - 1;
            self.place.d.next = self.place.q.val() + 1;
            self.left.d.next = self.left.q.val() - 1;
            self.count.d.next = self.count.q.val() + 1;
        }

        self.axi.bready.next = true;
        self.unanswered.next = self.owed.q.val();
        if self.bursts.claim.val() {
            self.unanswered.next = self.owed.q.val() + 1;
        }
        self.owed.d.next = self.unanswered.val();
        if self.axi.bvalid.val() {
            self.owed.d.next = self.unanswered.val() - 1;
        }
        self.busy.next = self.bursts.busy.val() || self.owed.q.val().any() || self.failure.pending.val();

        self.failure.clear.next = self.start.val();
        self.failure.base.next = self.address.val();
        self.failure.ended.next = self.axi.bvalid.val();
        self.failure.error.next = self.axi.bvalid.val() && self.axi.bresp.val().get_bit(1);
        self.failed.next = self.failure.failed.val();
        self.failed_address.next = self.failure.address.val();

        self.stall.clear.next = self.start.val();
        self.stall.increment.next =
            (self.axi.wvalid.val() && !self.axi.wready.val()) || (self.bursts.valid.val() && !self.axi.awready.val());
        self.stalls.next = self.stall.count.val();
        self.beats.next = self.count.q.val();

        if self.start.val() {
            self.place.d.next = self.address.val().get_bits::<6>(6);
            self.left.d.next = self.bursts.total.val();
            self.tail.d.next = self.ones.val() >> self.spare.val();
            self.count.d.next = 0.into();
        }
        if self.reset.val() {
            self.due.d.next = 0.into();
            self.owed.d.next = 0.into();
        }
    }
    unit!("axi_write_mover", A, C, DEPTH);
}
