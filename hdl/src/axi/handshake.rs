use crate::prelude::*;

/// The control registers of a Vitis kernel, `ap_ctrl_hs`: start, done, idle, ready, auto-restart, interrupts.
///
/// Word 0: bit 0 start, set by writing 1, cleared when the run ends unless auto-restart is set; bit 1 done and bit 3 ready,
/// set when a run ends, cleared by reading the word; bit 2 idle; bit 7 auto-restart. A run that fails clears start and
/// auto-restart, so that its error stays readable. Word 1: bit 0 enables the interrupt. Word 2: bits 0 (done) and 1 (ready)
/// enable its causes. Word 3: the causes that came; a bit written as 1 toggles. This is what Vitis prescribes for a kernel
/// that takes one run at a time, where ready and done come together; only that a failure ends auto-restart is Nearfield's.
/// It knows neither arguments nor addresses.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Handshake {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// All bits to 0.
    pub reset: Signal<In, Bit>,
    /// Each of the four words is written in this cycle.
    pub write: [Signal<In, Bit>; 4],
    /// The word's lowest byte; a write that leaves it out does nothing here.
    pub data: Signal<In, Bits<8>>,
    /// Word 0 is read in this cycle.
    pub read: Signal<In, Bit>,
    /// Word 0.
    pub control: Signal<Out, Bits<32>>,
    /// Word 1.
    pub master: Signal<Out, Bits<32>>,
    /// Word 2.
    pub enable: Signal<Out, Bits<32>>,
    /// Word 3.
    pub status: Signal<Out, Bits<32>>,
    /// To the host.
    pub request: Signal<Out, Bit>,
    /// To the kernel: run; 1 until `done`.
    pub start: Signal<Out, Bit>,
    /// From the kernel: the run ends in this cycle.
    pub done: Signal<In, Bit>,
    /// From the kernel, with `done`: the run failed.
    pub failed: Signal<In, Bit>,
    /// From the kernel: nothing is running.
    pub idle: Signal<In, Bit>,
    started: Reg<Bit>,
    again: Reg<Bit>,
    is_done: Reg<Bit>,
    is_ready: Reg<Bit>,
    global_on: Reg<Bit>,
    done_on: Reg<Bit>,
    ready_on: Reg<Bit>,
    done_came: Reg<Bit>,
    ready_came: Reg<Bit>,
    line: Reg<Bit>,
    resting: Signal<Local, Bit>,
}

impl Logic for Handshake {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, started, again, is_done, is_ready, global_on, done_on, ready_on, done_came, ready_came, line
        );
        if self.write[0].val() && self.data.val().get_bit(0) {
            self.started.d.next = true;
        } else if self.done.val() {
            self.started.d.next = self.again.q.val();
        }
        if self.write[0].val() {
            self.again.d.next = self.data.val().get_bit(7);
        }
        if self.read.val() {
            self.is_done.d.next = false;
            self.is_ready.d.next = false;
        }
        if self.write[1].val() {
            self.global_on.d.next = self.data.val().get_bit(0);
        }
        if self.write[2].val() {
            self.done_on.d.next = self.data.val().get_bit(0);
            self.ready_on.d.next = self.data.val().get_bit(1);
        }
        if self.write[3].val() {
            self.done_came.d.next = self.done_came.q.val() ^ self.data.val().get_bit(0);
            self.ready_came.d.next = self.ready_came.q.val() ^ self.data.val().get_bit(1);
        }
        comment!("A run that ends wins over a read or a write in the same cycle.");
        if self.done.val() {
            self.is_done.d.next = true;
            self.is_ready.d.next = true;
            if self.done_on.q.val() {
                self.done_came.d.next = true;
            }
            if self.ready_on.q.val() {
                self.ready_came.d.next = true;
            }
            if self.failed.val() {
                self.started.d.next = false;
                self.again.d.next = false;
            }
        }
        self.line.d.next = self.global_on.q.val() && (self.done_came.q.val() || self.ready_came.q.val());
        if self.reset.val() {
            self.started.d.next = false;
            self.again.d.next = false;
            self.is_done.d.next = false;
            self.is_ready.d.next = false;
            self.global_on.d.next = false;
            self.done_on.d.next = false;
            self.ready_on.d.next = false;
            self.done_came.d.next = false;
            self.ready_came.d.next = false;
            self.line.d.next = false;
        }

        self.resting.next = self.idle.val() && !self.started.q.val();
        self.control.next = bit_cast::<32, 1>(self.started.q.val().into())
            | (bit_cast::<32, 1>(self.is_done.q.val().into()) << 1)
            | (bit_cast::<32, 1>(self.resting.val().into()) << 2)
            | (bit_cast::<32, 1>(self.is_ready.q.val().into()) << 3)
            | (bit_cast::<32, 1>(self.again.q.val().into()) << 7);
        self.master.next = bit_cast::<32, 1>(self.global_on.q.val().into());
        self.enable.next =
            bit_cast::<32, 1>(self.done_on.q.val().into()) | (bit_cast::<32, 1>(self.ready_on.q.val().into()) << 1);
        self.status.next =
            bit_cast::<32, 1>(self.done_came.q.val().into()) | (bit_cast::<32, 1>(self.ready_came.q.val().into()) << 1);
        self.request.next = self.line.q.val();
        self.start.next = self.started.q.val();
    }
    unit!("axi_handshake");
}
