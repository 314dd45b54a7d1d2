use crate::prelude::*;

/// The exact product of two 24-bit significands, in two DSPs.
///
/// A DSP multiplies 26 by 17 unsigned bits, so `b` is cut in 17 and 7. The second DSP adds the first one's product,
/// shifted by 17, in its own adder; registers stand where the DSP has its own (factors are registered by the caller).
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Product {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// First factor.
    pub a: Signal<In, Bits<24>>,
    /// Second factor.
    pub b: Signal<In, Bits<24>>,
    /// The product.
    pub p: Signal<Out, Bits<48>>,
    low: Mul<24, 17, 41>,
    high: Mul<24, 7, 31>,
    a_r: Reg<Bits<24>>,
    b_r: Reg<Bits<7>>,
    low_m: Reg<Bits<41>>,
    low_p: Reg<Bits<41>>,
    high_m: Reg<Bits<31>>,
    high_p: Reg<Bits<31>>,
    bottom: Reg<Bits<17>>,
}

impl Product {
    /// Cycles from the factors to `p`.
    pub const LATENCY: usize = 3;
}

impl Logic for Product {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, a_r, b_r, low_m, low_p, high_m, high_p, bottom);
        self.low.a.next = self.a.val();
        self.low.b.next = self.b.val().get_bits::<17>(0);
        self.low_m.d.next = self.low.p.val();
        self.low_p.d.next = self.low_m.q.val();

        // One cycle behind, so that the first product is there when it is added.
        self.a_r.d.next = self.a.val();
        self.b_r.d.next = self.b.val().get_bits::<7>(17);
        self.high.a.next = self.a_r.q.val();
        self.high.b.next = self.b_r.q.val();
        self.high_m.d.next = self.high.p.val();
        self.high_p.d.next = self.high_m.q.val() + bit_cast::<31, 24>(self.low_p.q.val().get_bits::<24>(17));
        self.bottom.d.next = self.low_p.q.val().get_bits::<17>(0);
        self.p.next = (bit_cast::<48, 31>(self.high_p.q.val()) << 17) | bit_cast::<48, 17>(self.bottom.q.val());
    }
    unit!("significand_product");
}
