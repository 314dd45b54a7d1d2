use super::{Mshrs, Plru, Retire, Tags};
use crate::prelude::*;
use crate::stream::{Credit, Fifo, Skid, StreamIn, StreamOut};

/// One of 16 banks of the cache: `2^S` sets of 16 lines of 64 bytes, `A = S + 4`, and 64 misses on their way with up to 16 requests
/// waiting for each.
///
/// ```text
/// s ── Skid ── Tags ─┬─ hit: data RAM ──────────────────────────┬─ Fifo ── m
///                    └─ Mshrs ── misses ── miss  fill ── Retire ─┘
/// ```
///
/// One request a cycle; every request is answered once, in any order. A request is compared with tags and misses in one cycle, and
/// goes on, joins, begins a miss, or is compared again. The answers of hits and of lines that came share one way out, two cycles
/// behind the compare: a place in the buffer is taken before anything is read, and where both want the way it is the other's turn.
///
/// A line's tag is written in the cycle `t` of its first waiter's turn, its data at `t + 2`: who was compared until `t + 1` saw the
/// old tags and reads the data RAM until `t + 2`, which gives the old word. A fill is always taken. After a reset `s` waits for 64
/// cycles, in which the tags are emptied.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Bank<const S: usize, const A: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets requests and lines; only for when no miss is outstanding.
    pub reset: Signal<In, Bit>,
    /// The set is a hash of the address, not a part of it; stable from the reset on.
    pub hashed: Signal<In, Bit>,
    /// Requests: engine 4, noalloc 1, tag 11, line address 32.
    pub s: StreamIn<48>,
    /// Responses: engine 4, tag 11, data 512.
    pub m: StreamOut<527>,
    /// Lines to fetch: number of the miss 6, line address 32.
    pub miss: StreamOut<38>,
    /// A line comes.
    pub fill: Signal<In, Bit>,
    /// For this miss.
    pub fill_mshr: Signal<In, Bits<6>>,
    /// The line.
    pub fill_data: Signal<In, Bits<512>>,
    /// Requests are inside, or the tags are not empty yet.
    pub busy: Signal<Out, Bit>,
    /// A request hits in this cycle.
    pub hit: Signal<Out, Bit>,
    /// A request begins a miss.
    pub missed: Signal<Out, Bit>,
    /// A request joins a miss.
    pub merged: Signal<Out, Bit>,
    /// A request is compared and does none of the three.
    pub stalled: Signal<Out, Bit>,
    skid: Skid<48>,
    tags: Tags<S>,
    plru: Plru<S>,
    mshrs: Mshrs,
    retire: Retire<S>,
    waiters: Ram<10, 15>,
    misses: Fifo<38, 6, 7>,
    fills: Ram<6, 512>,
    data: Ram<A, 512>,
    credit: Credit<5, 16>,
    out: Fifo<527, 4, 5>,
    /// Cycles since the reset, 64 at most.
    swept: Reg<Bits<7>>,
    sweeping: Signal<Local, Bit>,
    /// The request that is compared.
    full: Reg<Bit>,
    request: Reg<Bits<48>>,
    set: Reg<Bits<S>>,
    set_in: Signal<Local, Bits<S>>,
    ahead: Signal<Local, Bits<S>>,
    who: Signal<Local, Bits<15>>,
    /// It is a waiter's turn; it was.
    turn: Signal<Local, Bit>,
    turned: Reg<Bit>,
    hits: Signal<Local, Bit>,
    joins: Signal<Local, Bit>,
    begins: Signal<Local, Bit>,
    done: Signal<Local, Bit>,
    advance: Signal<Local, Bit>,
    /// The answer that reads data RAM or fill buffer.
    two: Reg<Bit>,
    two_fill: Reg<Bit>,
    two_write: Reg<Bit>,
    two_address: Reg<Bits<A>>,
    two_who: Reg<Bits<15>>,
    two_mshr: Reg<Bits<6>>,
    /// The answer that is put into the buffer.
    three: Reg<Bit>,
    three_fill: Reg<Bit>,
    three_write: Reg<Bit>,
    three_address: Reg<Bits<A>>,
    three_who: Reg<Bits<15>>,
    beat: Signal<Local, Bits<512>>,
}

