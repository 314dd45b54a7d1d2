use crate::prelude::*;

/// One radix-4 digit of an aligning right shift that remembers what it drops; combinational.
///
/// The window of `W` bits, at least `3 * STEP`, is shifted right by `digit * STEP`. `dropped` says whether a one left it at
/// the low end: OR it into the sticky bit.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct AlignDigit<const W: usize, const STEP: usize> {
    /// What is shifted.
    pub x: Signal<In, Bits<W>>,
    /// By how many times `STEP`.
    pub digit: Signal<In, Bits<2>>,
    /// The shifted window.
    pub y: Signal<Out, Bits<W>>,
    /// Whether a one was dropped.
    pub dropped: Signal<Out, Bit>,
    tail_0: Signal<Local, Bit>,
    tail_1: Signal<Local, Bit>,
    tail_2: Signal<Local, Bit>,
}

impl<const W: usize, const STEP: usize> Logic for AlignDigit<W, STEP> {
    #[hdl_gen]
    fn update(&mut self) {
        self.tail_0.next = self.x.val().get_bits::<STEP>(0).any();
        self.tail_1.next = self.x.val().get_bits::<STEP>(STEP).any();
        self.tail_2.next = self.x.val().get_bits::<STEP>(2 * STEP).any();
        if self.digit.val() == 0 {
            self.y.next = self.x.val();
            self.dropped.next = false;
        } else if self.digit.val() == 1 {
            self.y.next = self.x.val().get_bits::<W>(STEP);
            self.dropped.next = self.tail_0.val();
        } else if self.digit.val() == 2 {
            self.y.next = self.x.val().get_bits::<W>(2 * STEP);
            self.dropped.next = self.tail_1.val() | self.tail_0.val();
        } else {
            self.y.next = self.x.val().get_bits::<W>(3 * STEP);
            self.dropped.next = self.tail_2.val() | self.tail_1.val() | self.tail_0.val();
        }
    }
    unit!(W, STEP);
}
