use super::{Product, SumLimb, Unpack};
use crate::prelude::*;

/// Limbs of 32 bits of the accumulator.
const LIMBS: usize = 19;
const _: () = assert!(LIMBS == nearfield_abi::register::SUM_LIMBS as usize);

/// The exact sum of squares of binary32 numbers, as an integer of 608 bits in units of 2^-298, one number a cycle.
///
/// A square is 48 bits at an even place from 0 to 506, so a sum of 2^32 squares is below 2^586, and of any 2^50 below 2^604.
/// Nothing is rounded: the sum does not depend on order, and sums of parts add up to the whole's. Infinities and NaNs add
/// nothing.
///
/// The square is shifted to its place within a limb and cut into three words. Words go to limbs by their place modulo three,
/// so a limb sees one word only and decides whether it is meant. Each limb adds what comes and the carry of the one below, a
/// cycle late; `LATENCY` allows for a carry that runs through all of them.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Fp32SquareSum {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Begins anew: what came before does not count, nor does what comes in the same cycle.
    pub clear: Signal<In, Bit>,
    /// There is a number.
    pub valid: Signal<In, Bit>,
    /// The number, a binary32.
    pub a: Signal<In, Bits<32>>,
    /// The sum of the squares of all numbers until `LATENCY` cycles ago, if none came since.
    pub sum: Signal<Out, Bits<608>>,
    unpack: Unpack,
    product: Product,
    flags: Reg<Bits<2>>,
    place: Signal<Local, Bits<8>>,
    counts: Signal<Local, Bit>,
    line: Delay<10, { Product::LATENCY }>,
    coarse: Signal<Local, Bits<72>>,
    shifted: Reg<Bits<96>>,
    limb_at: Reg<Bits<4>>,
    counts_1: Reg<Bit>,
    clear_1: Reg<Bit>,
    word: [Signal<Local, Bits<32>>; 3],
    third: Reg<Bits<2>>,
    three: Signal<Local, Bits<LIMBS>>,
    wanted: Signal<Local, Bits<LIMBS>>,
    clear_2: Reg<Bit>,
    limb: [SumLimb; LIMBS],
    pack: Pack<LIMBS, 32, 608>,
}

impl Fp32SquareSum {
    /// Cycles from a number to the sum that has it: to the limbs, and once through their carries.
    pub const LATENCY: usize = Unpack::LATENCY + Product::LATENCY + 3 + (LIMBS - 1);
}

impl Logic for Fp32SquareSum {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, unpack, product, line);
        dff_setup!(self, clock, flags, shifted, limb_at, counts_1, clear_1, third, clear_2);
        self.unpack.x.next = self.a.val();
        self.flags.d.next = (bit_cast::<2, 1>(self.clear.val().into()) << 1)
            | bit_cast::<2, 1>((self.valid.val() & !self.clear.val()).into());
        self.product.a.next = self.unpack.significand.val();
        self.product.b.next = self.unpack.significand.val();
        self.counts.next = self.flags.q.val().get_bit(0) & !self.unpack.infinite.val() & !self.unpack.nan.val();
        self.place.next = self.unpack.exponent.val() - 1;
        self.line.d.next = (bit_cast::<10, 1>(self.flags.q.val().get_bits::<1>(1)) << 9)
            | (bit_cast::<10, 1>(self.counts.val().into()) << 8)
            | bit_cast::<10, 8>(self.place.val());

        // The place is twice these eight bits: 16 of them make a limb.
        if self.line.q.val().get_bits::<2>(2) == 0 {
            self.coarse.next = bit_cast::<72, 48>(self.product.p.val());
        } else if self.line.q.val().get_bits::<2>(2) == 1 {
            self.coarse.next = bit_cast::<72, 48>(self.product.p.val()) << 8;
        } else if self.line.q.val().get_bits::<2>(2) == 2 {
            self.coarse.next = bit_cast::<72, 48>(self.product.p.val()) << 16;
        } else {
            self.coarse.next = bit_cast::<72, 48>(self.product.p.val()) << 24;
        }
        if self.line.q.val().get_bits::<2>(0) == 0 {
            self.shifted.d.next = bit_cast::<96, 72>(self.coarse.val());
        } else if self.line.q.val().get_bits::<2>(0) == 1 {
            self.shifted.d.next = bit_cast::<96, 72>(self.coarse.val()) << 2;
        } else if self.line.q.val().get_bits::<2>(0) == 2 {
            self.shifted.d.next = bit_cast::<96, 72>(self.coarse.val()) << 4;
        } else {
            self.shifted.d.next = bit_cast::<96, 72>(self.coarse.val()) << 6;
        }
        self.limb_at.d.next = self.line.q.val().get_bits::<4>(4);
        self.counts_1.d.next = self.line.q.val().get_bit(8);
        self.clear_1.d.next = self.line.q.val().get_bit(9);
        // The lowest limb modulo three.
        self.third.d.next = 2.into();
        for i in 0..6 {
            if self.line.q.val().get_bits::<4>(4) == 3 * i {
                self.third.d.next = 0.into();
            }
        }
        for i in 0..5 {
            if self.line.q.val().get_bits::<4>(4) == 3 * i + 1 {
                self.third.d.next = 1.into();
            }
        }

        if self.third.q.val() == 0 {
            self.word[0].next = self.shifted.q.val().get_bits::<32>(0);
            self.word[1].next = self.shifted.q.val().get_bits::<32>(32);
            self.word[2].next = self.shifted.q.val().get_bits::<32>(64);
        } else if self.third.q.val() == 1 {
            self.word[0].next = self.shifted.q.val().get_bits::<32>(64);
            self.word[1].next = self.shifted.q.val().get_bits::<32>(0);
            self.word[2].next = self.shifted.q.val().get_bits::<32>(32);
        } else {
            self.word[0].next = self.shifted.q.val().get_bits::<32>(32);
            self.word[1].next = self.shifted.q.val().get_bits::<32>(64);
            self.word[2].next = self.shifted.q.val().get_bits::<32>(0);
        }
        self.three.next = 7.into();
        self.wanted.next = self.three.val() << self.limb_at.q.val();
        self.clear_2.d.next = self.clear_1.q.val();
        for i in 0..LIMBS {
            self.limb[i].clock.next = self.clock.val();
            self.limb[i].clear.next = self.clear_2.q.val();
            self.limb[i].enable.next = self.wanted.val().get_bit(i) & self.counts_1.q.val();
            if i == 0 {
                self.limb[i].carry_in.next = 0.into();
            } else {
                self.limb[i].carry_in.next = self.limb[i - 1].carry_out.val();
            }
            self.pack.x[i].next = self.limb[i].value.val();
        }
        for i in 0..7 {
            for j in 0..3 {
                if 3 * i + j < LIMBS {
                    self.limb[3 * i + j].x.next = self.word[j].val();
                }
            }
        }
        self.sum.next = self.pack.packed.val();
    }
    unit!("fp32_square_sum"; LIMBS);
}
