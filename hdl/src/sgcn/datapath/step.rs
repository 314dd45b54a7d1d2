use super::Lane;
use crate::prelude::*;
use crate::stream::StreamIn;

/// Cycles for which an operation's segments are busy.
const BUSY: usize = Lane::HOLD - 1;
/// The last of them.
const LAST: usize = BUSY - 1;

/// Issues operations: the one step that has to be done in a cycle.
///
/// An operation goes when the lines of its values are at hand and no operation on its segments of its context is under way. Its
/// values are the next ones of the record. It does not wait for the operation before it where both are of one record, for then no lane
/// takes part in both: the segment stays busy for the later one, and the end of the earlier one's time passes over it.
///
/// Of the lines it knows only whether they are there and where the next value lies:
/// [`super::Gather`] has them, in two registers, the line in use and the next.
///
/// In cycles without an operation [`super::Drain`] has the slot, and first if it is `urgent`.
///
/// Faults: a record with other lines than its values fill, and whatever is marked bad. After one, operations pass without lines and
/// without effect, but for the ends of rows.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Step {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets lines, what is under way and the fault.
    pub reset: Signal<In, Bit>,
    /// Operations of [`super::Ranks`].
    pub s: StreamIn<224>,
    /// A line is offered to [`super::Gather`].
    pub line_valid: Signal<In, Bit>,
    /// It is taken.
    pub line_ready: Signal<Out, Bit>,
    /// The line in use gives way.
    pub load: Signal<Out, Bit>,
    /// To the next one, not to the one offered.
    pub shift: Signal<Out, Bit>,
    /// The next one is taken from what is offered.
    pub load_next: Signal<Out, Bit>,
    /// Word of the line in use with the first value.
    pub position: Signal<Out, Bits<4>>,
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
    /// The lanes that take part in what is issued.
    pub lanes: Signal<Out, Bits<16>>,
    /// Those that do so in the upper segment.
    pub half: Signal<Out, Bits<16>>,
    /// Context and window.
    pub place: Signal<Out, Bits<7>>,
    /// A row's last operation goes.
    pub ended: Signal<Out, Bit>,
    /// An operation is issued.
    pub op: Signal<Out, Bit>,
    /// It waits for one before it.
    pub hazard: Signal<Out, Bit>,
    /// It waits for a line.
    pub starved: Signal<Out, Bit>,
    /// There was a fault.
    pub fault: Signal<Out, Bit>,
    /// Its row.
    pub fault_row: Signal<Out, Bits<31>>,
    item: Signal<Local, Bits<224>>,
    spot: Signal<Local, Bits<7>>,
    begins: Signal<Local, Bit>,
    ends: Signal<Local, Bit>,
    /// It uses no lines.
    dull: Signal<Local, Bit>,
    at: Reg<Bits<4>>,
    from: Signal<Local, Bits<4>>,
    sum: Signal<Local, Bits<5>>,
    over: Signal<Local, Bit>,
    /// Lines of the record that are not used up.
    left: Reg<Bits<5>>,
    lines: Signal<Local, Bits<5>>,
    wrong: Signal<Local, Bit>,
    have: Signal<Local, Bit>,
    low: Signal<Local, Bit>,
    high: Signal<Local, Bit>,
    again: Signal<Local, Bit>,
    low_busy: Reg<Bits<128>>,
    high_busy: Reg<Bits<128>>,
    blocked: Signal<Local, Bit>,
    able: Signal<Local, Bit>,
    goes: Signal<Local, Bit>,
    drains: Signal<Local, Bit>,
    works: Signal<Local, Bit>,
    full: Reg<Bit>,
    next_full: Reg<Bit>,
    spent: Signal<Local, Bit>,
    both_spent: Signal<Local, Bit>,
    keeps: Signal<Local, Bit>,
    moves: Signal<Local, Bit>,
    one: Signal<Local, Bits<128>>,
    issue_place: Signal<Local, Bits<7>>,
    issue_low: Signal<Local, Bit>,
    issue_high: Signal<Local, Bit>,
    under_way: Delay<9, BUSY>,
    over_place: Signal<Local, Bits<7>>,
    /// How long ago the last operation was issued, a bit a cycle, as `under_way` has it.
    age: Reg<Bits<BUSY>>,
    /// Those under way that another one of their record followed on the same segment.
    followed: Reg<Bits<BUSY>>,
    follows: Signal<Local, Bits<BUSY>>,
    ends_now: Signal<Local, Bit>,
    low_left: Signal<Local, Bits<128>>,
    high_left: Signal<Local, Bits<128>>,
    set: Signal<Local, Bits<128>>,
    clear: Signal<Local, Bits<128>>,
    failed: Reg<Bit>,
    failed_row: Reg<Bits<31>>,
}

