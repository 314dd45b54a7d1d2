use crate::prelude::*;

/// `y = a` from bfloat16 to binary32: exact, subnormals kept, every NaN 0x7FC00000.
///
/// A bfloat16 is the upper half of a binary32, so only NaNs are looked at.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Bf16ToFp32 {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Operand, a bfloat16.
    pub a: Signal<In, Bits<16>>,
    /// The operand of `LATENCY` cycles ago as a binary32.
    pub y: Signal<Out, Bits<32>>,
    nan: Signal<Local, Bit>,
    upper: Reg<Bits<16>>,
}

impl Bf16ToFp32 {
    /// Cycles from the operand to `y`.
    pub const LATENCY: usize = 1;
}

impl Logic for Bf16ToFp32 {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, upper);
        self.nan.next = self.a.val().get_bits::<8>(7).all() & self.a.val().get_bits::<7>(0).any();
        self.upper.d.next = self.a.val();
        if self.nan.val() {
            self.upper.d.next = 0x7fc0.into();
        }
        self.y.next = bit_cast::<32, 16>(self.upper.q.val()) << 16;
    }
    unit!("bf16_to_fp32");
}
