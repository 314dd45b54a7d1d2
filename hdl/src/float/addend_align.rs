use super::AlignDigit;
use crate::prelude::*;

/// Aligns the summand of a fused multiply-add to the product.
///
/// Both are put in a window of 76 bits. The product has a fixed place there: bits 49 to 2. The summand begins at the top,
/// bits 75 to 52, and is shifted right by `exponent(a) + exponent(b) - exponent(c) - 100`:
///
/// * Where that is negative, or the product is zero, the summand stays at the top. The product then seems larger than it is,
///   but as two blank bits part the two it is below the guard bit in either case: only its being there matters.
/// * Two bits below the product are enough although a subnormal factor gives it leading zeros. It has 24 at most, for
///   where both factors are subnormal the summand is at the top; so its first one is at bit 25 or above, and a difference
///   with a summand that reaches below the window begins at bit 24 or above: 24 bits and the guard bit are in the window.
///
/// The top of the window has the biased exponent `limit + 1`; it is 1 at least, so that normalising is a left shift.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct AddendAlign {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Biased exponent of the first factor.
    pub a_exponent: Signal<In, Bits<8>>,
    /// Biased exponent of the second factor.
    pub b_exponent: Signal<In, Bits<8>>,
    /// Whether a factor is zero.
    pub product_zero: Signal<In, Bit>,
    /// Biased exponent of the summand.
    pub c_exponent: Signal<In, Bits<8>>,
    /// Significand of the summand.
    pub c: Signal<In, Bits<24>>,
    /// The summand in the window.
    pub aligned: Signal<Out, Bits<76>>,
    /// Whether a one of it lies below the window.
    pub sticky: Signal<Out, Bit>,
    /// Biased exponent of the window's top, less one.
    pub limit: Signal<Out, Bits<9>>,
    product_exponent: Signal<Local, Bits<10>>,
    c_base: Signal<Local, Bits<10>>,
    difference: Signal<Local, Bits<10>>,
    distance: Reg<Bits<9>>,
    c_limit: Reg<Bits<8>>,
    c_r: Reg<Bits<24>>,
    fine: AlignDigit<27, 1>,
    middle: AlignDigit<39, 4>,
    middle_r: Reg<Bits<39>>,
    coarse: Reg<Bits<3>>,
    limit_r: Reg<Bits<9>>,
    limit_q: Reg<Bits<9>>,
    aligned_r: Reg<Bits<76>>,
    sticky_r: Reg<Bit>,
}

impl AddendAlign {
    /// Cycles from the operands to every output.
    pub const LATENCY: usize = 3;
}

impl Logic for AddendAlign {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, distance, c_limit, c_r, middle_r, coarse, limit_r, limit_q, aligned_r, sticky_r);

        // From -353 to 407: the tenth bit is the sign.
        self.product_exponent.next =
            bit_cast::<10, 8>(self.a_exponent.val()) + bit_cast::<10, 8>(self.b_exponent.val());
        self.c_base.next = bit_cast::<10, 8>(self.c_exponent.val()) + 100;
        self.difference.next = self.product_exponent.val() - self.c_base.val();
        self.distance.d.next = self.difference.val().get_bits::<9>(0);
        if self.difference.val().get_bit(9) | self.product_zero.val() {
            self.distance.d.next = 0.into();
        }
        self.c_limit.d.next = self.c_exponent.val() - 1;
        self.c_r.d.next = self.c.val();

        // Shifting by up to 15 lengthens the summand to 39 bits.
        self.fine.x.next = bit_cast::<27, 24>(self.c_r.q.val()) << 3;
        self.fine.digit.next = self.distance.q.val().get_bits::<2>(0);
        self.middle.x.next = bit_cast::<39, 27>(self.fine.y.val()) << 12;
        self.middle.digit.next = self.distance.q.val().get_bits::<2>(2);
        self.middle_r.d.next = self.middle.y.val();
        // From 80 on, which 7 stands for, nothing is left in the window.
        self.coarse.d.next = self.distance.q.val().get_bits::<3>(4);
        if self.distance.q.val().get_bits::<2>(7).any() {
            self.coarse.d.next = 7.into();
        }
        self.limit_r.d.next = self.distance.q.val() + bit_cast::<9, 8>(self.c_limit.q.val());

        self.limit_q.d.next = self.limit_r.q.val();
        if self.coarse.q.val() == 0 {
            self.aligned_r.d.next = bit_cast::<76, 39>(self.middle_r.q.val()) << 37;
            self.sticky_r.d.next = false;
        } else if self.coarse.q.val() == 1 {
            self.aligned_r.d.next = bit_cast::<76, 39>(self.middle_r.q.val()) << 21;
            self.sticky_r.d.next = false;
        } else if self.coarse.q.val() == 2 {
            self.aligned_r.d.next = bit_cast::<76, 39>(self.middle_r.q.val()) << 5;
            self.sticky_r.d.next = false;
        } else if self.coarse.q.val() == 3 {
            self.aligned_r.d.next = bit_cast::<76, 28>(self.middle_r.q.val().get_bits::<28>(11));
            self.sticky_r.d.next = self.middle_r.q.val().get_bits::<11>(0).any();
        } else if self.coarse.q.val() == 4 {
            self.aligned_r.d.next = bit_cast::<76, 12>(self.middle_r.q.val().get_bits::<12>(27));
            self.sticky_r.d.next = self.middle_r.q.val().get_bits::<27>(0).any();
        } else {
            self.aligned_r.d.next = 0.into();
            self.sticky_r.d.next = self.middle_r.q.val().any();
        }
        self.aligned.next = self.aligned_r.q.val();
        self.sticky.next = self.sticky_r.q.val();
        self.limit.next = self.limit_q.q.val();
    }
    unit!();
}
