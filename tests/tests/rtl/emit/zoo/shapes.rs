//! Expressions, unsigned and signed.

// Rust's precedence without parentheses is what is tried.
#![allow(clippy::precedence)]

use nearfield_hdl::prelude::*;

/// The shapes whose meaning rust-hdl's generator changes, and their neighbours.
#[derive(LogicBlock, Default)]
pub struct Shapes {
    pub a: Signal<In, Bits<8>>,
    pub b: Signal<In, Bits<8>>,
    pub c: Signal<In, Bits<8>>,
    pub s: Signal<In, Bits<3>>,
    pub o_precedence: Signal<Out, Bit>,
    pub o_carry_cut: Signal<Out, Bits<9>>,
    pub o_carry_kept: Signal<Out, Bits<9>>,
    pub o_increment: Signal<Out, Bit>,
    pub o_increment_shift: Signal<Out, Bits<8>>,
    pub o_not: Signal<Out, Bit>,
    pub o_shift_out: Signal<Out, Bit>,
    pub o_borrow: Signal<Out, Bit>,
    pub o_above: Signal<Out, Bit>,
    pub o_cast_shift: Signal<Out, Bits<16>>,
    pub o_reverse: Signal<Out, Bits<8>>,
    pub o_mixed: Signal<Out, Bits<8>>,
    pub o_reduce: Signal<Out, Bits<4>>,
    pub o_narrow: Signal<Out, Bits<5>>,
    pub o_past_top: Signal<Out, Bits<8>>,
    pub o_joined: Signal<Out, Bits<24>>,
    pub o_not_joined: Signal<Out, Bits<16>>,
    pub o_replaced: Signal<Out, Bits<8>>,
    pub o_replaced_at: Signal<Out, Bits<8>>,
    pub o_bit: Signal<Out, Bit>,
    pub o_bit_at: Signal<Out, Bit>,
    pub o_plus_bool: Signal<Out, Bits<8>>,
    pub o_product: Signal<Out, Bits<32>>,
    pub o_logic: Signal<Out, Bit>,
}

impl Logic for Shapes {
    #[hdl_gen]
    fn update(&mut self) {
        self.o_precedence.next = (self.a.val() & self.b.val()) == self.c.val();
        self.o_carry_cut.next = bit_cast::<9, 8>(self.a.val() + self.b.val());
        self.o_carry_kept.next = bit_cast::<9, 8>(self.a.val()) + bit_cast::<9, 8>(self.b.val());
        self.o_increment.next = (self.a.val() + 1) == self.c.val();
        self.o_increment_shift.next = (self.a.val() + 1) >> 1;
        self.o_not.next = (!self.a.val()) == 0;
        self.o_shift_out.next = (self.a.val() << 1) == 0;
        self.o_borrow.next = (self.a.val() - self.b.val()) == 255;
        self.o_above.next = (self.a.val() + self.b.val()) > 200;
        self.o_cast_shift.next = bit_cast::<16, 8>(self.a.val() << self.b.val());
        self.o_reverse.next = 200 - self.a.val();
        self.o_mixed.next = self.a.val() - self.b.val() - self.c.val() ^ self.a.val() & self.b.val() | self.c.val();
        self.o_reduce.next = (bit_cast::<4, 1>(self.a.val().any().into()) << 2)
            | (bit_cast::<4, 1>(self.b.val().all().into()) << 1)
            | bit_cast::<4, 1>(self.c.val().xor().into());
        self.o_narrow.next = bit_cast::<5, 8>((self.a.val() + self.b.val()) ^ (self.c.val() << 2));
        self.o_past_top.next = self.a.val().get_bits::<8>(5);
        self.o_joined.next = (bit_cast::<24, 8>(self.a.val()) << 16)
            | bit_cast::<24, 8>(self.b.val())
            | (bit_cast::<24, 3>(self.s.val()) << 10);
        self.o_not_joined.next = (bit_cast::<16, 8>(self.a.val()) << 4) | bit_cast::<16, 8>(self.b.val());
        self.o_replaced.next = self.a.val().replace_bit(5, self.c.val().get_bit(0));
        self.o_replaced_at.next = self.a.val().replace_bit(self.s.val().index(), self.c.val().any());
        self.o_bit.next = self.a.val().get_bit(7);
        self.o_bit_at.next = self.a.val().get_bit(self.s.val().index());
        self.o_plus_bool.next = self.a.val() + (self.b.val() < self.c.val());
        self.o_product.next = bit_cast::<16, 8>(self.a.val()) * bit_cast::<16, 8>(self.b.val());
        self.o_logic.next = (self.a.val() < self.b.val()) && !self.c.val().get_bit(1) || (self.b.val() >= self.c.val());
    }
    unit!();
}

/// Signed arithmetic and comparisons.
#[derive(LogicBlock, Default)]
pub struct SignedShapes {
    pub a: Signal<In, Signed<12>>,
    pub b: Signal<In, Signed<12>>,
    pub u: Signal<In, Bits<12>>,
    pub w: Signal<In, Signed<16>>,
    pub x: Signal<In, Signed<16>>,
    pub sum: Signal<Out, Signed<12>>,
    pub difference: Signal<Out, Signed<12>>,
    pub negated: Signal<Out, Signed<12>>,
    pub less: Signal<Out, Bit>,
    pub greater_equal: Signal<Out, Bit>,
    pub cast: Signal<Out, Signed<12>>,
    pub uncast: Signal<Out, Bits<12>>,
    pub wide: Signal<Out, Signed<20>>,
    pub product: Signal<Out, Signed<32>>,
    pub sign: Signal<Out, Bit>,
}

impl Logic for SignedShapes {
    #[hdl_gen]
    fn update(&mut self) {
        self.sum.next = self.a.val() + self.b.val();
        self.difference.next = self.a.val() - self.b.val();
        self.negated.next = -self.a.val();
        self.less.next = self.a.val() < self.b.val();
        self.greater_equal.next = self.a.val() >= self.b.val();
        self.cast.next = signed_cast(self.u.val());
        self.uncast.next = unsigned_cast(self.a.val());
        self.wide.next = signed_bit_cast::<20, 12>(self.a.val());
        self.product.next = self.w.val() * self.x.val();
        self.sign.next = self.a.val().get_bit(11);
    }
    unit!();
}
