use crate::prelude::*;
use crate::stream::Fifo;

/// The 64 misses of a bank that are on their way: which line each is for, and how many wait for it.
///
/// A miss is *live* from `allocate` to `drop`, and *open*, which is to say that one may join, from `allocate` to `close`. Those
/// that may join in the same cycle as `close` do. Counts and flags lie in planes, a word of 64 bits each, a miss a bit.
#[derive(Clone, Debug, LogicBlock)]
pub struct Mshrs {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets all; then `sweep` must give it the numbers.
    pub reset: Signal<In, Bit>,
    /// Adds `sweep_number` to the free ones; not along with `drop`.
    pub sweep: Signal<In, Bit>,
    /// 0 to 63, each once after a reset.
    pub sweep_number: Signal<In, Bits<6>>,
    /// The line that is asked for, without the low 4 bits of its address.
    pub line: Signal<In, Bits<28>>,
    /// Who asks wants the line kept.
    pub ordinary: Signal<In, Bit>,
    /// A live miss is for this line.
    pub found: Signal<Out, Bit>,
    /// That one is open.
    pub open: Signal<Out, Bit>,
    /// 16 wait for it already.
    pub crowded: Signal<Out, Bit>,
    /// Its number.
    pub index: Signal<Out, Bits<6>>,
    /// The next waiter's place.
    pub place: Signal<Out, Bits<4>>,
    /// One more waits for the one that is found.
    pub append: Signal<In, Bit>,
    /// There is a free one.
    pub available: Signal<Out, Bit>,
    /// Its number.
    pub fresh: Signal<Out, Bits<6>>,
    /// It is taken for this line, with one that waits.
    pub allocate: Signal<In, Bit>,
    /// Nobody may join this one any more.
    pub close: Signal<In, Bit>,
    /// Which.
    pub close_index: Signal<In, Bits<6>>,
    /// About which to tell.
    pub query: Signal<In, Bits<6>>,
    /// How many wait for it, modulo 16.
    pub query_count: Signal<Out, Bits<4>>,
    /// One of them wants the line kept.
    pub query_keep: Signal<Out, Bit>,
    /// This one is free again.
    pub drop: Signal<In, Bit>,
    /// Which.
    pub drop_index: Signal<In, Bits<6>>,
    /// None is live.
    pub idle: Signal<Out, Bit>,
    live: Reg<Bits<64>>,
    opened: Reg<Bits<64>>,
    keep: Reg<Bits<64>>,
    count: [Reg<Bits<64>>; 5],
    lines: [Reg<Bits<28>>; 64],
    free: Fifo<6, 6, 7>,
    matches: Pack<64, 1, 64>,
    number: Pack<6, 1, 6>,
    next_place: Pack<4, 1, 4>,
    asked_count: Pack<4, 1, 4>,
    one: Constant<Bits<64>>,
    /// Misses whose number has this bit.
    mask: [Constant<Bits<64>>; 6],
    chosen: Signal<Local, Bits<64>>,
    added: Signal<Local, Bits<64>>,
    closed: Signal<Local, Bits<64>>,
    released: Signal<Local, Bits<64>>,
    asked: Signal<Local, Bits<64>>,
    joined: Signal<Local, Bits<64>>,
    keeping: Signal<Local, Bits<64>>,
    /// Misses whose count changes in this bit.
    carry: [Signal<Local, Bits<64>>; 5],
}

impl Default for Mshrs {
    fn default() -> Self {
        let masks: [u64; 6] =
            std::array::from_fn(|bit| (0..64).filter(|n| n >> bit & 1 == 1).fold(0, |mask, n| mask | 1 << n));
        Mshrs {
            clock: Signal::default(),
            reset: Signal::default(),
            sweep: Signal::default(),
            sweep_number: Signal::default(),
            line: Signal::default(),
            ordinary: Signal::default(),
            found: Signal::default(),
            open: Signal::default(),
            crowded: Signal::default(),
            index: Signal::default(),
            place: Signal::default(),
            append: Signal::default(),
            available: Signal::default(),
            fresh: Signal::default(),
            allocate: Signal::default(),
            close: Signal::default(),
            close_index: Signal::default(),
            query: Signal::default(),
            query_count: Signal::default(),
            query_keep: Signal::default(),
            drop: Signal::default(),
            drop_index: Signal::default(),
            idle: Signal::default(),
            live: Reg::default(),
            opened: Reg::default(),
            keep: Reg::default(),
            count: std::array::from_fn(|_| Reg::default()),
            lines: std::array::from_fn(|_| Reg::default()),
            free: Fifo::default(),
            matches: Pack::default(),
            number: Pack::default(),
            next_place: Pack::default(),
            asked_count: Pack::default(),
            one: Constant::new(1.into()),
            mask: masks.map(|mask| Constant::new(mask.into())),
            chosen: Signal::default(),
            added: Signal::default(),
            closed: Signal::default(),
            released: Signal::default(),
            asked: Signal::default(),
            joined: Signal::default(),
            keeping: Signal::default(),
            carry: std::array::from_fn(|_| Signal::default()),
        }
    }
}

