use super::AxiLite;
use crate::prelude::*;

/// What the write side of [`LiteSlave`] is doing.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum LiteWrite {
    /// Waits for an address.
    Address,
    /// Waits for the data.
    Data,
    /// The word is written.
    Write,
    /// Offers the answer.
    Answer,
}

/// What the read side of [`LiteSlave`] is doing.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum LiteRead {
    /// Waits for an address.
    Address,
    /// The word is looked up.
    Look,
    /// Offers it.
    Answer,
}

/// The AXI4-Lite protocol: turns bus transfers into one word written, or one word read, at a time.
///
/// Reads and writes go on side by side, each one at a time. Every address is answered with OKAY. It holds no registers of
/// the space.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct LiteSlave {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Ends transfers.
    pub reset: Signal<In, Bit>,
    /// The bus.
    pub bus: AxiLite,
    /// A word is written in this cycle.
    pub write: Signal<Out, Bit>,
    /// Its word address.
    pub write_address: Signal<Out, Bits<10>>,
    /// The word.
    pub write_data: Signal<Out, Bits<32>>,
    /// One bit for each byte of the word that is to be written.
    pub write_bytes: Signal<Out, Bits<4>>,
    /// A word is read in this cycle: `read_data` is taken.
    pub read: Signal<Out, Bit>,
    /// The word address of a word that is read in the next cycle.
    pub read_address: Signal<Out, Bits<10>>,
    /// What lay at the address of the cycle before.
    pub read_data: Signal<In, Bits<32>>,
    writing: Reg<LiteWrite>,
    to: Reg<Bits<10>>,
    data: Reg<Bits<32>>,
    bytes: Reg<Bits<4>>,
    reading: Reg<LiteRead>,
    word: Reg<Bits<32>>,
}

impl Logic for LiteSlave {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, writing, to, data, bytes, reading, word);
        self.bus.awready.next = self.writing.q.val() == LiteWrite::Address;
        self.bus.wready.next = self.writing.q.val() == LiteWrite::Data;
        self.bus.bvalid.next = self.writing.q.val() == LiteWrite::Answer;
        self.bus.bresp.next = 0.into();
        match self.writing.q.val() {
            LiteWrite::Address => {
                self.to.d.next = self.bus.awaddr.val().get_bits::<10>(2);
                if self.bus.awvalid.val() {
                    self.writing.d.next = LiteWrite::Data;
                }
            }
            LiteWrite::Data => {
                self.data.d.next = self.bus.wdata.val();
                self.bytes.d.next = self.bus.wstrb.val();
                if self.bus.wvalid.val() {
                    self.writing.d.next = LiteWrite::Write;
                }
            }
            LiteWrite::Write => {
                self.writing.d.next = LiteWrite::Answer;
            }
            LiteWrite::Answer => {
                if self.bus.bready.val() {
                    self.writing.d.next = LiteWrite::Address;
                }
            }
        }
        self.write.next = self.writing.q.val() == LiteWrite::Write;
        self.write_address.next = self.to.q.val();
        self.write_data.next = self.data.q.val();
        self.write_bytes.next = self.bytes.q.val();

        self.bus.arready.next = self.reading.q.val() == LiteRead::Address;
        self.bus.rvalid.next = self.reading.q.val() == LiteRead::Answer;
        self.bus.rdata.next = self.word.q.val();
        self.bus.rresp.next = 0.into();
        match self.reading.q.val() {
            LiteRead::Address => {
                if self.bus.arvalid.val() {
                    self.reading.d.next = LiteRead::Look;
                }
            }
            LiteRead::Look => {
                self.word.d.next = self.read_data.val();
                self.reading.d.next = LiteRead::Answer;
            }
            LiteRead::Answer => {
                if self.bus.rready.val() {
                    self.reading.d.next = LiteRead::Address;
                }
            }
        }
        self.read.next = self.reading.q.val() == LiteRead::Look;
        self.read_address.next = self.bus.araddr.val().get_bits::<10>(2);
        if self.reset.val() {
            self.writing.d.next = LiteWrite::Address;
            self.reading.d.next = LiteRead::Address;
        }
    }
    unit!("axi_lite_slave");
}
