use super::{AlignDigit, DivDigit, NormalOperand, Round, Unpack};
use crate::prelude::*;

/// `y = a / b` in binary32, rounded to nearest even, subnormals kept, every NaN 0x7FC00000.
///
/// Operands are normalised first, so that the quotient of the significands lies between 1/2 and 2 and 26 bits of it (25
/// after the point) and a sticky bit are enough. The first bit comes from a subtraction, the others from a [`DivDigit`]
/// each. Where the quotient is below 1 its first bit is 0 and is dropped; where the result is subnormal the quotient is
/// shifted right. Both are known as soon as the first bit is, and wait for the others.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Fp32Div {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Dividend.
    pub a: Signal<In, Bits<32>>,
    /// Divisor.
    pub b: Signal<In, Bits<32>>,
    /// The quotient of `LATENCY` cycles ago.
    pub y: Signal<Out, Bits<32>>,
    unpack_a: Unpack,
    unpack_b: Unpack,
    normal_a: NormalOperand,
    normal_b: NormalOperand,
    sign: Signal<Local, Bit>,
    infinite: Signal<Local, Bit>,
    nan: Signal<Local, Bit>,
    flags: Delay<3, { Fp32Div::ROUND_AT - Unpack::LATENCY }>,
    zero: Delay<1, { Fp32Div::ROUND_AT - Unpack::LATENCY - 1 }>,
    remainder: Reg<Bits<25>>,
    divisor: Reg<Bits<24>>,
    exponent_a: Signal<Local, Bits<10>>,
    exponent_b: Signal<Local, Bits<10>>,
    exponent: Reg<Bits<10>>,
    below_one: Signal<Local, Bit>,
    subnormal: Signal<Local, Bit>,
    exponent_found: Signal<Local, Bits<10>>,
    deficit: Signal<Local, Bits<10>>,
    round_exponent: Reg<Bits<9>>,
    shift: Reg<Bits<5>>,
    exponent_line: Delay<9, { Fp32Div::ROUND_AT - Fp32Div::FIRST_BIT_AT - 1 }>,
    shift_line: Delay<5, { Fp32Div::QUOTIENT_AT - Fp32Div::FIRST_BIT_AT - 1 }>,
    digit: [DivDigit; 25],
    rest: Signal<Local, Bits<25>>,
    rest_divisor: Signal<Local, Bits<25>>,
    exact: Signal<Local, Bit>,
    quotient: Signal<Local, Bits<26>>,
    coarse: Signal<Local, Bits<26>>,
    coarse_dropped: Signal<Local, Bit>,
    middle: AlignDigit<26, 4>,
    middle_r: Reg<Bits<26>>,
    middle_dropped: Reg<Bit>,
    middle_shift: Reg<Bits<2>>,
    fine: AlignDigit<26, 1>,
    fine_r: Reg<Bits<25>>,
    sticky: Reg<Bit>,
    round: Round,
}

impl Fp32Div {
    /// The cycle in which the quotient's first bit is known: one subtraction after the operands are normal.
    const FIRST_BIT_AT: usize = Unpack::LATENCY + NormalOperand::LATENCY + 1;
    /// The cycle in which the last bit is known.
    const QUOTIENT_AT: usize = Self::FIRST_BIT_AT + 25 * DivDigit::LATENCY;
    /// The cycle in which rounding begins: after two cycles of shifting.
    const ROUND_AT: usize = Self::QUOTIENT_AT + 2;
    /// Cycles from the operands to `y`.
    pub const LATENCY: usize = Self::ROUND_AT + Round::LATENCY;
}

