use super::LineAddress;
use crate::prelude::*;

/// Remembers the first error response of a port and works out the address of its line.
///
/// `failed` rises five cycles after the response, together with a valid `address`.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct LineFailure {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets it.
    pub reset: Signal<In, Bit>,
    /// The port's pointer; stable.
    pub memory: Signal<In, Bits<64>>,
    /// There is an error response.
    pub error: Signal<In, Bit>,
    /// Its line, a cycle later.
    pub line: Signal<In, Bits<32>>,
    /// There was an error, and its address is being worked out.
    pub pending: Signal<Out, Bit>,
    /// There was an error.
    pub failed: Signal<Out, Bit>,
    /// Its first byte.
    pub address: Signal<Out, Bits<64>>,
    met: Reg<Bit>,
    caught: Reg<Bit>,
    its_line: Reg<Bits<32>>,
    sum: LineAddress,
}

impl Logic for LineFailure {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, met, caught, its_line);
        clock!(self, clock, sum);
        if self.error.val() {
            self.met.d.next = true;
        }
        if self.met.q.val() && !self.caught.q.val() {
            self.caught.d.next = true;
            self.its_line.d.next = self.line.val();
        }
        self.sum.reset.next = self.reset.val();
        self.sum.memory.next = self.memory.val();
        self.sum.s.valid.next = self.caught.q.val();
        self.sum.s.data.next = bit_cast::<42, 32>(self.its_line.q.val());
        self.sum.m.ready.next = false;
        self.pending.next = self.met.q.val() && !self.sum.m.valid.val();
        self.failed.next = self.sum.m.valid.val();
        self.address.next = self.sum.m.data.val().get_bits::<64>(0);
        if self.reset.val() {
            self.met.d.next = false;
            self.caught.d.next = false;
        }
    }
    unit!("sgcn_line_failure");
}