impl<const S: usize, const A: usize> Logic for Bank<S, A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, swept, full, request, set, turned, two, two_fill, two_write, two_address, two_who);
        dff_setup!(self, clock, two_mshr, three, three_fill, three_write, three_address, three_who);
        clock!(self, clock, skid, tags, plru, mshrs, retire, waiters, misses, fills, data, credit, out);
        self.skid.reset.next = self.reset.val();
        self.mshrs.reset.next = self.reset.val();
        self.retire.reset.next = self.reset.val();
        self.misses.reset.next = self.reset.val();
        self.credit.reset.next = self.reset.val();
        self.out.reset.next = self.reset.val();

        comment!("After a reset: empty the tags, hand out the numbers of misses.");
        self.sweeping.next = !self.swept.q.val().get_bit(6);
        if self.sweeping.val() {
            self.swept.d.next = self.swept.q.val() + 1;
        }
        self.mshrs.sweep.next = self.sweeping.val();
        self.mshrs.sweep_number.next = self.swept.q.val().get_bits::<6>(0);
        self.tags.clear.next = self.sweeping.val();
        self.plru.clear.next = self.sweeping.val();
        self.plru.clear_set.next = self.swept.q.val().get_bits::<S>(0);
        self.s.ready.next = self.skid.s.ready.val() && !self.sweeping.val();
        self.skid.s.valid.next = self.s.valid.val() && !self.sweeping.val();
        self.skid.s.data.next = self.s.data.val();

        comment!("The next request.");
        self.set_in.next = self.skid.m.data.val().get_bits::<S>(4);
        if self.hashed.val() {
            self.set_in.next = self.skid.m.data.val().get_bits::<S>(4)
                ^ self.skid.m.data.val().get_bits::<S>(13)
                ^ self.skid.m.data.val().get_bits::<S>(22);
        }

        comment!("The request that is compared, and who may answer.");
        self.who.next = (bit_cast::<15, 4>(self.request.q.val().get_bits::<4>(44)) << 11)
            | bit_cast::<15, 11>(self.request.q.val().get_bits::<11>(32));
        self.tags.line.next = self.request.q.val().get_bits::<28>(4);
        self.mshrs.line.next = self.request.q.val().get_bits::<28>(4);
        self.mshrs.ordinary.next = !self.request.q.val().get_bit(43);
        self.turn.next =
            self.retire.want.val() && self.credit.available.val().any() && (!self.turned.q.val() || !self.full.q.val());
        self.turned.d.next = self.turn.val();
        self.hits.next =
            self.full.q.val() && self.tags.hit.val() && self.credit.available.val().any() && !self.turn.val();
        self.joins.next = self.full.q.val()
            && !self.tags.hit.val()
            && self.mshrs.found.val()
            && self.mshrs.open.val()
            && !self.mshrs.crowded.val();
        self.begins.next =
            self.full.q.val() && !self.tags.hit.val() && !self.mshrs.found.val() && self.mshrs.available.val();
        self.done.next = self.hits.val() || self.joins.val() || self.begins.val();
        self.advance.next = self.done.val() || !self.full.q.val();
        self.ahead.next = self.set.q.val();
        self.skid.m.ready.next = self.advance.val();
        if self.advance.val() {
            self.full.d.next = self.skid.m.valid.val();
            self.request.d.next = self.skid.m.data.val();
            self.set.d.next = self.set_in.val();
            self.ahead.next = self.set_in.val();
        }
        self.tags.ahead.next = self.ahead.val();
        self.plru.touch_ahead.next = self.ahead.val();
        self.plru.touch_set.next = self.set.q.val();
        self.plru.touch.next = self.hits.val();
        self.plru.touch_way.next = self.tags.way.val();

        comment!("Misses.");
        self.mshrs.append.next = self.joins.val();
        self.mshrs.allocate.next = self.begins.val();
        self.waiters.write_enable.next = self.joins.val() || self.begins.val();
        self.waiters.write_address.next =
            (bit_cast::<10, 6>(self.mshrs.index.val()) << 4) | bit_cast::<10, 4>(self.mshrs.place.val());
        if self.begins.val() {
            self.waiters.write_address.next = bit_cast::<10, 6>(self.mshrs.fresh.val()) << 4;
        }
        self.waiters.write_data.next = self.who.val();
        self.misses.s.valid.next = self.begins.val();
        self.misses.s.data.next = (bit_cast::<38, 6>(self.mshrs.fresh.val()) << 32)
            | bit_cast::<38, 32>(self.request.q.val().get_bits::<32>(0));
        StreamOut::<38>::link(&mut self.miss, &mut self.misses.m);
        self.retire.hashed.next = self.hashed.val();
        self.retire.record.next = self.begins.val();
        self.retire.record_mshr.next = self.mshrs.fresh.val();
        self.retire.record_line.next = self.request.q.val().get_bits::<28>(4);

        comment!("Lines that came.");
        self.fills.write_enable.next = self.fill.val();
        self.fills.write_address.next = self.fill_mshr.val();
        self.fills.write_data.next = self.fill_data.val();
        self.retire.fill.next = self.fill.val();
        self.retire.fill_mshr.next = self.fill_mshr.val();
        self.mshrs.close.next = self.retire.close.val();
        self.mshrs.close_index.next = self.retire.loading.val();
        self.mshrs.query.next = self.retire.mshr.val();
        self.retire.count.next = self.mshrs.query_count.val();
        self.retire.keep.next = self.mshrs.query_keep.val();
        self.mshrs.drop.next = self.retire.drop.val();
        self.mshrs.drop_index.next = self.retire.drop_mshr.val();
        self.retire.take.next = self.turn.val();
        self.waiters.read_address.next =
            (bit_cast::<10, 6>(self.retire.mshr.val()) << 4) | bit_cast::<10, 4>(self.retire.place.val());
        self.plru.fill_ahead.next = self.retire.ahead.val();
        self.plru.fill_set.next = self.retire.set.val();
        self.plru.fill.next = self.turn.val() && self.retire.write.val();
        self.tags.write.next = self.turn.val() && self.retire.write.val();
        self.tags.write_set.next = self.retire.set.val();
        if self.sweeping.val() {
            self.tags.write_set.next = self.swept.q.val().get_bits::<S>(0);
        }
        self.tags.write_way.next = self.plru.victim.val();
        self.tags.write_line.next = self.retire.line.val();

        comment!("The way out.");
        self.two.d.next = self.turn.val() || self.hits.val();
        self.two_fill.d.next = self.turn.val();
        self.two_write.d.next = self.turn.val() && self.retire.write.val();
        self.two_who.d.next = self.who.val();
        self.two_mshr.d.next = self.retire.mshr.val();
        self.two_address.d.next = (bit_cast::<A, S>(self.set.q.val()) << 4) | bit_cast::<A, 4>(self.tags.way.val());
        if self.turn.val() {
            self.two_address.d.next =
                (bit_cast::<A, S>(self.retire.set.val()) << 4) | bit_cast::<A, 4>(self.plru.victim.val());
        }
        self.data.read_address.next = self.two_address.q.val();
        self.fills.read_address.next = self.two_mshr.q.val();
        self.three.d.next = self.two.q.val();
        self.three_fill.d.next = self.two_fill.q.val();
        self.three_write.d.next = self.two_write.q.val();
        self.three_address.d.next = self.two_address.q.val();
        self.three_who.d.next = self.two_who.q.val();
        if self.two_fill.q.val() {
            self.three_who.d.next = self.waiters.read_data.val();
        }
        self.data.write_enable.next = self.three_write.q.val();
        self.data.write_address.next = self.three_address.q.val();
        self.data.write_data.next = self.fills.read_data.val();
        self.beat.next = self.data.read_data.val();
        if self.three_fill.q.val() {
            self.beat.next = self.fills.read_data.val();
        }
        self.out.s.valid.next = self.three.q.val();
        self.out.s.data.next =
            (bit_cast::<527, 15>(self.three_who.q.val()) << 512) | bit_cast::<527, 512>(self.beat.val());
        StreamOut::<527>::link(&mut self.m, &mut self.out.m);
        self.credit.take.next = self.turn.val() || self.hits.val();
        self.credit.amount.next = 1.into();
        self.credit.give.next = self.out.m.valid.val() && self.m.ready.val();

        comment!("A full credit says that no answer is on its way.");
        self.busy.next = self.sweeping.val()
            || self.skid.m.valid.val()
            || self.full.q.val()
            || !self.mshrs.idle.val()
            || !self.credit.available.val().get_bit(4);
        self.hit.next = self.hits.val();
        self.missed.next = self.begins.val();
        self.merged.next = self.joins.val();
        self.stalled.next = self.full.q.val() && !self.done.val();
        if self.reset.val() {
            self.swept.d.next = 0.into();
            self.full.d.next = false;
            self.turned.d.next = false;
            self.two.d.next = false;
            self.two_write.d.next = false;
            self.three.d.next = false;
            self.three_write.d.next = false;
        }
    }
    unit!("sgcn_bank", S; A);
}