impl Logic for Fp32Div {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, unpack_a, unpack_b, normal_a, normal_b, flags, zero, exponent_line, shift_line, round);
        dff_setup!(
            self,
            clock,
            remainder,
            divisor,
            exponent,
            round_exponent,
            shift,
            middle_r,
            middle_dropped,
            middle_shift,
            fine_r,
            sticky
        );
        self.unpack_a.x.next = self.a.val();
        self.unpack_b.x.next = self.b.val();
        self.sign.next = self.unpack_a.sign.val() ^ self.unpack_b.sign.val();
        self.infinite.next = self.unpack_a.infinite.val() | self.unpack_b.zero.val();
        self.nan.next = self.unpack_a.nan.val()
            | self.unpack_b.nan.val()
            | (self.unpack_a.infinite.val() & self.unpack_b.infinite.val())
            | (self.unpack_a.zero.val() & self.unpack_b.zero.val());
        self.flags.d.next = (bit_cast::<3, 1>(self.sign.val().into()) << 2)
            | (bit_cast::<3, 1>(self.infinite.val().into()) << 1)
            | bit_cast::<3, 1>(self.nan.val().into());
        self.zero.d.next = (self.unpack_a.zero.val() | self.unpack_b.infinite.val()).into();

        self.normal_a.exponent.next = self.unpack_a.exponent.val();
        self.normal_a.significand.next = self.unpack_a.significand.val();
        self.normal_b.exponent.next = self.unpack_b.exponent.val();
        self.normal_b.significand.next = self.unpack_b.significand.val();

        self.remainder.d.next =
            bit_cast::<25, 24>(self.normal_a.normal.val()) - bit_cast::<25, 24>(self.normal_b.normal.val());
        self.divisor.d.next = self.normal_b.normal.val();
        // The biased exponent less one of a quotient from 1 up; -191 to 411, so ten bits with the sign.
        self.exponent_a.next = (bit_cast::<10, 1>(self.normal_a.normal_exponent.val().get_bits::<1>(8)) << 9)
            | bit_cast::<10, 9>(self.normal_a.normal_exponent.val());
        self.exponent_b.next = (bit_cast::<10, 1>(self.normal_b.normal_exponent.val().get_bits::<1>(8)) << 9)
            | bit_cast::<10, 9>(self.normal_b.normal_exponent.val());
        self.exponent.d.next = self.exponent_a.val() - self.exponent_b.val() + 126;

        // A normal result is shifted right by one place if its first bit is 1. Otherwise the shift ends where the result
        // has the smallest normal's exponent; farther than 31 places everything is sticky.
        self.below_one.next = self.remainder.q.val().get_bit(24);
        self.subnormal.next = self.exponent.q.val().get_bit(9) | !self.exponent.q.val().any();
        self.exponent_found.next = self.exponent.q.val() - bit_cast::<10, 1>(self.below_one.val().into());
        self.deficit.next = bit_cast::<10, 1>(1.into()) - self.exponent.q.val();
        if !self.subnormal.val() {
            self.round_exponent.d.next = self.exponent_found.val().get_bits::<9>(0);
            self.shift.d.next = bit_cast::<5, 1>((!self.below_one.val()).into());
        } else {
            self.round_exponent.d.next = 0.into();
            self.shift.d.next = self.deficit.val().get_bits::<5>(0);
            if self.deficit.val().get_bits::<5>(5).any() {
                self.shift.d.next = 31.into();
            }
        }
        self.exponent_line.d.next = self.round_exponent.q.val();
        self.shift_line.d.next = self.shift.q.val();

        self.digit[0].remainder.next = self.remainder.q.val();
        self.digit[0].divisor.next = self.divisor.q.val();
        self.digit[0].quotient.next = 0.into();
        self.digit[0].clock.next = self.clock.val();
        for i in 1..25 {
            self.digit[i].remainder.next = self.digit[i - 1].next_remainder.val();
            self.digit[i].divisor.next = self.digit[i - 1].next_divisor.val();
            self.digit[i].quotient.next = self.digit[i - 1].next_quotient.val();
            self.digit[i].clock.next = self.clock.val();
        }

        // Nothing remains if the remainder is 0, or -d, to which d would be added. The carry into a bit of a sum that is
        // zero is the OR of the bits below it, so r + d = 0 needs no adder.
        self.rest.next = self.digit[24].next_remainder.val();
        self.rest_divisor.next = bit_cast::<25, 24>(self.digit[24].next_divisor.val());
        self.exact.next = !self.rest.val().any()
            | ((self.rest.val() ^ self.rest_divisor.val()) == ((self.rest.val() | self.rest_divisor.val()) << 1));
        self.quotient.next = (bit_cast::<26, 25>(self.digit[24].next_quotient.val()) << 1)
            | bit_cast::<26, 1>((!self.rest.val().get_bit(24)).into());

        if self.shift_line.q.val().get_bit(4) {
            self.coarse.next = self.quotient.val() >> 16;
            self.coarse_dropped.next = self.quotient.val().get_bits::<16>(0).any();
        } else {
            self.coarse.next = self.quotient.val();
            self.coarse_dropped.next = false;
        }
        self.middle.x.next = self.coarse.val();
        self.middle.digit.next = self.shift_line.q.val().get_bits::<2>(2);
        self.middle_r.d.next = self.middle.y.val();
        self.middle_dropped.d.next = self.coarse_dropped.val() | self.middle.dropped.val() | !self.exact.val();
        self.middle_shift.d.next = self.shift_line.q.val().get_bits::<2>(0);

        self.fine.x.next = self.middle_r.q.val();
        self.fine.digit.next = self.middle_shift.q.val();
        self.fine_r.d.next = self.fine.y.val().get_bits::<25>(0);
        self.sticky.d.next = self.middle_dropped.q.val() | self.fine.dropped.val();
        if self.zero.q.val().any() {
            self.fine_r.d.next = 0.into();
            self.sticky.d.next = false;
        }

        self.round.exponent.next = self.exponent_line.q.val();
        self.round.significand.next = self.fine_r.q.val().get_bits::<24>(1);
        self.round.guard.next = self.fine_r.q.val().get_bit(0);
        self.round.sticky.next = self.sticky.q.val();
        self.round.difference.next = false;
        self.round.sign.next = self.flags.q.val().get_bit(2);
        self.round.infinite.next = self.flags.q.val().get_bit(1);
        self.round.nan.next = self.flags.q.val().get_bit(0);
        self.y.next = self.round.y.val();
    }
    unit!();
}
