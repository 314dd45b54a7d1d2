use rust_hdl_core::prelude::*;

/// A memory of `2^A` words of `D` bits with one write port and one read port, both on one clock.
///
/// A read takes one cycle; reading the word that is being written returns the old value. Synthesis makes it of block RAM,
/// or of LUT RAM where it is small. All words start at 0.
#[derive(Clone, Debug, LogicBlock)]
pub struct Ram<const A: usize, const D: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Whether this cycle writes.
    pub write_enable: Signal<In, Bit>,
    /// Where to.
    pub write_address: Signal<In, Bits<A>>,
    /// What.
    pub write_data: Signal<In, Bits<D>>,
    /// What to read.
    pub read_address: Signal<In, Bits<A>>,
    /// The word at last cycle's `read_address`.
    pub read_data: Signal<Out, Bits<D>>,
    _words: Vec<Bits<D>>,
}

impl<const A: usize, const D: usize> Default for Ram<A, D> {
    fn default() -> Self {
        Ram {
            clock: Signal::default(),
            write_enable: Signal::default(),
            write_address: Signal::default(),
            write_data: Signal::default(),
            read_address: Signal::default(),
            read_data: Signal::default(),
            _words: vec![Bits::default(); 1 << A],
        }
    }
}

impl<const A: usize, const D: usize> Logic for Ram<A, D> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.read_data.next = self._words[self.read_address.val().index()];
            if self.write_enable.val() {
                self._words[self.write_address.val().index()] = self.write_data.val();
            }
        }
    }
    fn connect(&mut self) {
        self.read_data.connect();
    }
    fn hdl(&self) -> Verilog {
        Verilog::Custom(format!(
            "reg [{}:0] words [0:{}];\nreg [{}:0] word = {D}'d0;\nassign read_data = word;\n\
             integer i;\ninitial for (i = 0; i < {}; i = i + 1) words[i] = {D}'d0;\n\
             always @(posedge clock) begin\n    word <= words[read_address];\n    \
             if (write_enable) words[write_address] <= write_data;\nend",
            D - 1,
            (1usize << A) - 1,
            D - 1,
            1usize << A
        ))
    }
    crate::unit!(A, D);
}
