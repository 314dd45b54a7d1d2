use rust_hdl_core::prelude::*;

/// A register: `q` takes `d` at the rising edge.
///
/// Wire it with [`crate::dff_setup!`] and write `self.r.d.next`; read `self.r.q.val()`. It starts at `init` (0 unless
/// built with [`Reg::new`]), which FPGA configuration, Yosys and Verilator honour. For a reset, write the reset value
/// last in `update`: `if self.reset.val() { self.r.d.next = 0.into(); }`.
#[derive(Clone, Debug, LogicBlock)]
pub struct Reg<T: Synth> {
    /// Next value.
    pub d: Signal<In, T>,
    /// Current value.
    pub q: Signal<Out, T>,
    /// Clock.
    pub clock: Signal<In, Clock>,
    _init: T,
}

impl<T: Synth> Reg<T> {
    /// A register that starts at `init`.
    pub fn new(init: T) -> Self {
        Reg { d: Signal::default(), q: Signal::new_with_default(init), clock: Signal::default(), _init: init }
    }
}

impl<T: Synth> Default for Reg<T> {
    fn default() -> Self {
        Reg::new(T::default())
    }
}

impl<T: Synth> Logic for Reg<T> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.q.next = self.d.val();
        }
    }
    fn connect(&mut self) {
        self.q.connect();
    }
    fn hdl(&self) -> Verilog {
        Verilog::Custom(format!("@reg {:x}", self._init.verilog()))
    }
}
