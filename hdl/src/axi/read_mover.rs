use super::bus::AxiRead;
use super::{Bursts, Counter, Failure};
use crate::prelude::*;
use crate::stream::{Credit, Fifo, StreamOut};

/// Reads a run of bytes from memory into a stream of 64-byte beats, through a buffer of `DEPTH = 2^A` beats.
///
/// INCR bursts of at most 4 KiB, in order, as many outstanding as the buffer has room for: a burst is asked for when there
/// is a place for each of its beats, so `rready` never falls and one slow taker never blocks a shared memory. The last beat
/// comes whole, whatever `bytes` says. At an error response, or when `stop` rises, no further burst is asked for, and `busy`
/// falls when those outstanding have been delivered. `address` must be a multiple of 64; nothing is checked here.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct ReadMover<const A: usize, const C: usize, const DEPTH: u64> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets run and beats; only for when nothing is outstanding.
    pub reset: Signal<In, Bit>,
    /// Begins a run; not while `busy`, as it clears what is known of failures and counts.
    pub start: Signal<In, Bit>,
    /// The first byte; stable during the run.
    pub address: Signal<In, Bits<64>>,
    /// How many.
    pub bytes: Signal<In, Bits<34>>,
    /// Ends the run early; stays until `busy` falls.
    pub stop: Signal<In, Bit>,
    /// Memory.
    pub axi: AxiRead,
    /// Beats.
    pub m: StreamOut<512>,
    /// Bursts are still to be asked for or to come.
    pub busy: Signal<Out, Bit>,
    /// Beats that came in this run, or the last.
    pub beats: Signal<Out, Bits<32>>,
    /// Cycles in which the buffer was empty while beats were still to come.
    pub stalls: Signal<Out, Bits<48>>,
    /// There was an error response.
    pub failed: Signal<Out, Bit>,
    /// The first byte of the burst that met it.
    pub failed_address: Signal<Out, Bits<64>>,
    bursts: Bursts,
    credit: Credit<C, DEPTH>,
    fifo: Fifo<512, A, C>,
    failure: Failure,
    stall: Counter,
    /// Beats asked for that have not come.
    owed: Reg<Bits<C>>,
    count: Reg<Bits<32>>,
    asked: Signal<Local, Bits<C>>,
    more: Signal<Local, Bits<C>>,
    came: Signal<Local, Bit>,
}

impl<const A: usize, const C: usize, const DEPTH: u64> Logic for ReadMover<A, C, DEPTH> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, owed, count);
        clock!(self, clock, bursts, credit, fifo, failure, stall);
        self.bursts.reset.next = self.reset.val();
        self.credit.reset.next = self.reset.val();
        self.fifo.reset.next = self.reset.val();

        self.bursts.start.next = self.start.val();
        self.bursts.address.next = self.address.val();
        self.bursts.bytes.next = self.bytes.val();
        self.bursts.stop.next = self.stop.val() || self.failure.failed.val();
        self.asked.next = bit_cast::<C, 7>(self.bursts.beats.val());
        self.bursts.permit.next = self.credit.available.val() >= self.asked.val();
        self.credit.take.next = self.bursts.claim.val();
        self.credit.amount.next = self.asked.val();
        self.credit.give.next = self.fifo.m.valid.val() && self.m.ready.val();

        self.axi.arvalid.next = self.bursts.valid.val();
        self.bursts.ready.next = self.axi.arready.val();
        self.axi.araddr.next = self.bursts.burst.val();
        self.axi.arlen.next = bit_cast::<8, 7>(self.bursts.beats.val()) - 1;
        comment!("2^6 bytes a beat");
        self.axi.arsize.next = 6.into();
        comment!("INCR");
        self.axi.arburst.next = 1.into();

        self.axi.rready.next = self.fifo.s.ready.val();
        self.came.next = self.axi.rvalid.val() && self.fifo.s.ready.val();
        self.fifo.s.valid.next = self.axi.rvalid.val();
        self.fifo.s.data.next = self.axi.rdata.val();
        StreamOut::<512>::link(&mut self.m, &mut self.fifo.m);

        self.more.next = self.owed.q.val();
        if self.bursts.claim.val() {
            self.more.next = self.owed.q.val() + self.asked.val();
        }
        self.owed.d.next = self.more.val();
        if self.came.val() {
            self.owed.d.next = self.more.val() - 1;
            self.count.d.next = self.count.q.val() + 1;
        }
        self.busy.next = self.bursts.busy.val() || self.owed.q.val().any() || self.failure.pending.val();

        self.failure.clear.next = self.start.val();
        self.failure.base.next = self.address.val();
        self.failure.ended.next = self.came.val() && self.axi.rlast.val();
        self.failure.error.next = self.came.val() && self.axi.rresp.val().get_bit(1);
        self.failed.next = self.failure.failed.val();
        self.failed_address.next = self.failure.address.val();

        self.stall.clear.next = self.start.val();
        self.stall.increment.next = self.busy.val() && !self.fifo.m.valid.val();
        self.stalls.next = self.stall.count.val();
        self.beats.next = self.count.q.val();
        if self.start.val() {
            self.count.d.next = 0.into();
        }
        if self.reset.val() {
            self.owed.d.next = 0.into();
        }
    }
    unit!("axi_read_mover", A, C, DEPTH);
}
