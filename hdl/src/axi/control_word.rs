use crate::prelude::*;

/// One readable word of the register space: gives `value` when its place is read, else 0, so that the words of a space
/// are joined by `or`.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct ReadWord {
    /// Its word address, a constant.
    pub place: Signal<In, Bits<10>>,
    /// The word that is read.
    pub address: Signal<In, Bits<10>>,
    /// What it holds.
    pub value: Signal<In, Bits<32>>,
    /// `value`, or 0.
    pub gated: Signal<Out, Bits<32>>,
}

impl Logic for ReadWord {
    #[hdl_gen]
    fn update(&mut self) {
        self.gated.next = 0.into();
        if self.address.val() == self.place.val() {
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
    /// One bit for each bit of `data` that is to be written.
    pub mask: Signal<In, Bits<32>>,
    /// What it holds.
    pub value: Signal<Out, Bits<32>>,
    word: Reg<Bits<32>>,
}

impl Logic for ArgumentWord {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, word);
        if self.write.val() && (self.address.val() == self.place.val()) {
            self.word.d.next = (self.data.val() & self.mask.val()) | (self.word.q.val() & !self.mask.val());
        }
        self.value.next = self.word.q.val();
    }
    unit!("axi_argument_word");
}
