use super::{AddendAlign, Product, Round, Unpack, WideNormalise, WideSum};
use crate::prelude::*;

/// `y = a * b + c` in binary32, rounded once, to nearest even, subnormals kept, every NaN 0x7FC00000.
///
/// The product is exact and not normalised; the summand is aligned to it while it is multiplied ([`AddendAlign`]), the sum
/// is exact to below the last bit that matters ([`WideSum`]), and one shift normalises it ([`WideNormalise`]).
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Fp32Fma {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// First factor.
    pub a: Signal<In, Bits<32>>,
    /// Second factor.
    pub b: Signal<In, Bits<32>>,
    /// Summand.
    pub c: Signal<In, Bits<32>>,
    /// The result of `LATENCY` cycles ago.
    pub y: Signal<Out, Bits<32>>,
    unpack_a: Unpack,
    unpack_b: Unpack,
    unpack_c: Unpack,
    product: Product,
    align: AddendAlign,
    sum: WideSum,
    normalise: WideNormalise,
    round: Round,
    product_sign: Signal<Local, Bit>,
    product_infinite: Signal<Local, Bit>,
    difference: Signal<Local, Bit>,
    sign: Signal<Local, Bit>,
    infinite: Signal<Local, Bit>,
    nan: Signal<Local, Bit>,
    subtract: Delay<1, { AddendAlign::LATENCY }>,
    limit: Delay<9, { WideSum::LATENCY }>,
    sticky: Delay<1, { WideSum::LATENCY }>,
    complement: Delay<1, { WideNormalise::LATENCY }>,
    flags: Delay<4, { Fp32Fma::ROUND_AT - Unpack::LATENCY }>,
}

impl Fp32Fma {
    /// The cycle in which rounding begins.
    const ROUND_AT: usize = Unpack::LATENCY + AddendAlign::LATENCY + WideSum::LATENCY + WideNormalise::LATENCY;
    /// Cycles from the operands to `y`.
    pub const LATENCY: usize = Self::ROUND_AT + Round::LATENCY;
}

const _: () = assert!(Product::LATENCY == AddendAlign::LATENCY, "product and summand meet in the sum");

impl Logic for Fp32Fma {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(
            self, clock, unpack_a, unpack_b, unpack_c, product, align, sum, normalise, round, subtract, limit, sticky,
            complement, flags
        );
        self.unpack_a.x.next = self.a.val();
        self.unpack_b.x.next = self.b.val();
        self.unpack_c.x.next = self.c.val();

        self.product_sign.next = self.unpack_a.sign.val() ^ self.unpack_b.sign.val();
        self.product_infinite.next = self.unpack_a.infinite.val() | self.unpack_b.infinite.val();
        self.difference.next = self.product_sign.val() ^ self.unpack_c.sign.val();
        self.infinite.next = self.product_infinite.val() | self.unpack_c.infinite.val();
        self.nan.next = self.unpack_a.nan.val()
            | self.unpack_b.nan.val()
            | self.unpack_c.nan.val()
            | (self.unpack_a.infinite.val() & self.unpack_b.zero.val())
            | (self.unpack_a.zero.val() & self.unpack_b.infinite.val())
            | (self.product_infinite.val() & self.unpack_c.infinite.val() & self.difference.val());
        self.sign.next = self.product_sign.val();
        if self.unpack_c.infinite.val() {
            self.sign.next = self.unpack_c.sign.val();
        }
        self.flags.d.next = (bit_cast::<4, 1>(self.sign.val().into()) << 3)
            | (bit_cast::<4, 1>(self.difference.val().into()) << 2)
            | (bit_cast::<4, 1>(self.infinite.val().into()) << 1)
            | bit_cast::<4, 1>(self.nan.val().into());

        self.product.a.next = self.unpack_a.significand.val();
        self.product.b.next = self.unpack_b.significand.val();
        self.align.a_exponent.next = self.unpack_a.exponent.val();
        self.align.b_exponent.next = self.unpack_b.exponent.val();
        self.align.product_zero.next = self.unpack_a.zero.val() | self.unpack_b.zero.val();
        self.align.c_exponent.next = self.unpack_c.exponent.val();
        self.align.c.next = self.unpack_c.significand.val();
        self.subtract.d.next = self.difference.val().into();

        self.sum.product.next = self.product.p.val();
        self.sum.c.next = self.align.aligned.val();
        self.sum.sticky.next = self.align.sticky.val();
        self.sum.subtract.next = self.subtract.q.val().any();
        self.limit.d.next = self.align.limit.val();
        self.sticky.d.next = self.align.sticky.val().into();

        self.normalise.sum.next = self.sum.sum.val();
        self.normalise.complement.next = self.sum.complement.val();
        self.normalise.limit.next = self.limit.q.val();
        self.normalise.sticky.next = self.sticky.q.val().any();
        self.complement.d.next = self.sum.complement.val().into();

        self.round.exponent.next = self.normalise.exponent.val();
        self.round.significand.next = self.normalise.significand.val();
        self.round.guard.next = self.normalise.guard.val();
        self.round.sticky.next = self.normalise.below_guard.val();
        // A complement means that the summand is the larger. An infinity has its sign already.
        self.round.sign.next =
            self.flags.q.val().get_bit(3) ^ (self.complement.q.val().any() & !self.flags.q.val().get_bit(1));
        self.round.difference.next = self.flags.q.val().get_bit(2);
        self.round.infinite.next = self.flags.q.val().get_bit(1);
        self.round.nan.next = self.flags.q.val().get_bit(0);
        self.y.next = self.round.y.val();
    }
    unit!();
}
