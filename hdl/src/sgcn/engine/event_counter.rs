use crate::prelude::*;

/// Counts events, modulo 2^32: `amount` in this cycle, 0 to 16.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct EventCounter {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Back to 0.
    pub clear: Signal<In, Bit>,
    /// How many more.
    pub amount: Signal<In, Bits<5>>,
    /// How many there were.
    pub count: Signal<Out, Bits<32>>,
    total: Reg<Bits<32>>,
}

impl Logic for EventCounter {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, total);
        self.total.d.next = self.total.q.val() + bit_cast::<32, 5>(self.amount.val());
        if self.clear.val() {
            self.total.d.next = 0.into();
        }
        self.count.next = self.total.q.val();
    }
    unit!("sgcn_event_counter");
}
