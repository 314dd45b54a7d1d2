use crate::prelude::*;

/// One bit of a quotient by non-restoring division, one cycle.
///
/// A remainder lies in `-divisor <= remainder < divisor`. Where it is not negative the quotient's next bit is 1 and the
/// divisor is taken from twice the remainder, else the bit is 0 and the divisor is added. Bits found this way are those of
/// the quotient rounded down; the exact remainder is `remainder`, or `remainder + divisor` where that is negative.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct DivDigit {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Remainder before this bit, in two's complement.
    pub remainder: Signal<In, Bits<25>>,
    /// Divisor.
    pub divisor: Signal<In, Bits<24>>,
    /// The bits before this one.
    pub quotient: Signal<In, Bits<25>>,
    /// Remainder after this bit.
    pub next_remainder: Signal<Out, Bits<25>>,
    /// Divisor, in step with the remainder.
    pub next_divisor: Signal<Out, Bits<24>>,
    /// The bits up to this one, which is lowest.
    pub next_quotient: Signal<Out, Bits<25>>,
    bit: Signal<Local, Bit>,
    taken: Signal<Local, Bits<26>>,
    difference: Signal<Local, Bits<26>>,
    remainder_r: Reg<Bits<25>>,
    divisor_r: Reg<Bits<24>>,
    quotient_r: Reg<Bits<25>>,
}

impl DivDigit {
    /// Cycles a bit.
    pub const LATENCY: usize = 1;
}

impl Logic for DivDigit {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, remainder_r, divisor_r, quotient_r);
        self.bit.next = !self.remainder.val().get_bit(24);
        // Subtracting the complement of {d, 0} adds {d, 1}, of which the low bit is left out. A subtraction, whose operands
        // synthesis does not swap as it does an addition's, takes one LUT a bit with the choice in it.
        if self.bit.val() {
            self.taken.next = bit_cast::<26, 24>(self.divisor.val()) << 1;
        } else {
            self.taken.next = !(bit_cast::<26, 24>(self.divisor.val()) << 1);
        }
        self.difference.next = (bit_cast::<26, 25>(self.remainder.val()) << 2) - self.taken.val();
        self.remainder_r.d.next = self.difference.val().get_bits::<25>(1);
        self.divisor_r.d.next = self.divisor.val();
        self.quotient_r.d.next = (self.quotient.val() << 1) | bit_cast::<25, 1>(self.bit.val().into());
        self.next_remainder.next = self.remainder_r.q.val();
        self.next_divisor.next = self.divisor_r.q.val();
        self.next_quotient.next = self.quotient_r.q.val();
    }
    unit!();
}
