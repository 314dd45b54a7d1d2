use super::{LineAddress, LineFailure, RoundRobin};
use crate::axi::AxiIdWrite;
use crate::prelude::*;
use crate::stream::StreamIn;

/// Writes bursts of `N` engines to one of `M = 2^LOG` memory ports, whole ones, engines in turn.
///
/// An engine offers a burst when it has all its beats, and goes on offering it until its last beat is taken, in which cycle the
/// burst is taken too: so no two ports take an engine's beats at once. A burst does not leave the 16 lines that lie together in a
/// port. Beats of different engines' bursts follow each other without a gap if the bursts have two beats or more. Up to 32 bursts without an answer; a burst's
/// beats do not wait for its address to be taken. After an error response it goes on.
#[derive(Clone, Debug, LogicBlock)]
pub struct WritePort<const N: usize, const M: usize, const LOG: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets all, failure included; only for when nothing is outstanding.
    pub reset: Signal<In, Bit>,
    /// Which port this is.
    pub port: Signal<In, Bits<5>>,
    /// Its pointer, a multiple of 1024; stable while `busy`.
    pub memory: Signal<In, Bits<64>>,
    /// Bursts, an engine a stream: beats less one 5 (0 to 15), line address 32. Those of other ports are left alone.
    pub burst: [StreamIn<37>; N],
    /// Their beats.
    pub w: [StreamIn<512>; N],
    /// Memory.
    pub axi: AxiIdWrite,
    /// Bursts are being written, or are without an answer.
    pub busy: Signal<Out, Bit>,
    /// A beat is written in this cycle.
    pub beat: Signal<Out, Bit>,
    /// There was an error response.
    pub failed: Signal<Out, Bit>,
    /// The first byte of the burst that met it.
    pub failed_address: Signal<Out, Bits<64>>,
    turn: RoundRobin<N>,
    asks: Pack<N, 1, N>,
    beats: Pack<N, 1, N>,
    mask: Constant<Bits<5>>,
    ones: Constant<Bits<64>>,
    /// The burst that is next.
    next_full: Reg<Bit>,
    next_owner: Reg<Bits<N>>,
    next_burst: Reg<Bits<37>>,
    next_address: Signal<Local, Bits<32>>,
    next_line: Signal<Local, Bits<32>>,
    /// The burst whose beats are taken.
    active: Reg<Bit>,
    owner: Reg<Bits<N>>,
    left: Reg<Bits<5>>,
    due: Signal<Local, Bit>,
    load: Signal<Local, Bit>,
    moves: Signal<Local, Bit>,
    finishing: Signal<Local, Bit>,
    free: Signal<Local, Bit>,
    beat_in: Signal<Local, Bits<512>>,
    full: Reg<Bit>,
    word: Reg<Bits<512>>,
    last: Reg<Bit>,
    address: LineAddress,
    /// Lines of the bursts without an answer, in order.
    lines: Ram<5, 32>,
    head: Reg<Bits<5>>,
    tail: Reg<Bits<5>>,
    /// Bursts without an answer, 32 at most.
    owed: Reg<Bits<6>>,
    more: Signal<Local, Bits<6>>,
    failure: LineFailure,
}

impl<const N: usize, const M: usize, const LOG: usize> Default for WritePort<N, M, LOG> {
    fn default() -> Self {
        assert!(LOG <= 5 && M == 1 << LOG, "WritePort<{N}, {M}, {LOG}>: {M} ports, but 2^{LOG} of them");
        WritePort {
            clock: Signal::default(),
            reset: Signal::default(),
            port: Signal::default(),
            memory: Signal::default(),
            burst: std::array::from_fn(|_| StreamIn::default()),
            w: std::array::from_fn(|_| StreamIn::default()),
            axi: AxiIdWrite::default(),
            busy: Signal::default(),
            beat: Signal::default(),
            failed: Signal::default(),
            failed_address: Signal::default(),
            turn: RoundRobin::default(),
            asks: Pack::default(),
            beats: Pack::default(),
            mask: Constant::new((M as u64 - 1).into()),
            ones: Constant::new(u64::MAX.into()),
            next_full: Reg::default(),
            next_owner: Reg::default(),
            next_burst: Reg::default(),
            next_address: Signal::default(),
            next_line: Signal::default(),
            active: Reg::default(),
            owner: Reg::default(),
            left: Reg::default(),
            due: Signal::default(),
            load: Signal::default(),
            moves: Signal::default(),
            finishing: Signal::default(),
            free: Signal::default(),
            beat_in: Signal::default(),
            full: Reg::default(),
            word: Reg::default(),
            last: Reg::default(),
            address: LineAddress::default(),
            lines: Ram::default(),
            head: Reg::default(),
            tail: Reg::default(),
            owed: Reg::default(),
            more: Signal::default(),
            failure: LineFailure::default(),
        }
    }
}

