use crate::prelude::*;

/// Counts the cycles in which `increment` is 1, in 48 bits: ten days at 300 MHz.
///
/// The upper half follows a cycle after the carry of the lower one, which keeps the carry chain at 24 bits; the value is
/// right two cycles after the last increment. `clear` wins over `increment`.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Counter {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Back to 0.
    pub clear: Signal<In, Bit>,
    /// One more.
    pub increment: Signal<In, Bit>,
    /// How many there were.
    pub count: Signal<Out, Bits<48>>,
    low: Reg<Bits<24>>,
    carry: Reg<Bit>,
    high: Reg<Bits<24>>,
}

impl Logic for Counter {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, low, carry, high);
        self.carry.d.next = false;
        if self.increment.val() {
            self.low.d.next = self.low.q.val() + 1;
            self.carry.d.next = self.low.q.val().all();
        }
        if self.carry.q.val() {
            self.high.d.next = self.high.q.val() + 1;
        }
        if self.clear.val() {
            self.low.d.next = 0.into();
            self.carry.d.next = false;
            self.high.d.next = 0.into();
        }
        self.count.next = (bit_cast::<48, 24>(self.high.q.val()) << 24) | bit_cast::<48, 24>(self.low.q.val());
    }
    unit!("axi_counter");
}
