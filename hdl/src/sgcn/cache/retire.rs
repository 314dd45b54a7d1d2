use crate::prelude::*;
use crate::stream::Fifo;

/// Answers those that wait for a line which has come: misses in the order in which their lines came, waiters in the order in
/// which they asked, one each time it may.
///
/// A miss is closed when its turn comes; in the next cycle its waiters are counted, and from the one after that they are offered.
/// With the first of them the line is to be written, if one of them wants it kept. The miss is released in the cycle after its last
/// waiter: the tags that were written with the first are seen from then on at the latest. So a miss with one waiter takes two cycles.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Retire<const S: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets all.
    pub reset: Signal<In, Bit>,
    /// Sets are hashed.
    pub hashed: Signal<In, Bit>,
    /// A miss begins.
    pub record: Signal<In, Bit>,
    /// Its number.
    pub record_mshr: Signal<In, Bits<6>>,
    /// Its line, without the low 4 bits of its address.
    pub record_line: Signal<In, Bits<28>>,
    /// A line has come.
    pub fill: Signal<In, Bit>,
    /// For this miss.
    pub fill_mshr: Signal<In, Bits<6>>,
    /// The miss `loading` is to be closed.
    pub close: Signal<Out, Bit>,
    /// The miss whose turn is next.
    pub loading: Signal<Out, Bits<6>>,
    /// Set of the next fill.
    pub ahead: Signal<Out, Bits<S>>,
    /// How many wait for `mshr`, modulo 16.
    pub count: Signal<In, Bits<4>>,
    /// One of them wants the line kept.
    pub keep: Signal<In, Bit>,
    /// A waiter is offered.
    pub want: Signal<Out, Bit>,
    /// It is answered in this cycle.
    pub take: Signal<In, Bit>,
    /// Its miss.
    pub mshr: Signal<Out, Bits<6>>,
    /// Its place among those that wait.
    pub place: Signal<Out, Bits<4>>,
    /// The line is to be kept, and this waiter is the first.
    pub write: Signal<Out, Bit>,
    /// The line.
    pub line: Signal<Out, Bits<28>>,
    /// Its set.
    pub set: Signal<Out, Bits<S>>,
    /// A miss is free again.
    pub drop: Signal<Out, Bit>,
    /// Its number.
    pub drop_mshr: Signal<Out, Bits<6>>,
    arrived: Fifo<6, 6, 7>,
    lines: Ram<6, 28>,
    next_full: Reg<Bit>,
    next_mshr: Reg<Bits<6>>,
    next_free: Signal<Local, Bit>,
    next_set: Signal<Local, Bits<S>>,
    full: Reg<Bit>,
    counted: Reg<Bit>,
    first: Reg<Bit>,
    keeps: Reg<Bit>,
    number: Reg<Bits<6>>,
    at: Reg<Bits<4>>,
    last: Reg<Bits<4>>,
    its_line: Reg<Bits<28>>,
    its_set: Reg<Bits<S>>,
    released: Reg<Bit>,
    released_mshr: Reg<Bits<6>>,
    finish: Signal<Local, Bit>,
    load: Signal<Local, Bit>,
}

impl<const S: usize> Logic for Retire<S> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, next_full, next_mshr, full, counted, first, keeps, number, at, last);
        dff_setup!(self, clock, its_line, its_set, released, released_mshr);
        clock!(self, clock, arrived, lines);
        self.arrived.reset.next = self.reset.val();
        self.arrived.s.valid.next = self.fill.val();
        self.arrived.s.data.next = self.fill_mshr.val();
        self.lines.write_enable.next = self.record.val();
        self.lines.write_address.next = self.record_mshr.val();
        self.lines.write_data.next = self.record_line.val();

        self.finish.next = self.take.val() && (self.at.q.val() == self.last.q.val());
        self.load.next = self.next_full.q.val() && (!self.full.q.val() || self.finish.val());
        self.next_free.next = !self.next_full.q.val() || self.load.val();

        comment!("The next one, whose line stands at the RAM.");
        self.arrived.m.ready.next = self.next_free.val();
        self.lines.read_address.next = self.next_mshr.q.val();
        if self.next_free.val() {
            self.next_full.d.next = self.arrived.m.valid.val();
            self.next_mshr.d.next = self.arrived.m.data.val();
            self.lines.read_address.next = self.arrived.m.data.val();
        }
        self.next_set.next = self.lines.read_data.val().get_bits::<S>(0);
        if self.hashed.val() {
            self.next_set.next = self.lines.read_data.val().get_bits::<S>(0)
                ^ self.lines.read_data.val().get_bits::<S>(9)
                ^ self.lines.read_data.val().get_bits::<S>(18);
        }
        self.close.next = self.load.val();
        self.loading.next = self.next_mshr.q.val();

        comment!("The one whose waiters are answered.");
        if self.full.q.val() && !self.counted.q.val() {
            self.counted.d.next = true;
            self.last.d.next = self.count.val() - 1;
            self.keeps.d.next = self.keep.val();
        }
        if self.take.val() {
            self.at.d.next = self.at.q.val() + 1;
            self.first.d.next = false;
        }
        if self.finish.val() {
            self.full.d.next = false;
            self.counted.d.next = false;
        }
        self.ahead.next = self.its_set.q.val();
        if self.load.val() {
            self.full.d.next = true;
            self.counted.d.next = false;
            self.first.d.next = true;
            self.at.d.next = 0.into();
            self.number.d.next = self.next_mshr.q.val();
            self.its_line.d.next = self.lines.read_data.val();
            self.its_set.d.next = self.next_set.val();
            self.ahead.next = self.next_set.val();
        }
        self.released.d.next = self.finish.val();
        self.released_mshr.d.next = self.number.q.val();

        self.want.next = self.counted.q.val();
        self.mshr.next = self.number.q.val();
        self.place.next = self.at.q.val();
        self.write.next = self.first.q.val() && self.keeps.q.val();
        self.line.next = self.its_line.q.val();
        self.set.next = self.its_set.q.val();
        self.drop.next = self.released.q.val();
        self.drop_mshr.next = self.released_mshr.q.val();
        if self.reset.val() {
            self.next_full.d.next = false;
            self.full.d.next = false;
            self.counted.d.next = false;
            self.released.d.next = false;
        }
    }
    unit!("sgcn_retire", S);
}
