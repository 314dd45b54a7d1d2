use rust_hdl_core::prelude::*;

/// Joins `N` words of `W` bits into one of `NW = N * W`, word 0 lowest.
#[derive(Clone, Debug, LogicBlock)]
pub struct Pack<const N: usize, const W: usize, const NW: usize> {
    /// The words.
    pub x: [Signal<In, Bits<W>>; N],
    /// All of them.
    pub packed: Signal<Out, Bits<NW>>,
}

impl<const N: usize, const W: usize, const NW: usize> Default for Pack<N, W, NW> {
    fn default() -> Self {
        Pack { x: std::array::from_fn(|_| Signal::default()), packed: Signal::default() }
    }
}

impl<const N: usize, const W: usize, const NW: usize> Logic for Pack<N, W, NW> {
    fn update(&mut self) {
        let mut all = Bits::<NW>::default();
        for (i, word) in self.x.iter().enumerate() {
            all.set_bits::<W>(i * W, word.val());
        }
        self.packed.next = all;
    }
    fn connect(&mut self) {
        self.packed.connect();
    }
    fn hdl(&self) -> Verilog {
        assert!(NW == N * W, "Pack<{N}, {W}, {NW}>: {N} words of {W} bits are {} bits", N * W);
        let words: Vec<String> = (0..N).rev().map(|i| format!("$(x[{i}])")).collect();
        Verilog::Custom(format!("@inline\nassign $(packed) = {{{}}};", words.join(", ")))
    }
}
