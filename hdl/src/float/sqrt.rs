use super::{NormalOperand, Round, SqrtDigit, Unpack};
use crate::prelude::*;

/// `y = sqrt(a)` in binary32, rounded to nearest even, every NaN 0x7FC00000, sqrt(-0) = -0.
///
/// The operand is normalised and, where its exponent is odd, doubled, so that the radicand lies between 1 and 4 and the
/// root, between 1 and 2, is always normal: the smallest subnormal's is 2^-74.5. A root that needs exactly one bit more
/// than a significand has would be the root of a number twice as long, so it never lies halfway between two results: the
/// guard bit alone decides, and the last remainder is not looked at.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Fp32Sqrt {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Radicand.
    pub a: Signal<In, Bits<32>>,
    /// The root of `LATENCY` cycles ago.
    pub y: Signal<Out, Bits<32>>,
    unpack: Unpack,
    normal: NormalOperand,
    infinite: Signal<Local, Bit>,
    nan: Signal<Local, Bit>,
    flags: Delay<3, { Fp32Sqrt::ROUND_AT - Unpack::LATENCY }>,
    doubled: Signal<Local, Bit>,
    radicand: Signal<Local, Bits<27>>,
    remainder: Reg<Bits<27>>,
    exponent_sum: Signal<Local, Bits<9>>,
    exponent: Reg<Bits<8>>,
    exponent_line: Delay<8, { Fp32Sqrt::ROUND_AT - Fp32Sqrt::FIRST_BIT_AT }>,
    digit: [SqrtDigit; 24],
    guard: Signal<Local, Bit>,
    round: Round,
}

impl Fp32Sqrt {
    /// The cycle in which the root's first bit is known: one subtraction after the operand is normal.
    const FIRST_BIT_AT: usize = Unpack::LATENCY + NormalOperand::LATENCY + 1;
    /// The cycle in which all bits are known and rounding begins.
    const ROUND_AT: usize = Self::FIRST_BIT_AT + 24 * SqrtDigit::LATENCY;
    /// Cycles from the operand to `y`.
    pub const LATENCY: usize = Self::ROUND_AT + Round::LATENCY;
}

impl Logic for Fp32Sqrt {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, unpack, normal, flags, exponent_line, round);
        dff_setup!(self, clock, remainder, exponent);
        self.unpack.x.next = self.a.val();
        self.infinite.next = self.unpack.infinite.val() & !self.unpack.sign.val();
        self.nan.next = self.unpack.nan.val() | (self.unpack.sign.val() & !self.unpack.zero.val());
        self.flags.d.next = (bit_cast::<3, 1>(self.unpack.sign.val().into()) << 2)
            | (bit_cast::<3, 1>(self.infinite.val().into()) << 1)
            | bit_cast::<3, 1>(self.nan.val().into());

        self.normal.exponent.next = self.unpack.exponent.val();
        self.normal.significand.next = self.unpack.significand.val();
        // The bias is odd: an even biased exponent is an odd one.
        self.doubled.next = !self.normal.normal_exponent.val().get_bit(0);
        if self.doubled.val() {
            self.radicand.next = bit_cast::<27, 24>(self.normal.normal.val()) << 2;
        } else {
            self.radicand.next = bit_cast::<27, 24>(self.normal.normal.val()) << 1;
        }
        // The root's first bit is tried: less 1, at weight 2^24.
        self.remainder.d.next = self.radicand.val() - 0x100_0000;
        // The root's biased exponent less one is half of the sum; 95 to 380.
        self.exponent_sum.next = self.normal.normal_exponent.val() + 125;
        self.exponent.d.next = self.exponent_sum.val().get_bits::<8>(1);
        self.exponent_line.d.next = self.exponent.q.val();

        self.digit[0].remainder.next = self.remainder.q.val();
        self.digit[0].root.next = 0.into();
        for i in 0..24 {
            self.digit[i].clock.next = self.clock.val();
            self.digit[i].live.next = (0x7ff_ffff_usize - (0x7f_ffff_usize >> i)).to_bits();
        }
        for i in 1..24 {
            self.digit[i].remainder.next = self.digit[i - 1].next_remainder.val();
            self.digit[i].root.next = self.digit[i - 1].next_root.val();
        }
        self.guard.next = !self.digit[23].next_remainder.val().get_bit(26);

        self.round.exponent.next = bit_cast::<9, 8>(self.exponent_line.q.val());
        self.round.significand.next = self.digit[23].next_root.val();
        self.round.guard.next = self.guard.val();
        self.round.sticky.next = self.guard.val();
        self.round.difference.next = false;
        self.round.sign.next = self.flags.q.val().get_bit(2);
        self.round.infinite.next = self.flags.q.val().get_bit(1);
        self.round.nan.next = self.flags.q.val().get_bit(0);
        self.y.next = self.round.y.val();
    }
    unit!();
}