impl Logic for Mshrs {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, live, opened, keep);
        for bit in 0..5 {
            self.count[bit].clock.next = self.clock.val();
        }
        for i in 0..64 {
            self.lines[i].clock.next = self.clock.val();
            self.lines[i].d.next = self.lines[i].q.val();
            self.matches.x[i].next = (self.lines[i].q.val() == self.line.val()).into();
        }
        clock!(self, clock, free);
        self.free.reset.next = self.reset.val();
        self.free.s.valid.next = self.sweep.val() || self.drop.val();
        self.free.s.data.next = self.drop_index.val();
        if self.sweep.val() {
            self.free.s.data.next = self.sweep_number.val();
        }
        self.free.m.ready.next = self.allocate.val();
        self.available.next = self.free.m.valid.val();
        self.fresh.next = self.free.m.data.val();
        self.idle.next = self.free.fill.val().get_bit(6);

        self.chosen.next = self.matches.packed.val() & self.live.q.val();
        self.found.next = self.chosen.val().any();
        self.open.next = (self.chosen.val() & self.opened.q.val()).any();
        self.crowded.next = (self.chosen.val() & self.count[4].q.val()).any();
        self.added.next = 0.into();
        if self.allocate.val() {
            self.added.next = self.one.val() << self.free.m.data.val();
            for i in 0..64 {
                if self.added.val().get_bit(i) {
                    self.lines[i].d.next = self.line.val();
                }
            }
        }
        self.joined.next = 0.into();
        if self.append.val() {
            self.joined.next = self.chosen.val();
        }
        self.closed.next = 0.into();
        if self.close.val() {
            self.closed.next = self.one.val() << self.close_index.val();
        }
        self.released.next = 0.into();
        if self.drop.val() {
            self.released.next = self.one.val() << self.drop_index.val();
        }
        self.live.d.next = (self.live.q.val() | self.added.val()) & !self.released.val();
        self.opened.d.next = (self.opened.q.val() | self.added.val()) & !self.closed.val();
        self.keeping.next = 0.into();
        if self.ordinary.val() {
            self.keeping.next = self.added.val() | self.joined.val();
        }
        self.keep.d.next = (self.keep.q.val() & !self.added.val()) | self.keeping.val();

        comment!("A new one counts 1; one that is joined counts up.");
        self.carry[0].next = self.joined.val();
        self.count[0].d.next = (self.count[0].q.val() ^ self.joined.val()) | self.added.val();
        for bit in 1..5 {
            self.carry[bit].next = self.carry[bit - 1].val() & self.count[bit - 1].q.val();
            self.count[bit].d.next = (self.count[bit].q.val() ^ self.carry[bit].val()) & !self.added.val();
        }

        self.asked.next = self.one.val() << self.query.val();
        self.query_keep.next = (self.keep.q.val() & self.asked.val()).any();
        for bit in 0..6 {
            self.number.x[bit].next = (self.chosen.val() & self.mask[bit].val()).any().into();
        }
        for bit in 0..4 {
            self.next_place.x[bit].next = (self.chosen.val() & self.count[bit].q.val()).any().into();
            self.asked_count.x[bit].next = (self.asked.val() & self.count[bit].q.val()).any().into();
        }
        self.index.next = self.number.packed.val();
        self.place.next = self.next_place.packed.val();
        self.query_count.next = self.asked_count.packed.val();
        if self.reset.val() {
            self.live.d.next = 0.into();
            self.opened.d.next = 0.into();
        }
    }
    unit!("sgcn_mshrs");
}
