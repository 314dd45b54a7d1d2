use crate::prelude::*;
use nearfield_abi::topk::format;

/// A value of a Top-K stream as binary32, exactly; combinational.
///
/// `format` is one of `nearfield_abi::topk::format`. A 16-bit value stands in the low half of `x`. Formats fp32 and bf16 keep
/// every bit; an fp16 NaN becomes 0x7FC00000. The upper half of an fp16 or bf16 value's `x` does not matter.
#[derive(Clone, Debug, LogicBlock)]
pub struct Value {
    /// Format of `x`.
    pub format: Signal<In, Bits<2>>,
    /// The value as it stands in the stream.
    pub x: Signal<In, Bits<32>>,
    /// The same as binary32.
    pub y: Signal<Out, Bits<32>>,
    exponent: Signal<Local, Bits<5>>,
    fraction: Signal<Local, Bits<10>>,
    /// A subnormal's fraction, shifted up until its leading one is bit 9, in four steps.
    by_8: Signal<Local, Bits<10>>,
    by_4: Signal<Local, Bits<10>>,
    by_2: Signal<Local, Bits<10>>,
    by_1: Signal<Local, Bits<10>>,
    /// Zeros above the leading one.
    zeros: Signal<Local, Bits<8>>,
    field: Signal<Local, Bits<8>>,
    mantissa: Signal<Local, Bits<10>>,
    half: Signal<Local, Bits<32>>,
    subnormal: Constant<Bits<8>>,
    fp16: Constant<Bits<2>>,
    bf16: Constant<Bits<2>>,
}

impl Default for Value {
    fn default() -> Self {
        Value {
            format: Signal::default(),
            x: Signal::default(),
            y: Signal::default(),
            exponent: Signal::default(),
            fraction: Signal::default(),
            by_8: Signal::default(),
            by_4: Signal::default(),
            by_2: Signal::default(),
            by_1: Signal::default(),
            zeros: Signal::default(),
            field: Signal::default(),
            mantissa: Signal::default(),
            half: Signal::default(),
            subnormal: Constant::new(112.into()),
            fp16: Constant::new(u64::from(format::FP16).into()),
            bf16: Constant::new(u64::from(format::BF16).into()),
        }
    }
}

impl Logic for Value {
    #[hdl_gen]
    fn update(&mut self) {
        self.exponent.next = self.x.val().get_bits::<5>(10);
        self.fraction.next = self.x.val().get_bits::<10>(0);

        self.zeros.next = 0.into();
        self.by_8.next = self.fraction.val();
        if !self.fraction.val().get_bits::<8>(2).any() {
            self.by_8.next = self.fraction.val() << 8;
            self.zeros.next = 8.into();
        }
        self.by_4.next = self.by_8.val();
        if !self.by_8.val().get_bits::<4>(6).any() {
            self.by_4.next = self.by_8.val() << 4;
            self.zeros.next = self.zeros.val() | 4;
        }
        self.by_2.next = self.by_4.val();
        if !self.by_4.val().get_bits::<2>(8).any() {
            self.by_2.next = self.by_4.val() << 2;
            self.zeros.next = self.zeros.val() | 2;
        }
        self.by_1.next = self.by_2.val();
        if !self.by_2.val().get_bit(9) {
            self.by_1.next = self.by_2.val() << 1;
            self.zeros.next = self.zeros.val() | 1;
        }

        comment!("The biases differ by 112; bit 9 of a subnormal's fraction is worth 2^-15, which is exponent field 112 too.");
        self.field.next = bit_cast::<8, 5>(self.exponent.val()) + 112;
        self.mantissa.next = self.fraction.val();
        if !self.exponent.val().any() {
            self.field.next = 0.into();
            if self.fraction.val().any() {
                self.field.next = self.subnormal.val() - self.zeros.val();
                self.mantissa.next = self.by_1.val() << 1;
            }
        }
        if self.exponent.val().all() {
            self.field.next = 255.into();
        }
        self.half.next = (bit_cast::<32, 1>(self.x.val().get_bit(15).into()) << 31)
            | (bit_cast::<32, 8>(self.field.val()) << 23)
            | (bit_cast::<32, 10>(self.mantissa.val()) << 13);
        if self.exponent.val().all() && self.fraction.val().any() {
            self.half.next = 0x7fc0_0000.into();
        }

        self.y.next = self.x.val();
        if self.format.val() == self.fp16.val() {
            self.y.next = self.half.val();
        }
        if self.format.val() == self.bf16.val() {
            self.y.next = self.x.val() << 16;
        }
    }
    unit!("topk_value");
}
