use super::AlignDigit;
use crate::prelude::*;

/// `y = a` from binary32 to binary16: rounded once, to nearest even, subnormals kept, too large is infinite, every NaN
/// 0x7E00.
///
/// The significand is cut to eleven bits and a guard bit, and the rest kept as a sticky bit. From 2^-14 up the result is
/// normal and nothing is shifted; below, the significand moves right by `113 - exponent`, hidden bit included, so that
/// rounding happens once and at the right bit. A fraction of all ones carries into the exponent, which is then the right
/// one, infinity among them.
///
/// Neither difference needs a subtractor: the biases differ by 112, a multiple of 16, and a shift counts only below 16.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Fp32ToFp16 {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Operand, a binary32.
    pub a: Signal<In, Bits<32>>,
    /// The operand of `LATENCY` cycles ago as a binary16.
    pub y: Signal<Out, Bits<16>>,
    field: Signal<Local, Bits<8>>,
    sign: Reg<Bit>,
    nan: Reg<Bit>,
    infinite: Reg<Bit>,
    exponent: Reg<Bits<5>>,
    window: Reg<Bits<12>>,
    tail: Reg<Bit>,
    shift: Reg<Bits<4>>,
    coarse: AlignDigit<12, 4>,
    fine: AlignDigit<12, 1>,
    sticky: Signal<Local, Bit>,
    aligned: Reg<Bits<15>>,
    up: Reg<Bit>,
    aligned_sign: Reg<Bit>,
    aligned_nan: Reg<Bit>,
    rounded: Reg<Bits<16>>,
}

impl Fp32ToFp16 {
    /// Cycles from the operand to `y`.
    pub const LATENCY: usize = 3;
}

impl Logic for Fp32ToFp16 {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            sign,
            nan,
            infinite,
            exponent,
            window,
            tail,
            shift,
            aligned,
            up,
            aligned_sign,
            aligned_nan,
            rounded
        );
        self.field.next = self.a.val().get_bits::<8>(23);
        self.sign.d.next = self.a.val().get_bit(31);
        self.nan.d.next = self.field.val().all() & self.a.val().get_bits::<23>(0).any();
        self.infinite.d.next = self.field.val() >= 143;
        self.window.d.next = bit_cast::<12, 11>(self.a.val().get_bits::<11>(12)) | 0x800;
        self.tail.d.next = self.a.val().get_bits::<12>(0).any();
        // exponent - 112 where that is from 1 to 30.
        self.exponent.d.next = self.field.val().get_bits::<5>(0) ^ 16;
        self.shift.d.next = 0.into();
        if self.field.val() < 113 {
            self.exponent.d.next = 0.into();
            // 113 - exponent where that is from 1 to 15.
            self.shift.d.next = !self.field.val().get_bits::<4>(0) + 2;
        }
        // Below 2^-25 everything is nearer to zero.
        if self.field.val() < 102 {
            self.window.d.next = 0.into();
        }

        self.coarse.x.next = self.window.q.val();
        self.coarse.digit.next = self.shift.q.val().get_bits::<2>(2);
        self.fine.x.next = self.coarse.y.val();
        self.fine.digit.next = self.shift.q.val().get_bits::<2>(0);
        self.sticky.next = self.tail.q.val() | self.coarse.dropped.val() | self.fine.dropped.val();
        self.aligned.d.next =
            (bit_cast::<15, 5>(self.exponent.q.val()) << 10) | bit_cast::<15, 10>(self.fine.y.val().get_bits::<10>(1));
        self.up.d.next = self.fine.y.val().get_bit(0) & (self.fine.y.val().get_bit(1) | self.sticky.val());
        if self.infinite.q.val() {
            self.aligned.d.next = 0x7c00.into();
            self.up.d.next = false;
        }
        self.aligned_sign.d.next = self.sign.q.val();
        self.aligned_nan.d.next = self.nan.q.val();

        self.rounded.d.next = (bit_cast::<16, 1>(self.aligned_sign.q.val().into()) << 15)
            | bit_cast::<16, 15>(self.aligned.q.val() + bit_cast::<15, 1>(self.up.q.val().into()));
        if self.aligned_nan.q.val() {
            self.rounded.d.next = 0x7e00.into();
        }
        self.y.next = self.rounded.q.val();
    }
    unit!("fp32_to_fp16");
}
