use super::{NormaliseDigit, Product, Round, Unpack};
use crate::prelude::*;

/// `y = a * b` in binary32, rounded to nearest even, subnormals kept, every NaN 0x7FC00000.
///
/// Operands are not normalised: a subnormal's leading zeros become the product's, and one shift at the end removes them or,
/// where the result is subnormal, as many of them as its exponent allows.
///
/// That shift is a left shift always. The 48-bit product lies below 26 zeros, so that a window of 74 bits holds it shifted
/// right by as much as changes anything: farther right it would be below the guard bit of the smallest subnormal. The top
/// of the window has the biased exponent `exponent(a) + exponent(b) - 100`, or 1 where that is less.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Fp32Mul {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// First factor.
    pub a: Signal<In, Bits<32>>,
    /// Second factor.
    pub b: Signal<In, Bits<32>>,
    /// The product of `LATENCY` cycles ago.
    pub y: Signal<Out, Bits<32>>,
    unpack_a: Unpack,
    unpack_b: Unpack,
    product: Product,
    exponent_sum: Reg<Bits<9>>,
    below_top: Signal<Local, Bits<10>>,
    limit: Reg<Bits<9>>,
    limit_line: Delay<9, { Product::LATENCY - 2 }>,
    coarse: NormaliseDigit<88, 40, 16>,
    middle: NormaliseDigit<40, 28, 4>,
    fine: NormaliseDigit<28, 25, 1>,
    coarse_r: Reg<Bits<40>>,
    coarse_digit: Reg<Bits<2>>,
    coarse_below: Reg<Bit>,
    coarse_dropped: Reg<Bit>,
    coarse_limit: Reg<Bits<9>>,
    fine_r: Reg<Bits<25>>,
    sticky: Reg<Bit>,
    shift: Signal<Local, Bits<6>>,
    exponent: Reg<Bits<9>>,
    sign: Signal<Local, Bit>,
    infinite: Signal<Local, Bit>,
    nan: Signal<Local, Bit>,
    flags: Delay<3, { Fp32Mul::ROUND_AT - Unpack::LATENCY }>,
    round: Round,
}

impl Fp32Mul {
    /// The cycle in which rounding begins: after the product, two cycles of normalising.
    const ROUND_AT: usize = Unpack::LATENCY + Product::LATENCY + 2;
    /// Cycles from the operands to `y`.
    pub const LATENCY: usize = Self::ROUND_AT + Round::LATENCY;
}

impl Logic for Fp32Mul {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, unpack_a, unpack_b, product, limit_line, flags, round);
        dff_setup!(
            self,
            clock,
            exponent_sum,
            limit,
            coarse_r,
            coarse_digit,
            coarse_below,
            coarse_dropped,
            coarse_limit,
            fine_r,
            sticky,
            exponent
        );
        self.unpack_a.x.next = self.a.val();
        self.unpack_b.x.next = self.b.val();
        self.sign.next = self.unpack_a.sign.val() ^ self.unpack_b.sign.val();
        self.infinite.next = self.unpack_a.infinite.val() | self.unpack_b.infinite.val();
        self.nan.next = self.unpack_a.nan.val()
            | self.unpack_b.nan.val()
            | (self.unpack_a.infinite.val() & self.unpack_b.zero.val())
            | (self.unpack_a.zero.val() & self.unpack_b.infinite.val());
        self.flags.d.next = (bit_cast::<3, 1>(self.sign.val().into()) << 2)
            | (bit_cast::<3, 1>(self.infinite.val().into()) << 1)
            | bit_cast::<3, 1>(self.nan.val().into());

        self.product.a.next = self.unpack_a.significand.val();
        self.product.b.next = self.unpack_b.significand.val();
        self.exponent_sum.d.next =
            bit_cast::<9, 8>(self.unpack_a.exponent.val()) + bit_cast::<9, 8>(self.unpack_b.exponent.val());
        // From -99 to 409: the tenth bit is the sign.
        self.below_top.next = bit_cast::<10, 9>(self.exponent_sum.q.val()) - 101;
        self.limit.d.next = self.below_top.val().get_bits::<9>(0);
        if self.below_top.val().get_bit(9) {
            self.limit.d.next = 0.into();
        }
        self.limit_line.d.next = self.limit.q.val();

        // 26 zeros, the product, and 14 zeros to fill with.
        self.coarse.x.next = bit_cast::<88, 48>(self.product.p.val()) << 14;
        self.coarse.limit.next = self.limit_line.q.val().get_bits::<2>(4);
        self.coarse.free.next = self.limit_line.q.val().get_bits::<3>(6).any();
        self.coarse_r.d.next = self.coarse.y.val();
        self.coarse_digit.d.next = self.coarse.digit.val();
        self.coarse_below.d.next = self.coarse.below.val();
        self.coarse_dropped.d.next = self.coarse.dropped.val();
        self.coarse_limit.d.next = self.limit_line.q.val();

        self.middle.x.next = self.coarse_r.q.val();
        self.middle.limit.next = self.coarse_limit.q.val().get_bits::<2>(2);
        self.middle.free.next = self.coarse_below.q.val();
        self.fine.x.next = self.middle.y.val();
        self.fine.limit.next = self.coarse_limit.q.val().get_bits::<2>(0);
        self.fine.free.next = self.middle.below.val();
        self.fine_r.d.next = self.fine.y.val();
        self.sticky.d.next = self.coarse_dropped.q.val() | self.middle.dropped.val() | self.fine.dropped.val();
        self.shift.next = (bit_cast::<6, 2>(self.coarse_digit.q.val()) << 4)
            | (bit_cast::<6, 2>(self.middle.digit.val()) << 2)
            | bit_cast::<6, 2>(self.fine.digit.val());
        self.exponent.d.next = self.coarse_limit.q.val() - bit_cast::<9, 6>(self.shift.val());

        self.round.exponent.next = self.exponent.q.val();
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
