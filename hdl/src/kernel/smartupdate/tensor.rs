use crate::axi::{AxiMaster, ReadMover, WriteMover};
use crate::kernel::DEPTH;
use crate::prelude::*;
use crate::stream::{Narrow, Register, StreamOut, Widen};

/// A tensor that is read and written back in place: memory to words of `W` bits and words to memory, `N = 2^K` a beat.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Tensor<const W: usize, const N: usize, const K: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// See [`ReadMover::reset`].
    pub reset: Signal<In, Bit>,
    /// Memory.
    pub axi: AxiMaster,
    /// Whether there is such a tensor in this run; without it a start passes, and the counters mean nothing.
    pub used: Signal<In, Bit>,
    /// See [`ReadMover::start`].
    pub start: Signal<In, Bit>,
    /// See [`ReadMover::address`].
    pub address: Signal<In, Bits<64>>,
    /// Elements of four bytes; stable during the run.
    pub elements: Signal<In, Bits<32>>,
    /// See [`ReadMover::stop`].
    pub stop: Signal<In, Bit>,
    /// What was read.
    pub m: StreamOut<W>,
    /// A word to be written comes; there is room for it.
    pub new_valid: Signal<In, Bit>,
    /// The word.
    pub new_data: Signal<In, Bits<W>>,
    /// See [`WriteMover::freed`].
    pub freed: Signal<Out, Bit>,
    /// See [`ReadMover::busy`] and [`WriteMover::busy`]; so the others, reading first.
    pub busy: [Signal<Out, Bit>; 2],
    /// See [`ReadMover::beats`].
    pub beats: [Signal<Out, Bits<32>>; 2],
    /// See [`ReadMover::stalls`].
    pub stalls: [Signal<Out, Bits<48>>; 2],
    /// See [`ReadMover::failed`].
    pub failed: [Signal<Out, Bit>; 2],
    /// See [`ReadMover::failed_address`].
    pub failed_address: [Signal<Out, Bits<64>>; 2],
    bytes: Signal<Local, Bits<34>>,
    reader: ReadMover<9, 10, DEPTH>,
    narrow: Narrow<512, W, K>,
    /// Between the RAM's selector and the lanes.
    stage: Register<W>,
    widen: Widen<W, N, 512, K>,
    writer: WriteMover<9, 10, DEPTH>,
}

impl<const W: usize, const N: usize, const K: usize> Logic for Tensor<W, N, K> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, reader, narrow, stage, widen, writer);
        self.reader.reset.next = self.reset.val();
        self.narrow.reset.next = self.reset.val();
        self.stage.reset.next = self.reset.val();
        self.widen.reset.next = self.reset.val();
        self.writer.reset.next = self.reset.val();

        self.reader.start.next = self.start.val() && self.used.val();
        self.reader.address.next = self.address.val();
        self.bytes.next = bit_cast::<34, 32>(self.elements.val()) << 2;
        self.reader.bytes.next = self.bytes.val();
        self.reader.stop.next = self.stop.val();
        StreamOut::<512>::join(&mut self.reader.m, &mut self.narrow.s);
        StreamOut::<W>::join(&mut self.narrow.m, &mut self.stage.s);
        StreamOut::<W>::link(&mut self.m, &mut self.stage.m);

        self.writer.start.next = self.start.val() && self.used.val();
        self.writer.address.next = self.address.val();
        self.writer.bytes.next = self.bytes.val();
        self.writer.stop.next = self.stop.val();
        self.widen.s.valid.next = self.new_valid.val() && self.used.val();
        self.widen.s.data.next = self.new_data.val();
        StreamOut::<512>::join(&mut self.widen.m, &mut self.writer.s);
        self.freed.next = self.writer.freed.val();

        self.busy[0].next = self.reader.busy.val();
        self.beats[0].next = self.reader.beats.val();
        self.stalls[0].next = self.reader.stalls.val();
        self.beats[1].next = self.writer.beats.val();
        self.stalls[1].next = self.writer.stalls.val();
        comment!("What failed in another run is not of this one.");
        self.failed[0].next = self.used.val() && self.reader.failed.val();
        self.failed_address[0].next = self.reader.failed_address.val();
        self.busy[1].next = self.writer.busy.val();
        self.failed[1].next = self.used.val() && self.writer.failed.val();
        self.failed_address[1].next = self.writer.failed_address.val();

        self.axi.arvalid.next = self.reader.axi.arvalid.val();
        self.reader.axi.arready.next = self.axi.arready.val();
        self.axi.araddr.next = self.reader.axi.araddr.val();
        self.axi.arlen.next = self.reader.axi.arlen.val();
        self.axi.arsize.next = self.reader.axi.arsize.val();
        self.axi.arburst.next = self.reader.axi.arburst.val();
        self.reader.axi.rvalid.next = self.axi.rvalid.val();
        self.axi.rready.next = self.reader.axi.rready.val();
        self.reader.axi.rdata.next = self.axi.rdata.val();
        self.reader.axi.rresp.next = self.axi.rresp.val();
        self.reader.axi.rlast.next = self.axi.rlast.val();
        self.axi.awvalid.next = self.writer.axi.awvalid.val();
        self.writer.axi.awready.next = self.axi.awready.val();
        self.axi.awaddr.next = self.writer.axi.awaddr.val();
        self.axi.awlen.next = self.writer.axi.awlen.val();
        self.axi.awsize.next = self.writer.axi.awsize.val();
        self.axi.awburst.next = self.writer.axi.awburst.val();
        self.axi.wvalid.next = self.writer.axi.wvalid.val();
        self.writer.axi.wready.next = self.axi.wready.val();
        self.axi.wdata.next = self.writer.axi.wdata.val();
        self.axi.wstrb.next = self.writer.axi.wstrb.val();
        self.axi.wlast.next = self.writer.axi.wlast.val();
        self.writer.axi.bvalid.next = self.axi.bvalid.val();
        self.axi.bready.next = self.writer.axi.bready.val();
        self.writer.axi.bresp.next = self.axi.bresp.val();
    }
    unit!("tensor", W);
}
