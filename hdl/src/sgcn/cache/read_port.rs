use super::{LineAddress, LineFailure};
use crate::axi::AxiIdRead;
use crate::prelude::*;
use crate::stream::{Skid, StreamIn, StreamOut};

/// Reads lines from a memory port, a burst of one beat each, answers in any order.
///
/// One a cycle; as many outstanding as there are ids, 1024, since who asks uses an id for one line at a time. A line whose answer is
/// an error is passed on like any other.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct ReadPort {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets all, failure included; only for when nothing is outstanding.
    pub reset: Signal<In, Bit>,
    /// The port's pointer, a multiple of 64; stable while `busy`.
    pub memory: Signal<In, Bits<64>>,
    /// Lines to read: id 10, line of the port 32.
    pub miss: StreamIn<42>,
    /// Memory.
    pub axi: AxiIdRead,
    /// Lines that were read: id 10, data 512.
    pub fill: StreamOut<522>,
    /// Lines are outstanding.
    pub busy: Signal<Out, Bit>,
    /// A line comes in this cycle.
    pub beat: Signal<Out, Bit>,
    /// There was an error response.
    pub failed: Signal<Out, Bit>,
    /// The first byte of the line that met it.
    pub failed_address: Signal<Out, Bits<64>>,
    skid: Skid<42>,
    address: LineAddress,
    /// The line of each id.
    lines: Ram<10, 32>,
    failure: LineFailure,
    /// Lines outstanding, 1024 and those on the way to the bus at most.
    owed: Reg<Bits<11>>,
    more: Signal<Local, Bits<11>>,
    asked: Signal<Local, Bit>,
    came: Signal<Local, Bit>,
}

impl Logic for ReadPort {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, owed);
        clock!(self, clock, skid, address, lines, failure);
        self.skid.reset.next = self.reset.val();
        self.address.reset.next = self.reset.val();
        self.failure.reset.next = self.reset.val();
        self.address.memory.next = self.memory.val();
        self.failure.memory.next = self.memory.val();
        StreamIn::<42>::link(&mut self.miss, &mut self.skid.s);
        StreamOut::<42>::join(&mut self.skid.m, &mut self.address.s);
        self.lines.write_enable.next = self.skid.m.valid.val();
        self.lines.write_address.next = self.skid.m.data.val().get_bits::<10>(32);
        self.lines.write_data.next = self.skid.m.data.val().get_bits::<32>(0);

        self.axi.arvalid.next = self.address.m.valid.val();
        self.address.m.ready.next = self.axi.arready.val();
        self.axi.araddr.next = self.address.m.data.val().get_bits::<64>(0);
        self.axi.arid.next = self.address.m.data.val().get_bits::<10>(64);
        self.axi.arlen.next = 0.into();
        comment!("2^6 bytes a beat");
        self.axi.arsize.next = 6.into();
        comment!("INCR");
        self.axi.arburst.next = 1.into();

        self.fill.valid.next = self.axi.rvalid.val();
        self.fill.data.next =
            (bit_cast::<522, 10>(self.axi.rid.val()) << 512) | bit_cast::<522, 512>(self.axi.rdata.val());
        self.axi.rready.next = self.fill.ready.val();
        self.came.next = self.axi.rvalid.val() && self.fill.ready.val();
        self.beat.next = self.came.val();
        self.lines.read_address.next = self.axi.rid.val();
        self.failure.error.next = self.came.val() && self.axi.rresp.val().get_bit(1);
        self.failure.line.next = self.lines.read_data.val();
        self.failed.next = self.failure.failed.val();
        self.failed_address.next = self.failure.address.val();

        self.asked.next = self.miss.valid.val() && self.skid.s.ready.val();
        self.more.next = self.owed.q.val();
        if self.asked.val() {
            self.more.next = self.owed.q.val() + 1;
        }
        self.owed.d.next = self.more.val();
        if self.came.val() {
            self.owed.d.next = self.more.val() - 1;
        }
        self.busy.next = self.owed.q.val().any() || self.failure.pending.val();
        if self.reset.val() {
            self.owed.d.next = 0.into();
        }
    }
    unit!("sgcn_read_port");
}
