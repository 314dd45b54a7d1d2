use super::{AlignDigit, NormaliseDigit, Round, Unpack};
use crate::prelude::*;

/// `y = a + b` in binary32, rounded to nearest even, subnormals kept, every NaN 0x7FC00000.
///
/// One path for near and far operands: the larger in magnitude goes first, so that the difference is never negative; the
/// smaller is aligned to it in a window of 26 bits (two below the larger's last bit: after the one-bit normalising shift
/// that a difference of far operands can need, one is the result's last bit and one the guard) with a sticky bit below.
/// A difference with ones below the window takes no carry in, because `-(s + t) = !s + (1 - t)` for `0 < t < 1`.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Fp32Add {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// First summand.
    pub a: Signal<In, Bits<32>>,
    /// Second summand.
    pub b: Signal<In, Bits<32>>,
    /// The sum of `LATENCY` cycles ago.
    pub y: Signal<Out, Bits<32>>,

    // Cycle 1: take apart and compare.
    unpack_a: Unpack,
    unpack_b: Unpack,
    swap: Reg<Bit>,

    // Cycle 2: the larger first.
    sign: Signal<Local, Bit>,
    difference: Signal<Local, Bit>,
    infinite: Signal<Local, Bit>,
    nan: Signal<Local, Bit>,
    flags: Delay<4, { Fp32Add::RAW_LATENCY }>,
    subtract_line: Delay<1, 2>,
    large: Reg<Bits<24>>,
    large_exponent: Reg<Bits<8>>,
    small: Reg<Bits<24>>,
    small_exponent: Reg<Bits<8>>,

    // Cycle 3: align.
    distance: Signal<Local, Bits<8>>,
    shift: Signal<Local, Bits<5>>,
    align_coarse: AlignDigit<26, 8>,
    align_middle: AlignDigit<26, 2>,
    align_fine: AlignDigit<26, 1>,
    aligned: Reg<Bits<26>>,
    aligned_sticky: Reg<Bit>,
    large_line: Delay<24, 1>,
    limit_line: Delay<8, 2>,

    // Cycle 4: add or subtract.
    carry_in: Signal<Local, Bit>,
    augend: Signal<Local, Bits<27>>,
    addend: Signal<Local, Bits<27>>,
    sum: Reg<Bits<27>>,
    sum_sticky: Reg<Bit>,

    // Cycles 5 and 6: normalise.
    coarse: NormaliseDigit<75, 27, 16>,
    middle: NormaliseDigit<40, 28, 4>,
    fine: NormaliseDigit<28, 25, 1>,
    middle_r: Reg<Bits<28>>,
    middle_digits: Reg<Bits<4>>,
    middle_below: Reg<Bit>,
    middle_sticky: Reg<Bit>,
    middle_limit: Reg<Bits<8>>,
    digits: Signal<Local, Bits<6>>,
    significand: Reg<Bits<25>>,
    sticky: Reg<Bit>,
    exponent: Reg<Bits<8>>,

    round: Round,
}

impl Fp32Add {
    /// Cycles from the unpacked operands to rounding: swap, align, add, and two of normalising.
    const RAW_LATENCY: usize = 5;
    /// Cycles from the operands to `y`.
    pub const LATENCY: usize = Unpack::LATENCY + Self::RAW_LATENCY + Round::LATENCY;
}

