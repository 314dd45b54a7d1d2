use super::NormaliseDigit;
use crate::prelude::*;

/// `y = a` from binary16 to binary32: exact, every NaN 0x7FC00000.
///
/// Every subnormal of binary16 is a normal number of binary32: the leading zeros of the significand are shifted out and
/// taken from the exponent. A normal has none, so that nothing tells the two apart but the hidden bit.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Fp16ToFp32 {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Operand, a binary16.
    pub a: Signal<In, Bits<16>>,
    /// The operand of `LATENCY` cycles ago as a binary32.
    pub y: Signal<Out, Bits<32>>,
    field: Signal<Local, Bits<5>>,
    hidden: Signal<Local, Bit>,
    significand: Signal<Local, Bits<11>>,
    coarse: NormaliseDigit<26, 14, 4>,
    fine: NormaliseDigit<14, 11, 1>,
    sign: Reg<Bit>,
    exponent: Reg<Bits<5>>,
    shift: Reg<Bits<4>>,
    normal: Reg<Bits<11>>,
    special: Reg<Bit>,
    widened: Reg<Bits<32>>,
}

impl Fp16ToFp32 {
    /// Cycles from the operand to `y`.
    pub const LATENCY: usize = 2;
}

impl Logic for Fp16ToFp32 {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, sign, exponent, shift, normal, special, widened);
        self.field.next = self.a.val().get_bits::<5>(10);
        self.hidden.next = self.field.val().any();
        self.significand.next =
            (bit_cast::<11, 1>(self.hidden.val().into()) << 10) | bit_cast::<11, 10>(self.a.val().get_bits::<10>(0));

        // No limit: at most 10 zeros are shifted out of what is not zero.
        self.coarse.x.next = bit_cast::<26, 11>(self.significand.val()) << 15;
        self.coarse.limit.next = 3.into();
        self.coarse.free.next = true;
        self.fine.x.next = self.coarse.y.val();
        self.fine.limit.next = 3.into();
        self.fine.free.next = true;
        self.sign.d.next = self.a.val().get_bit(15);
        self.exponent.d.next = self.field.val() | bit_cast::<5, 1>((!self.hidden.val()).into());
        self.shift.d.next = (bit_cast::<4, 2>(self.coarse.digit.val()) << 2) | bit_cast::<4, 2>(self.fine.digit.val());
        self.normal.d.next = self.fine.y.val();
        self.special.d.next = self.field.val().all();

        // 112 is the difference of the two biases.
        self.widened.d.next = (bit_cast::<32, 1>(self.sign.q.val().into()) << 31)
            | ((bit_cast::<32, 5>(self.exponent.q.val()) + 112 - bit_cast::<32, 4>(self.shift.q.val())) << 23)
            | (bit_cast::<32, 10>(self.normal.q.val().get_bits::<10>(0)) << 13);
        if self.special.q.val() {
            self.widened.d.next = (bit_cast::<32, 1>(self.sign.q.val().into()) << 31) | 0x7f80_0000;
        }
        if self.special.q.val() & self.normal.q.val().get_bits::<10>(0).any() {
            self.widened.d.next = 0x7fc0_0000.into();
        }
        // Only a zero has no bit to put at the top.
        if !self.normal.q.val().get_bit(10) {
            self.widened.d.next = bit_cast::<32, 1>(self.sign.q.val().into()) << 31;
        }
        self.y.next = self.widened.q.val();
    }
    unit!("fp16_to_fp32");
}