impl<const N: usize, const M: usize, const LOG: usize> Logic for WritePort<N, M, LOG> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, next_full, next_owner, next_burst, active, owner, left, full, word, last);
        dff_setup!(self, clock, head, tail, owed);
        clock!(self, clock, turn, address, lines, failure);
        self.turn.reset.next = self.reset.val();
        self.address.reset.next = self.reset.val();
        self.failure.reset.next = self.reset.val();
        self.address.memory.next = self.memory.val();
        self.failure.memory.next = self.memory.val();

        comment!("The next burst; not of the engine whose last one still stands there.");
        for i in 0..N {
            self.asks.x[i].next = (self.burst[i].valid.val()
                && ((self.burst[i].data.val().get_bits::<5>(4) & self.mask.val()) == self.port.val())
                && !(self.active.q.val() && self.owner.q.val().get_bit(i)))
            .into();
            self.beats.x[i].next = self.w[i].valid.val().into();
        }
        self.turn.request.next = self.asks.packed.val();
        self.turn.taken.next = self.turn.any.val() && !self.next_full.q.val();
        if !self.next_full.q.val() {
            self.next_full.d.next = self.turn.any.val();
            self.next_owner.d.next = self.turn.grant.val();
            for i in 0..N {
                if self.turn.grant.val().get_bit(i) {
                    self.next_burst.d.next = self.burst[i].data.val();
                }
            }
        }
        self.next_address.next = self.next_burst.q.val().get_bits::<32>(0);
        self.next_line.next = (bit_cast::<32, 28>(self.next_address.val().get_bits::<28>(4 + LOG)) << 4)
            | bit_cast::<32, 4>(self.next_address.val().get_bits::<4>(0));

        comment!("Beats of the present one.");
        self.free.next = self.axi.wready.val() || !self.full.q.val();
        self.moves.next =
            self.active.q.val() && self.free.val() && (self.owner.q.val() & self.beats.packed.val()).any();
        self.finishing.next = self.moves.val() && !self.left.q.val().any();
        for i in 0..N {
            self.w[i].ready.next = self.active.q.val() && self.free.val() && self.owner.q.val().get_bit(i);
            self.burst[i].ready.next = self.finishing.val() && self.owner.q.val().get_bit(i);
        }
        comment!("An OR of all, of which one at most is not 0: no order among them for synthesis to keep.");
        self.beat_in.next = 0.into();
        for i in 0..N {
            if self.owner.q.val().get_bit(i) {
                self.beat_in.next = self.beat_in.val() | self.w[i].data.val();
            }
        }
        if self.free.val() {
            self.full.d.next = self.moves.val();
        }
        if self.moves.val() {
            self.left.d.next = self.left.q.val() - 1;
            self.last.d.next = self.finishing.val();
            self.word.d.next = self.beat_in.val();
        }
        if self.finishing.val() {
            self.active.d.next = false;
        }
        self.due.next =
            self.next_full.q.val() && (!self.active.q.val() || self.finishing.val()) && !self.owed.q.val().get_bit(5);
        self.load.next = self.due.val() && self.address.s.ready.val();
        if self.load.val() {
            self.next_full.d.next = false;
            self.active.d.next = true;
            self.owner.d.next = self.next_owner.q.val();
            self.left.d.next = self.next_burst.q.val().get_bits::<5>(32);
        }
        self.axi.wvalid.next = self.full.q.val();
        self.axi.wdata.next = self.word.q.val();
        self.axi.wstrb.next = self.ones.val();
        self.axi.wlast.next = self.last.q.val();
        self.beat.next = self.full.q.val() && self.axi.wready.val();

        self.address.s.valid.next = self.due.val();
        self.address.s.data.next = (bit_cast::<42, 5>(self.next_burst.q.val().get_bits::<5>(32)) << 32)
            | bit_cast::<42, 32>(self.next_line.val());
        self.axi.awvalid.next = self.address.m.valid.val();
        self.address.m.ready.next = self.axi.awready.val();
        self.axi.awid.next = 0.into();
        self.axi.awaddr.next = self.address.m.data.val().get_bits::<64>(0);
        self.axi.awlen.next = self.address.m.data.val().get_bits::<8>(64);
        comment!("2^6 bytes a beat");
        self.axi.awsize.next = 6.into();
        comment!("INCR");
        self.axi.awburst.next = 1.into();

        comment!("Answers, in the order of the bursts.");
        self.lines.write_enable.next = self.load.val();
        self.lines.write_address.next = self.tail.q.val();
        self.lines.write_data.next = self.next_line.val();
        self.lines.read_address.next = self.head.q.val();
        self.more.next = self.owed.q.val();
        if self.load.val() {
            self.tail.d.next = self.tail.q.val() + 1;
            self.more.next = self.owed.q.val() + 1;
        }
        self.owed.d.next = self.more.val();
        self.axi.bready.next = true;
        if self.axi.bvalid.val() {
            self.head.d.next = self.head.q.val() + 1;
            self.owed.d.next = self.more.val() - 1;
        }
        self.failure.error.next = self.axi.bvalid.val() && self.axi.bresp.val().get_bit(1);
        self.failure.line.next = self.lines.read_data.val();
        self.failed.next = self.failure.failed.val();
        self.failed_address.next = self.failure.address.val();
        self.busy.next = self.next_full.q.val() || self.owed.q.val().any() || self.failure.pending.val();
        if self.reset.val() {
            self.next_full.d.next = false;
            self.active.d.next = false;
            self.full.d.next = false;
            self.head.d.next = 0.into();
            self.tail.d.next = 0.into();
            self.owed.d.next = 0.into();
        }
    }
    unit!("sgcn_write_port", N, M; LOG);
}