impl Logic for Fp32Add {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, unpack_a, unpack_b, flags, subtract_line, large_line, limit_line, round);
        dff_setup!(
            self,
            clock,
            swap,
            large,
            large_exponent,
            small,
            small_exponent,
            aligned,
            aligned_sticky,
            sum,
            sum_sticky,
            middle_r,
            middle_digits,
            middle_below,
            middle_sticky,
            middle_limit,
            significand,
            sticky,
            exponent
        );

        self.unpack_a.x.next = self.a.val();
        self.unpack_b.x.next = self.b.val();
        self.swap.d.next = self.a.val().get_bits::<31>(0) < self.b.val().get_bits::<31>(0);

        self.difference.next = self.unpack_a.sign.val() ^ self.unpack_b.sign.val();
        self.infinite.next = self.unpack_a.infinite.val() | self.unpack_b.infinite.val();
        self.nan.next = self.unpack_a.nan.val()
            | self.unpack_b.nan.val()
            | (self.unpack_a.infinite.val() & self.unpack_b.infinite.val() & self.difference.val());
        self.sign.next = self.unpack_a.sign.val();
        self.large.d.next = self.unpack_a.significand.val();
        self.large_exponent.d.next = self.unpack_a.exponent.val();
        self.small.d.next = self.unpack_b.significand.val();
        self.small_exponent.d.next = self.unpack_b.exponent.val();
        if self.swap.q.val() {
            self.sign.next = self.unpack_b.sign.val();
            self.large.d.next = self.unpack_b.significand.val();
            self.large_exponent.d.next = self.unpack_b.exponent.val();
            self.small.d.next = self.unpack_a.significand.val();
            self.small_exponent.d.next = self.unpack_a.exponent.val();
        }
        self.flags.d.next = (bit_cast::<4, 1>(self.sign.val().into()) << 3)
            | (bit_cast::<4, 1>(self.difference.val().into()) << 2)
            | (bit_cast::<4, 1>(self.infinite.val().into()) << 1)
            | bit_cast::<4, 1>(self.nan.val().into());
        self.subtract_line.d.next = self.difference.val().into();

        // From a distance of 26 on all of the smaller is sticky.
        self.distance.next = self.large_exponent.q.val() - self.small_exponent.q.val();
        self.shift.next = self.distance.val().get_bits::<5>(0);
        if self.distance.val().get_bits::<3>(5).any() {
            self.shift.next = 31.into();
        }
        self.align_coarse.x.next = bit_cast::<26, 24>(self.small.q.val()) << 2;
        self.align_coarse.digit.next = self.shift.val().get_bits::<2>(3);
        self.align_middle.x.next = self.align_coarse.y.val();
        self.align_middle.digit.next = self.shift.val().get_bits::<2>(1);
        self.align_fine.x.next = self.align_middle.y.val();
        self.align_fine.digit.next = bit_cast::<2, 1>(self.shift.val().get_bits::<1>(0));
        self.aligned.d.next = self.align_fine.y.val();
        self.aligned_sticky.d.next =
            self.align_coarse.dropped.val() | self.align_middle.dropped.val() | self.align_fine.dropped.val();
        self.large_line.d.next = self.large.q.val();
        self.limit_line.d.next = self.large_exponent.q.val();

        // The larger's two low bits are zero: the carry in takes the place of the last.
        self.carry_in.next = self.subtract_line.q.val().any() & !self.aligned_sticky.q.val();
        self.augend.next =
            (bit_cast::<27, 24>(self.large_line.q.val()) << 2) | bit_cast::<27, 1>(self.carry_in.val().into());
        self.addend.next = bit_cast::<27, 26>(self.aligned.q.val());
        if self.subtract_line.q.val().any() {
            self.addend.next = !bit_cast::<27, 26>(self.aligned.q.val());
        }
        self.sum.d.next = self.augend.val() + self.addend.val();
        self.sum_sticky.d.next = self.aligned_sticky.q.val();

        // The top of the sum is its carry, one above the larger's hidden bit: the limit is the larger's exponent.
        self.coarse.x.next = bit_cast::<75, 27>(self.sum.q.val()) << 48;
        self.coarse.limit.next = bit_cast::<2, 1>(self.limit_line.q.val().get_bits::<1>(4));
        self.coarse.free.next = self.limit_line.q.val().get_bits::<3>(5).any();
        self.middle.x.next = bit_cast::<40, 27>(self.coarse.y.val()) << 13;
        self.middle.limit.next = self.limit_line.q.val().get_bits::<2>(2);
        self.middle.free.next = self.coarse.below.val();
        self.middle_r.d.next = self.middle.y.val();
        self.middle_digits.d.next =
            (bit_cast::<4, 2>(self.coarse.digit.val()) << 2) | bit_cast::<4, 2>(self.middle.digit.val());
        self.middle_below.d.next = self.middle.below.val();
        self.middle_sticky.d.next = self.sum_sticky.q.val() | self.coarse.dropped.val() | self.middle.dropped.val();
        self.middle_limit.d.next = self.limit_line.q.val();
        self.fine.x.next = self.middle_r.q.val();
        self.fine.limit.next = self.middle_limit.q.val().get_bits::<2>(0);
        self.fine.free.next = self.middle_below.q.val();
        self.digits.next =
            (bit_cast::<6, 4>(self.middle_digits.q.val()) << 2) | bit_cast::<6, 2>(self.fine.digit.val());
        self.significand.d.next = self.fine.y.val();
        self.sticky.d.next = self.middle_sticky.q.val() | self.fine.dropped.val();
        self.exponent.d.next = self.middle_limit.q.val() - bit_cast::<8, 6>(self.digits.val());

        self.round.exponent.next = bit_cast::<9, 8>(self.exponent.q.val());
        self.round.significand.next = self.significand.q.val().get_bits::<24>(1);
        self.round.guard.next = self.significand.q.val().get_bit(0);
        self.round.sticky.next = self.sticky.q.val();
        self.round.sign.next = self.flags.q.val().get_bit(3);
        self.round.difference.next = self.flags.q.val().get_bit(2);
        self.round.infinite.next = self.flags.q.val().get_bit(1);
        self.round.nan.next = self.flags.q.val().get_bit(0);
        self.y.next = self.round.y.val();
    }
    unit!();
}
