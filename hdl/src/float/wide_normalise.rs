use super::NormaliseDigit;
use crate::prelude::*;

/// Shifts the sum of a fused multiply-add to where [`super::Round`] wants it.
///
/// Its shift of up to 75 has digits of weight 32, 8, 2 and 1: what a digit leaves for the next ones to see is cut to what
/// they can still shift up. Of the last digit only 0 and 1 occur, except for a zero, whose exponent does not matter.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct WideNormalise {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The sum, or its complement.
    pub sum: Signal<In, Bits<76>>,
    /// Whether `sum` is the complement.
    pub complement: Signal<In, Bit>,
    /// Biased exponent of the sum's top bit, less one.
    pub limit: Signal<In, Bits<9>>,
    /// Whether there are ones below the sum.
    pub sticky: Signal<In, Bit>,
    /// As [`super::Round`] wants it.
    pub exponent: Signal<Out, Bits<9>>,
    /// As [`super::Round`] wants it.
    pub significand: Signal<Out, Bits<24>>,
    /// As [`super::Round`] wants it.
    pub guard: Signal<Out, Bit>,
    /// As [`super::Round`] wants it.
    pub below_guard: Signal<Out, Bit>,
    magnitude: Signal<Local, Bits<76>>,
    by_32: NormaliseDigit<152, 56, 32>,
    by_8: NormaliseDigit<56, 32, 8>,
    by_2: NormaliseDigit<32, 26, 2>,
    by_1: NormaliseDigit<28, 25, 1>,
    first: Reg<Bits<56>>,
    first_digit: Reg<Bits<2>>,
    first_below: Reg<Bit>,
    first_sticky: Reg<Bit>,
    first_limit: Reg<Bits<9>>,
    second: Reg<Bits<26>>,
    second_digits: Reg<Bits<6>>,
    second_below: Reg<Bit>,
    second_sticky: Reg<Bit>,
    second_limit: Reg<Bits<9>>,
    shift: Signal<Local, Bits<9>>,
    third: Reg<Bits<25>>,
    third_sticky: Reg<Bit>,
    exponent_r: Reg<Bits<9>>,
}

impl WideNormalise {
    /// Cycles from the sum to every output.
    pub const LATENCY: usize = 3;
}

impl Logic for WideNormalise {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            first,
            first_digit,
            first_below,
            first_sticky,
            first_limit,
            second,
            second_digits,
            second_below,
            second_sticky,
            second_limit,
            third,
            third_sticky,
            exponent_r
        );

        self.magnitude.next = self.sum.val();
        if self.complement.val() {
            self.magnitude.next = !self.sum.val();
        }
        self.by_32.x.next = bit_cast::<152, 76>(self.magnitude.val()) << 76;
        self.by_32.limit.next = self.limit.val().get_bits::<2>(5);
        self.by_32.free.next = self.limit.val().get_bits::<2>(7).any();
        self.first.d.next = self.by_32.y.val();
        self.first_digit.d.next = self.by_32.digit.val();
        self.first_below.d.next = self.by_32.below.val();
        self.first_sticky.d.next = self.sticky.val() | self.by_32.dropped.val();
        self.first_limit.d.next = self.limit.val();

        self.by_8.x.next = self.first.q.val();
        self.by_8.limit.next = self.first_limit.q.val().get_bits::<2>(3);
        self.by_8.free.next = self.first_below.q.val();
        self.by_2.x.next = self.by_8.y.val();
        self.by_2.limit.next = self.first_limit.q.val().get_bits::<2>(1);
        self.by_2.free.next = self.by_8.below.val();
        self.second.d.next = self.by_2.y.val();
        self.second_digits.d.next = (bit_cast::<6, 2>(self.first_digit.q.val()) << 4)
            | (bit_cast::<6, 2>(self.by_8.digit.val()) << 2)
            | bit_cast::<6, 2>(self.by_2.digit.val());
        self.second_below.d.next = self.by_2.below.val();
        self.second_sticky.d.next = self.first_sticky.q.val() | self.by_8.dropped.val() | self.by_2.dropped.val();
        self.second_limit.d.next = self.first_limit.q.val();

        self.by_1.x.next = bit_cast::<28, 26>(self.second.q.val()) << 2;
        self.by_1.limit.next = bit_cast::<2, 1>(self.second_limit.q.val().get_bits::<1>(0));
        self.by_1.free.next = self.second_below.q.val();
        self.third.d.next = self.by_1.y.val();
        self.third_sticky.d.next = self.second_sticky.q.val() | self.by_1.dropped.val();
        self.shift.next = (bit_cast::<9, 6>(self.second_digits.q.val()) << 1)
            | bit_cast::<9, 1>(self.by_1.digit.val().get_bits::<1>(0));
        self.exponent_r.d.next = self.second_limit.q.val() - self.shift.val();

        self.exponent.next = self.exponent_r.q.val();
        self.significand.next = self.third.q.val().get_bits::<24>(1);
        self.guard.next = self.third.q.val().get_bit(0);
        self.below_guard.next = self.third_sticky.q.val();
    }
    unit!();
}