impl Logic for Step {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, at, left, low_busy, high_busy, age, followed, full, next_full, failed, failed_row);
        clock!(self, clock, under_way);
        self.item.next = self.s.data.val();
        self.spot.next = (bit_cast::<7, 4>(self.item.val().get_bits::<4>(128)) << 3)
            | bit_cast::<7, 3>(self.item.val().get_bits::<3>(132));
        self.begins.next = self.item.val().get_bit(148);
        self.ends.next = self.item.val().get_bit(149);
        self.dull.next = self.item.val().get_bit(150) || self.failed.q.val();

        comment!("The values, and the lines in which they lie.");
        self.from.next = self.at.q.val();
        self.lines.next = self.left.q.val();
        if self.begins.val() {
            self.from.next = self.item.val().get_bits::<4>(135);
            self.lines.next = self.item.val().get_bits::<5>(139);
        }
        self.sum.next = bit_cast::<5, 4>(self.from.val()) + self.item.val().get_bits::<5>(152);
        self.over.next = self.sum.val().get_bit(4) && self.sum.val().get_bits::<4>(0).any();
        self.position.next = self.from.val();
        self.wrong.next = !self.lines.val().any() || self.item.val().get_bit(151);
        if self.over.val() {
            if (self.lines.val() == 1) || (self.ends.val() && (self.lines.val() != 2)) {
                self.wrong.next = true;
            }
        } else if self.ends.val() && (self.lines.val() != 1) {
            self.wrong.next = true;
        }
        if self.dull.val() {
            self.wrong.next = false;
        }
        self.have.next = self.dull.val() || (self.full.q.val() && (!self.over.val() || self.next_full.q.val()));

        comment!("What is under way.");
        self.low.next = self.item.val().get_bit(157) && !self.dull.val();
        self.high.next = self.item.val().get_bit(158) && !self.dull.val();
        self.again.next = self.item.val().get_bit(159);
        self.blocked.next = !self.again.val()
            && ((self.low.val() && self.low_busy.q.val().get_bit(self.spot.val().index()))
                || (self.high.val() && self.high_busy.q.val().get_bit(self.spot.val().index())));
        self.able.next = self.s.valid.val() && !self.wrong.val() && self.have.val() && !self.blocked.val();
        self.goes.next = self.able.val() && !(self.drain_urgent.val() && self.drain_want.val());
        self.drains.next = self.drain_want.val() && !self.goes.val();
        self.works.next = self.goes.val() && (self.low.val() || self.high.val());
        self.s.ready.next = self.goes.val();
        self.drain_taken.next = self.drains.val();
        self.ended.next = self.goes.val() && self.ends.val() && self.item.val().get_bit(95);

        comment!("What is issued.");
        self.lanes.next = 0.into();
        self.half.next = self.item.val().get_bits::<16>(112);
        self.issue_place.next = self.spot.val();
        self.issue_low.next = self.works.val() && self.low.val();
        self.issue_high.next = self.works.val() && self.high.val();
        if self.works.val() {
            self.lanes.next = self.item.val().get_bits::<16>(96) | self.item.val().get_bits::<16>(112);
        }
        if self.drains.val() {
            self.lanes.next = 0xffff.into();
            self.half.next = 0.into();
            if self.drain_half.val() {
                self.half.next = 0xffff.into();
            }
            self.issue_place.next = self.drain_place.val();
            self.issue_low.next = !self.drain_half.val();
            self.issue_high.next = self.drain_half.val();
        }
        self.place.next = self.issue_place.val();
        self.under_way.d.next = (bit_cast::<9, 7>(self.issue_place.val()) << 2)
            | (bit_cast::<9, 1>(self.issue_high.val().into()) << 1)
            | bit_cast::<9, 1>(self.issue_low.val().into());
        self.over_place.next = self.under_way.q.val().get_bits::<7>(2);
        self.one.next = 1.into();
        self.set.next = self.one.val() << self.issue_place.val();
        self.clear.next = self.one.val() << self.over_place.val();
        self.follows.next = self.followed.q.val();
        if self.works.val() && self.again.val() {
            self.follows.next = self.followed.q.val() | self.age.q.val();
        }
        self.followed.d.next = self.follows.val() << 1;
        self.age.d.next = self.age.q.val() << 1;
        if self.works.val() {
            self.age.d.next = 1.into();
        }
        self.ends_now.next = !self.followed.q.val().get_bit(LAST);
        self.low_left.next = self.low_busy.q.val();
        if self.under_way.q.val().get_bit(0) && self.ends_now.val() {
            self.low_left.next = self.low_busy.q.val() & !self.clear.val();
        }
        self.high_left.next = self.high_busy.q.val();
        if self.under_way.q.val().get_bit(1) && self.ends_now.val() {
            self.high_left.next = self.high_busy.q.val() & !self.clear.val();
        }
        self.low_busy.d.next = self.low_left.val();
        if self.issue_low.val() {
            self.low_busy.d.next = self.low_left.val() | self.set.val();
        }
        self.high_busy.d.next = self.high_left.val();
        if self.issue_high.val() {
            self.high_busy.d.next = self.high_left.val() | self.set.val();
        }

        comment!("The two lines. A record that ends leaves none behind.");
        self.spent.next = self.goes.val() && !self.dull.val() && (self.sum.val().get_bit(4) || self.ends.val());
        self.both_spent.next = self.spent.val() && self.ends.val() && self.over.val();
        self.keeps.next = self.full.q.val() && !self.spent.val();
        self.moves.next = !self.keeps.val() && self.next_full.q.val() && !self.both_spent.val();
        self.load.next = !self.keeps.val();
        self.shift.next = self.moves.val();
        self.load_next.next = self.moves.val() || (self.keeps.val() && !self.next_full.q.val());
        self.line_ready.next = !(self.keeps.val() && self.next_full.q.val());
        self.full.d.next = self.keeps.val() || self.moves.val() || self.line_valid.val();
        self.next_full.d.next = (self.keeps.val() && (self.next_full.q.val() || self.line_valid.val()))
            || (self.moves.val() && self.line_valid.val());
        if self.goes.val() && !self.dull.val() {
            self.at.d.next = self.sum.val().get_bits::<4>(0);
            self.left.d.next = self.lines.val();
            if self.spent.val() {
                self.left.d.next = self.lines.val() - 1;
            }
        }

        self.op.next = self.works.val();
        self.hazard.next = self.s.valid.val() && self.have.val() && self.blocked.val();
        self.starved.next = self.s.valid.val() && !self.have.val();
        if self.s.valid.val() && self.wrong.val() && !self.failed.q.val() {
            self.failed.d.next = true;
            self.failed_row.d.next = self.item.val().get_bits::<31>(64);
        }
        self.fault.next = self.failed.q.val();
        self.fault_row.next = self.failed_row.q.val();
        if self.reset.val() {
            self.low_busy.d.next = 0.into();
            self.high_busy.d.next = 0.into();
            self.age.d.next = 0.into();
            self.followed.d.next = 0.into();
            self.full.d.next = false;
            self.next_full.d.next = false;
            self.failed.d.next = false;
            self.failed_row.d.next = 0.into();
        }
    }
    unit!("sgcn_step"; LAST);
}
