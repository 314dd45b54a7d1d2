use rust_hdl_core::prelude::*;
use std::collections::VecDeque;

/// A line of `N >= 1` registers: `q` is the `d` of `N` cycles ago, 0 before that.
///
/// It has no reset and no enable, so synthesis makes it of shift-register LUTs: 32 cycles a LUT and bit.
#[derive(Clone, Debug, LogicBlock)]
pub struct Delay<const W: usize, const N: usize> {
    /// What goes in.
    pub d: Signal<In, Bits<W>>,
    /// What went in `N` cycles ago.
    pub q: Signal<Out, Bits<W>>,
    /// Clock.
    pub clock: Signal<In, Clock>,
    _line: VecDeque<Bits<W>>,
}

impl<const W: usize, const N: usize> Default for Delay<W, N> {
    fn default() -> Self {
        assert!(N >= 1, "Delay<{W}, {N}>: at least one cycle");
        Delay {
            d: Signal::default(),
            q: Signal::default(),
            clock: Signal::default(),
            _line: std::iter::repeat_n(Bits::default(), N - 1).collect(),
        }
    }
}

impl<const W: usize, const N: usize> Logic for Delay<W, N> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self._line.push_back(self.d.val());
            if let Some(oldest) = self._line.pop_front() {
                self.q.next = oldest;
            }
        }
    }
    fn connect(&mut self) {
        self.q.connect();
    }
    fn hdl(&self) -> Verilog {
        let (top, high) = (W * N - 1, W * (N - 1));
        let cycles = if N == 1 { "cycle" } else { "cycles" };
        let next = if N == 1 { "$(d)".to_string() } else { format!("{{$(self)_line[{}:0], $(d)}}", high - 1) };
        Verilog::Custom(format!(
            "@inline\n// {N} {cycles}\nreg [{top}:0] $(self)_line = {}'d0;\nalways @(posedge $(clock)) $(self)_line <= {next};\n\
             assign $(q) = $(self)_line[{top}:{high}];",
            W * N
        ))
    }
}
