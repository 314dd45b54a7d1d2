use crate::prelude::*;

/// Counts the cycles in which `increment` is 1, modulo 2^32.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Tally {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Back to 0.
    pub clear: Signal<In, Bit>,
    /// One more.
    pub increment: Signal<In, Bit>,
    /// How many there were.
    pub count: Signal<Out, Bits<32>>,
    total: Reg<Bits<32>>,
}

impl Logic for Tally {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, total);
        if self.increment.val() {
            self.total.d.next = self.total.q.val() + 1;
        }
        if self.clear.val() {
            self.total.d.next = 0.into();
        }
        self.count.next = self.total.q.val();
    }
    unit!("sgcn_tally");
}
