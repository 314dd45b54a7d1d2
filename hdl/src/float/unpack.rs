use crate::prelude::*;

/// Takes a binary32 word apart, in one cycle.
///
/// The value of a finite word is `(-1)^sign * significand * 2^(exponent - 150)`. A subnormal has `exponent` 1, as the
/// smallest normals have, and bit 23 of `significand` clear: nothing after this block needs to tell the two apart.
/// For an infinity or a NaN `exponent` is 255 and the flag says which.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Unpack {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The word.
    pub x: Signal<In, Bits<32>>,
    /// Its sign.
    pub sign: Signal<Out, Bit>,
    /// Its biased exponent, 1 for zeros and subnormals.
    pub exponent: Signal<Out, Bits<8>>,
    /// Its fraction below the hidden bit.
    pub significand: Signal<Out, Bits<24>>,
    /// Whether it is +0 or -0.
    pub zero: Signal<Out, Bit>,
    /// Whether it is an infinity.
    pub infinite: Signal<Out, Bit>,
    /// Whether it is a NaN, of either kind.
    pub nan: Signal<Out, Bit>,
    field: Signal<Local, Bits<8>>,
    fraction: Signal<Local, Bits<23>>,
    hidden: Signal<Local, Bit>,
    fraction_any: Signal<Local, Bit>,
    sign_r: Reg<Bit>,
    exponent_r: Reg<Bits<8>>,
    significand_r: Reg<Bits<24>>,
    zero_r: Reg<Bit>,
    infinite_r: Reg<Bit>,
    nan_r: Reg<Bit>,
}

impl Unpack {
    /// Cycles from `x` to every output.
    pub const LATENCY: usize = 1;
}

impl Logic for Unpack {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, sign_r, exponent_r, significand_r, zero_r, infinite_r, nan_r);
        self.field.next = self.x.val().get_bits::<8>(23);
        self.fraction.next = self.x.val().get_bits::<23>(0);
        self.hidden.next = self.field.val().any();
        self.fraction_any.next = self.fraction.val().any();
        self.sign_r.d.next = self.x.val().get_bit(31);
        self.exponent_r.d.next = self.field.val() | bit_cast::<8, 1>((!self.hidden.val()).into());
        self.significand_r.d.next =
            (bit_cast::<24, 1>(self.hidden.val().into()) << 23) | bit_cast::<24, 23>(self.fraction.val());
        self.zero_r.d.next = !self.hidden.val() & !self.fraction_any.val();
        self.infinite_r.d.next = self.field.val().all() & !self.fraction_any.val();
        self.nan_r.d.next = self.field.val().all() & self.fraction_any.val();
        self.sign.next = self.sign_r.q.val();
        self.exponent.next = self.exponent_r.q.val();
        self.significand.next = self.significand_r.q.val();
        self.zero.next = self.zero_r.q.val();
        self.infinite.next = self.infinite_r.q.val();
        self.nan.next = self.nan_r.q.val();
    }
    unit!();
}
