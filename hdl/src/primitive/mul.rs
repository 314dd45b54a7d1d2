use rust_hdl_core::prelude::*;

/// An unsigned multiplier, combinational: `p = a * b`, with `P >= A + B` bits of product.
///
/// Put a [`super::Reg`] on each side of it and synthesis fills the DSP's own registers. At most 64 bits of product.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Mul<const A: usize, const B: usize, const P: usize> {
    /// First factor.
    pub a: Signal<In, Bits<A>>,
    /// Second factor.
    pub b: Signal<In, Bits<B>>,
    /// Product.
    pub p: Signal<Out, Bits<P>>,
}

impl<const A: usize, const B: usize, const P: usize> Logic for Mul<A, B, P> {
    fn update(&mut self) {
        let product = u128::from(self.a.val().to_u64()) * u128::from(self.b.val().to_u64());
        self.p.next = (product as u64).to_bits();
    }
    fn connect(&mut self) {
        self.p.connect();
    }
    fn hdl(&self) -> Verilog {
        assert!(P >= A + B && P <= 64, "Mul<{A}, {B}, {P}>: the product needs {} bits, 64 at most", A + B);
        Verilog::Custom(format!("@inline\nassign $(p) = {{{}'d0, $(a)}} * {{{}'d0, $(b)}};", P - A, P - B))
    }
}
