use crate::prelude::*;

/// One radix-4 digit of a normalising left shift that stops at a limit; combinational.
///
/// A normalising shift is a chain of these, largest `STEP` first, each a quarter of the one before. Together they shift
/// left by `min(leading zeros of the window, limit)`, where the limit is a binary number whose two bits of weight `STEP`
/// and `2 * STEP` each digit is given. Setting the limit to the biased exponent of the window's top bit less one makes
/// the shift stop where a subnormal result has its place, so that rounding happens once and at the right bit.
///
/// Both numbers are found as they are used: a digit counts the blank blocks of `STEP` bits at the top of what the digits
/// before left (so no leading-zero counter stands beside the shifter), and takes the limit's digit instead where that is
/// smaller, unless a digit before it was already below the limit's (`free`).
///
/// The window has `IN = OUT + 3 * STEP` bits, zero-filled below. `OUT` bits stay: what the next digits need below the
/// bits that are wanted in the end. `dropped` says whether the others held a one; OR it into the sticky bit.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct NormaliseDigit<const IN: usize, const OUT: usize, const STEP: usize> {
    /// The window, of which the top is to be made one.
    pub x: Signal<In, Bits<IN>>,
    /// This digit of the limit.
    pub limit: Signal<In, Bits<2>>,
    /// Whether the shift is below the limit whatever the digits from this one on are: a higher bit of the limit lies above
    /// all digits, or the digit before says so.
    pub free: Signal<In, Bit>,
    /// The top of the window, shifted by `digit * STEP`.
    pub y: Signal<Out, Bits<OUT>>,
    /// This digit of the shift.
    pub digit: Signal<Out, Bits<2>>,
    /// `free` for the next digit.
    pub below: Signal<Out, Bit>,
    /// Whether a one was cut off at the low end.
    pub dropped: Signal<Out, Bit>,
    blank_0: Signal<Local, Bit>,
    blank_1: Signal<Local, Bit>,
    blank_2: Signal<Local, Bit>,
    tail_0: Signal<Local, Bit>,
    tail_1: Signal<Local, Bit>,
    tail_2: Signal<Local, Bit>,
    count: Signal<Local, Bits<2>>,
    taken: Signal<Local, Bits<2>>,
}

impl<const IN: usize, const OUT: usize, const STEP: usize> Logic for NormaliseDigit<IN, OUT, STEP> {
    #[hdl_gen]
    fn update(&mut self) {
        self.blank_0.next = !self.x.val().get_bits::<STEP>(IN - STEP).any();
        self.blank_1.next = !self.x.val().get_bits::<STEP>(IN - 2 * STEP).any();
        self.blank_2.next = !self.x.val().get_bits::<STEP>(IN - 3 * STEP).any();
        self.tail_0.next = self.x.val().get_bits::<STEP>(0).any();
        self.tail_1.next = self.x.val().get_bits::<STEP>(STEP).any();
        self.tail_2.next = self.x.val().get_bits::<STEP>(2 * STEP).any();

        if !self.blank_0.val() {
            self.count.next = 0.into();
        } else if !self.blank_1.val() {
            self.count.next = 1.into();
        } else if !self.blank_2.val() {
            self.count.next = 2.into();
        } else {
            self.count.next = 3.into();
        }
        self.below.next = self.free.val() | (self.count.val() < self.limit.val());
        if self.free.val() | (self.count.val() < self.limit.val()) {
            self.taken.next = self.count.val();
        } else {
            self.taken.next = self.limit.val();
        }
        self.digit.next = self.taken.val();

        if self.taken.val() == 0 {
            self.y.next = self.x.val().get_bits::<OUT>(3 * STEP);
            self.dropped.next = self.tail_2.val() | self.tail_1.val() | self.tail_0.val();
        } else if self.taken.val() == 1 {
            self.y.next = self.x.val().get_bits::<OUT>(2 * STEP);
            self.dropped.next = self.tail_1.val() | self.tail_0.val();
        } else if self.taken.val() == 2 {
            self.y.next = self.x.val().get_bits::<OUT>(STEP);
            self.dropped.next = self.tail_0.val();
        } else {
            self.y.next = self.x.val().get_bits::<OUT>(0);
            self.dropped.next = false;
        }
    }
    unit!(IN, OUT, STEP);
}
