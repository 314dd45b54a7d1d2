use crate::prelude::*;

/// One bit of a square root by the non-restoring method, one cycle.
///
/// All digits have their binary point in one place. Of the radicand x and the root q of k bits after the point the scaled
/// remainder is `2^k * (x - q^2)`, below 4 in magnitude: 3 bits before the point, with the sign, and 24 after it. Its sign
/// says bit k of the root, and the next remainder is twice this one less `2q + 2^-(k+1)`, or, where it is negative,
/// with `2q + 3 * 2^-(k+1)` added.
///
/// `live` is constant in each instance: ones from the top down to the place of weight `2^-(k+1)`. What lies outside it
/// is radicand waiting or nothing yet, so an adder is as long as its root: half the length in the middle of all digits.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct SqrtDigit {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The places in which the adder works.
    pub live: Signal<In, Bits<27>>,
    /// Scaled remainder before this bit, in two's complement.
    pub remainder: Signal<In, Bits<27>>,
    /// The root's bits before this one, the first at the top.
    pub root: Signal<In, Bits<24>>,
    /// Scaled remainder after this bit.
    pub next_remainder: Signal<Out, Bits<27>>,
    /// The root's bits with this one.
    pub next_root: Signal<Out, Bits<24>>,
    bit: Signal<Local, Bit>,
    place: Signal<Local, Bits<27>>,
    flip: Signal<Local, Bits<27>>,
    taken: Signal<Local, Bits<27>>,
    remainder_r: Reg<Bits<27>>,
    root_r: Reg<Bits<24>>,
}

impl SqrtDigit {
    /// Cycles a bit.
    pub const LATENCY: usize = 1;
}

impl Logic for SqrtDigit {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, remainder_r, root_r);
        self.bit.next = !self.remainder.val().get_bit(26);
        self.place.next = self.live.val() & !(self.live.val() << 1);
        // 2q + 2^-(k+1) and -(2q + 3 * 2^-(k+1)) both end in 101 from this bit's place in 2q on; above, one is the other's
        // complement. As a subtraction, whose operands synthesis does not swap, this takes one LUT a bit.
        if self.bit.val() {
            self.flip.next = 0.into();
        } else {
            self.flip.next = self.live.val() << 3;
        }
        self.taken.next =
            ((bit_cast::<27, 24>(self.root.val()) << 2) ^ self.flip.val()) | (self.place.val() << 2) | self.place.val();
        self.remainder_r.d.next = (self.remainder.val() << 1) - self.taken.val();
        self.root_r.d.next = self.root.val();
        if self.bit.val() {
            self.root_r.d.next = self.root.val() | self.place.val().get_bits::<24>(0);
        }
        self.next_remainder.next = self.remainder_r.q.val();
        self.next_root.next = self.root_r.q.val();
    }
    unit!();
}
