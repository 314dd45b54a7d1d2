use crate::prelude::*;

/// The magnitude of `product + c` or `product - c` in the 76-bit window of [`super::AddendAlign`].
///
/// A difference is `s = product + !c` with an end-around carry. Where that carries out, `product > c` and the magnitude is
/// `s + 1` (just `s` with ones of `c` below the window, since `-(c + t) = !c + (1 - t)` for `0 < t < 1`). Where it does not,
/// `product <= c` and the magnitude is `!s`: the complement is left to the caller, whose next stage has room for it. So one
/// adder does, and two increments, of 38 bits each to keep carry chains short.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct WideSum {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The product, bits 49 to 2 of the window.
    pub product: Signal<In, Bits<48>>,
    /// The aligned summand.
    pub c: Signal<In, Bits<76>>,
    /// Whether a one of the summand lies below the window. Only where the product is the larger.
    pub sticky: Signal<In, Bit>,
    /// Whether to subtract.
    pub subtract: Signal<In, Bit>,
    /// The magnitude, or its complement.
    pub sum: Signal<Out, Bits<76>>,
    /// Whether `sum` is the complement: the summand was subtracted from a smaller product, or an equal one.
    pub complement: Signal<Out, Bit>,
    addend: Signal<Local, Bits<76>>,
    low_sum: Signal<Local, Bits<37>>,
    low_0: Reg<Bits<39>>,
    high_0: Reg<Bits<39>>,
    subtract_0: Reg<Bit>,
    sticky_0: Reg<Bit>,
    low_1: Reg<Bits<39>>,
    high_1: Reg<Bits<39>>,
    subtract_1: Reg<Bit>,
    sticky_1: Reg<Bit>,
    carry_out: Signal<Local, Bit>,
    increment: Signal<Local, Bit>,
    low_2: Reg<Bits<39>>,
    high_2: Reg<Bits<38>>,
    complement_2: Reg<Bit>,
    low_3: Reg<Bits<38>>,
    high_3: Reg<Bits<38>>,
    complement_3: Reg<Bit>,
}

impl WideSum {
    /// Cycles from the operands to every output.
    pub const LATENCY: usize = 4;
}

impl Logic for WideSum {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            low_0,
            high_0,
            subtract_0,
            sticky_0,
            low_1,
            high_1,
            subtract_1,
            sticky_1,
            low_2,
            high_2,
            complement_2,
            low_3,
            high_3,
            complement_3
        );

        self.addend.next = self.c.val();
        if self.subtract.val() {
            self.addend.next = !self.c.val();
        }
        self.low_sum.next = bit_cast::<37, 36>(self.product.val().get_bits::<36>(0))
            + bit_cast::<37, 36>(self.addend.val().get_bits::<36>(2));
        self.low_0.d.next =
            (bit_cast::<39, 37>(self.low_sum.val()) << 2) | bit_cast::<39, 2>(self.addend.val().get_bits::<2>(0));
        self.high_0.d.next = bit_cast::<39, 12>(self.product.val().get_bits::<12>(36))
            + bit_cast::<39, 38>(self.addend.val().get_bits::<38>(38));
        self.subtract_0.d.next = self.subtract.val();
        self.sticky_0.d.next = self.sticky.val();

        self.low_1.d.next = self.low_0.q.val();
        self.high_1.d.next = self.high_0.q.val() + bit_cast::<39, 1>(self.low_0.q.val().get_bits::<1>(38));
        self.subtract_1.d.next = self.subtract_0.q.val();
        self.sticky_1.d.next = self.sticky_0.q.val();

        // A sum never carries out: two blank bits part the summand at the top from the product.
        self.carry_out.next = self.high_1.q.val().get_bit(38);
        self.increment.next = self.subtract_1.q.val() & self.carry_out.val() & !self.sticky_1.q.val();
        self.low_2.d.next =
            bit_cast::<39, 38>(self.low_1.q.val().get_bits::<38>(0)) + bit_cast::<39, 1>(self.increment.val().into());
        self.high_2.d.next = self.high_1.q.val().get_bits::<38>(0);
        self.complement_2.d.next = self.subtract_1.q.val() & !self.carry_out.val();

        self.low_3.d.next = self.low_2.q.val().get_bits::<38>(0);
        self.high_3.d.next = self.high_2.q.val() + bit_cast::<38, 1>(self.low_2.q.val().get_bits::<1>(38));
        self.complement_3.d.next = self.complement_2.q.val();

        self.sum.next = (bit_cast::<76, 38>(self.high_3.q.val()) << 38) | bit_cast::<76, 38>(self.low_3.q.val());
        self.complement.next = self.complement_3.q.val();
    }
    unit!();
}
