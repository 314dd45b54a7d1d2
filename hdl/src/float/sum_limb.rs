use crate::prelude::*;

/// 32 bits of a long accumulator: takes a word, adds it a cycle later and hands the carry on in the cycle after that, so that
/// no chain is longer than a limb.
///
/// The limbs and their carries together are the sum at any time; limbs alone are when as many cycles have passed without a
/// word as there are limbs.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct SumLimb {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Back to 0, without the word that was taken in the cycle before.
    pub clear: Signal<In, Bit>,
    /// Whether `x` is taken.
    pub enable: Signal<In, Bit>,
    /// The word.
    pub x: Signal<In, Bits<32>>,
    /// The carry of the limb below.
    pub carry_in: Signal<In, Bits<1>>,
    /// The limb.
    pub value: Signal<Out, Bits<32>>,
    /// The carry of this cycle's addition, in the next.
    pub carry_out: Signal<Out, Bits<1>>,
    word: Reg<Bits<32>>,
    total: Signal<Local, Bits<34>>,
    limb: Reg<Bits<33>>,
}

impl Logic for SumLimb {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, word, limb);
        // Zero by the register's reset, which is free: a choice in front of the adder would cost as much as the adder.
        self.word.d.next = self.x.val();
        if !self.enable.val() {
            self.word.d.next = 0.into();
        }
        // A one below the lowest bit lets the carry in.
        self.total.next = ((bit_cast::<34, 32>(self.limb.q.val().get_bits::<32>(0)) << 1) | 1)
            + ((bit_cast::<34, 32>(self.word.q.val()) << 1) | bit_cast::<34, 1>(self.carry_in.val()));
        self.limb.d.next = self.total.val().get_bits::<33>(1);
        if self.clear.val() {
            self.limb.d.next = 0.into();
        }
        self.value.next = self.limb.q.val().get_bits::<32>(0);
        self.carry_out.next = self.limb.q.val().get_bits::<1>(32);
    }
    unit!();
}
