use crate::prelude::*;

/// `y = a` from binary32 to bfloat16: rounded to nearest even, subnormals kept, every NaN 0x7FC0.
///
/// A bfloat16 is the upper half of a binary32, so rounding adds one to it or does not. A fraction of all ones carries into
/// the exponent, which is then the right one: the smallest normal after the largest subnormal, infinity after the largest
/// finite number.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Fp32ToBf16 {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Operand, a binary32.
    pub a: Signal<In, Bits<32>>,
    /// The operand of `LATENCY` cycles ago as a bfloat16.
    pub y: Signal<Out, Bits<16>>,
    nan: Signal<Local, Bit>,
    upper: Reg<Bits<16>>,
    up: Reg<Bit>,
    rounded: Reg<Bits<16>>,
}

impl Fp32ToBf16 {
    /// Cycles from the operand to `y`.
    pub const LATENCY: usize = 2;
}

impl Logic for Fp32ToBf16 {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, upper, up, rounded);
        self.nan.next = self.a.val().get_bits::<8>(23).all() & self.a.val().get_bits::<23>(0).any();
        self.upper.d.next = self.a.val().get_bits::<16>(16);
        self.up.d.next = self.a.val().get_bit(15) & (self.a.val().get_bit(16) | self.a.val().get_bits::<15>(0).any());
        if self.nan.val() {
            self.upper.d.next = 0x7fc0.into();
            self.up.d.next = false;
        }

        self.rounded.d.next = self.upper.q.val() + bit_cast::<16, 1>(self.up.q.val().into());
        self.y.next = self.rounded.q.val();
    }
    unit!("fp32_to_bf16");
}
