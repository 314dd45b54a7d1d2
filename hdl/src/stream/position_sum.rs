use crate::prelude::*;

/// `b = sum * beats * 2^LEVELS - after` modulo 2^64: from each word times the words after it to each word times its position,
/// counted from 1.
///
/// The product is made once a run, a bit of `beats` a cycle, the highest first: double what there is, and add `sum` where the
/// bit is set. The last doubling takes `after` away. So one adder does it all, in halves of 32 bits, the upper a cycle after
/// the lower. `LEVELS` is at least 1: the last doubling belongs to no bit of `beats`.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct PositionSum<const LEVELS: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets a result or stops work on it.
    pub clear: Signal<In, Bit>,
    /// Begins: from the next cycle on `beats` and the lower half of `sum` stand, a cycle later the upper half, and `after`
    /// within 60.
    pub finish: Signal<In, Bit>,
    /// See [`super::RunningSums::sum`].
    pub sum: Signal<In, Bits<64>>,
    /// See [`super::RunningSums::after`].
    pub after: Signal<In, Bits<64>>,
    /// See [`super::RunningSums::beats`].
    pub beats: Signal<In, Bits<32>>,
    /// The result.
    pub b: Signal<Out, Bits<64>>,
    /// The result stands.
    pub done: Signal<Out, Bit>,
    working: Reg<Bit>,
    working_1: Reg<Bit>,
    done_r: Reg<Bit>,
    step: Reg<Bits<6>>,
    last: Signal<Local, Bit>,
    last_1: Reg<Bit>,
    factor: Signal<Local, Bits<64>>,
    padded_beats: Signal<Local, Bits<64>>,
    /// The number of the bit after this one.
    coming: Signal<Local, Bits<6>>,
    /// Chosen a cycle ahead. The first one is 0: `beats * 2^LEVELS` has at most 36 bits.
    bit: Reg<Bits<1>>,
    bit_1: Reg<Bits<1>>,
    /// The 33rd bit is the carry into the upper half.
    low: Reg<Bits<33>>,
    /// The bit that doubling moves into the upper half.
    moved: Reg<Bits<1>>,
    high: Reg<Bits<32>>,
    low_doubled: Signal<Local, Bits<32>>,
    low_addend: Signal<Local, Bits<32>>,
    high_addend: Signal<Local, Bits<32>>,
    upper: Signal<Local, Bits<33>>,
}

impl<const LEVELS: usize> PositionSum<LEVELS> {
    /// Cycles from `finish` to `done`.
    pub const LATENCY: usize = 66;
}

impl<const LEVELS: usize> Logic for PositionSum<LEVELS> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, working, working_1, done_r, step, last_1, bit, bit_1, low, moved, high);
        self.padded_beats.next = bit_cast::<64, 32>(self.beats.val()) << 32;
        self.factor.next = self.padded_beats.val().get_bits::<64>(32 - LEVELS);
        self.coming.next = self.step.q.val() - 1;
        self.bit.d.next = 0.into();
        if self.working.q.val() {
            self.bit.d.next = self.factor.val().get_bits::<1>(self.coming.val().index());
        }
        self.last.next = !self.step.q.val().any();
        self.bit_1.d.next = self.bit.q.val();
        self.last_1.d.next = self.last.val();
        self.working_1.d.next = self.working.q.val();

        if self.working.q.val() {
            self.step.d.next = self.step.q.val() - 1;
        }
        if self.working.q.val() & self.last.val() {
            self.working.d.next = false;
        }
        if self.finish.val() {
            self.working.d.next = true;
            self.step.d.next = 63.into();
        }
        if self.working_1.q.val() & self.last_1.q.val() {
            self.done_r.d.next = true;
        }

        // Taking away is adding the complement and one: the one has its place below what was doubled.
        self.low_doubled.next =
            (bit_cast::<32, 31>(self.low.q.val().get_bits::<31>(0)) << 1) | bit_cast::<32, 1>(self.last.val().into());
        self.low_addend.next = 0.into();
        if self.bit.q.val().any() {
            self.low_addend.next = self.sum.val().get_bits::<32>(0);
        }
        if self.last.val() {
            self.low_addend.next = !self.after.val().get_bits::<32>(0);
        }
        if self.working.q.val() {
            self.low.d.next = bit_cast::<33, 32>(self.low_doubled.val()) + bit_cast::<33, 32>(self.low_addend.val());
        }
        self.moved.d.next = self.low.q.val().get_bits::<1>(31);

        self.high_addend.next = 0.into();
        if self.bit_1.q.val().any() {
            self.high_addend.next = self.sum.val().get_bits::<32>(32);
        }
        if self.last_1.q.val() {
            self.high_addend.next = !self.after.val().get_bits::<32>(32);
        }
        // A one below the lowest bit lets the carry in.
        self.upper.next = ((bit_cast::<33, 31>(self.high.q.val().get_bits::<31>(0)) << 2)
            | (bit_cast::<33, 1>(self.moved.q.val()) << 1)
            | 1)
            + ((bit_cast::<33, 32>(self.high_addend.val()) << 1)
                | bit_cast::<33, 1>(self.low.q.val().get_bits::<1>(32)));
        if self.working_1.q.val() {
            self.high.d.next = self.upper.val().get_bits::<32>(1);
        }

        if self.clear.val() {
            self.working.d.next = false;
            self.working_1.d.next = false;
            self.done_r.d.next = false;
            self.low.d.next = 0.into();
            self.high.d.next = 0.into();
        }
        self.b.next =
            (bit_cast::<64, 32>(self.high.q.val()) << 32) | bit_cast::<64, 32>(self.low.q.val().get_bits::<32>(0));
        self.done.next = self.done_r.q.val();
    }
    unit!(LEVELS);
}
