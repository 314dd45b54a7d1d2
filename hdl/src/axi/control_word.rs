use crate::prelude::*;

/// One readable word of the register space: gives `value` when its place is read, else 0, so that the words of a space
/// are joined by `or`.
///
/// That it is the one is found out a cycle ahead, which leaves little to do between `value` and the bus.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct ReadWord {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Its word address, a constant.
    pub place: Signal<In, Bits<10>>,
    /// It can be read; else its place reads 0.
    pub there: Signal<In, Bit>,
    /// The word that is read in the next cycle.
    pub address: Signal<In, Bits<10>>,
    /// What it holds.
    pub value: Signal<In, Bits<32>>,
    /// `value`, or 0; one cycle after `address` and `there`.
    pub gated: Signal<Out, Bits<32>>,
    here: Reg<Bit>,
}

impl Logic for ReadWord {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, here);
        self.here.d.next = self.there.val() && (self.address.val() == self.place.val());
        self.gated.next = 0.into();
        if self.here.q.val() {
            self.gated.next = self.value.val();
        }
    }
    unit!("axi_read_word");
}

/// One word of the arguments: written by byte, kept, and read back.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct ArgumentWord {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Its word address, a constant.
    pub place: Signal<In, Bits<10>>,
    /// A word is written in this cycle.
    pub write: Signal<In, Bit>,
    /// Which.
    pub address: Signal<In, Bits<10>>,
    /// What.
    pub data: Signal<In, Bits<32>>,
    /// One bit for each byte of `data` that is to be written.
    pub bytes: Signal<In, Bits<4>>,
    /// What it holds.
    pub value: Signal<Out, Bits<32>>,
    here: Signal<Local, Bit>,
    byte: [Reg<Bits<8>>; 4],
    pack: Pack<4, 8, 32>,
}

impl Logic for ArgumentWord {
    #[hdl_gen]
    fn update(&mut self) {
        self.here.next = self.write.val() && (self.address.val() == self.place.val());
        for i in 0..4 {
            self.byte[i].clock.next = self.clock.val();
            self.byte[i].d.next = self.byte[i].q.val();
            if self.here.val() && self.bytes.val().get_bit(i) {
                self.byte[i].d.next = self.data.val().get_bits::<8>(8 * i);
            }
            self.pack.x[i].next = self.byte[i].q.val();
        }
        self.value.next = self.pack.packed.val();
    }
    unit!("axi_argument_word");
}
