use crate::prelude::*;
use crate::sgcn::engine::EventCounter;
use nearfield_abi::kernel::sgcn::PORT_COUNTERS;

/// Counters of a port.
pub const PORT_TALLIES: usize = PORT_COUNTERS.len();

/// The counters of a memory port, in the order of `nearfield_abi::kernel::sgcn::PORT_COUNTERS`, each of the cycles in which its event is 1.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct PortTally {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Back to 0.
    pub clear: Signal<In, Bit>,
    /// The events.
    pub event: [Signal<In, Bit>; PORT_TALLIES],
    /// How many there were.
    pub count: [Signal<Out, Bits<32>>; PORT_TALLIES],
    counter: [EventCounter; PORT_TALLIES],
}

impl Logic for PortTally {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..PORT_TALLIES {
            self.counter[i].clock.next = self.clock.val();
            self.counter[i].clear.next = self.clear.val();
            self.counter[i].amount.next = 0.into();
            if self.event[i].val() {
                self.counter[i].amount.next = 1.into();
            }
            self.count[i].next = self.counter[i].count.val();
        }
    }
    unit!("sgcn_port_tally"; PORT_TALLIES);
}
