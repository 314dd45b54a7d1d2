use crate::prelude::*;
use crate::stream::{StreamIn, StreamOut};

/// From a line of a port to its address: `memory + 64 * line`, in two steps of half the width.
///
/// One a cycle, two cycles of latency; the 10 bits above the line go along. No path of `valid` or of data passes through; that of
/// `ready` does.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct LineAddress {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets lines.
    pub reset: Signal<In, Bit>,
    /// The port's pointer; stable while there are lines.
    pub memory: Signal<In, Bits<64>>,
    /// Something 10, line 32.
    pub s: StreamIn<42>,
    /// That something 10, address 64.
    pub m: StreamOut<74>,
    half: Reg<Bit>,
    half_extra: Reg<Bits<10>>,
    /// Bits 6 to 37 of the address, and their carry.
    low: Reg<Bits<33>>,
    full: Reg<Bit>,
    extra: Reg<Bits<10>>,
    address: Reg<Bits<64>>,
    free: Signal<Local, Bit>,
    half_free: Signal<Local, Bit>,
    high: Signal<Local, Bits<26>>,
}

impl Logic for LineAddress {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, half, half_extra, low, full, extra, address);
        self.free.next = self.m.ready.val() || !self.full.q.val();
        self.half_free.next = self.free.val() || !self.half.q.val();
        self.s.ready.next = self.half_free.val();
        if self.half_free.val() {
            self.half.d.next = self.s.valid.val();
            self.half_extra.d.next = self.s.data.val().get_bits::<10>(32);
            self.low.d.next = bit_cast::<33, 32>(self.memory.val().get_bits::<32>(6))
                + bit_cast::<33, 32>(self.s.data.val().get_bits::<32>(0));
        }
        self.high.next = self.memory.val().get_bits::<26>(38) + bit_cast::<26, 1>(self.low.q.val().get_bits::<1>(32));
        if self.free.val() {
            self.full.d.next = self.half.q.val();
            self.extra.d.next = self.half_extra.q.val();
            self.address.d.next = (bit_cast::<64, 26>(self.high.val()) << 38)
                | (bit_cast::<64, 32>(self.low.q.val().get_bits::<32>(0)) << 6)
                | bit_cast::<64, 6>(self.memory.val().get_bits::<6>(0));
        }
        self.m.valid.next = self.full.q.val();
        self.m.data.next = (bit_cast::<74, 10>(self.extra.q.val()) << 64) | bit_cast::<74, 64>(self.address.q.val());
        if self.reset.val() {
            self.half.d.next = false;
            self.full.d.next = false;
        }
    }
    unit!("sgcn_line_address");
}
