use crate::prelude::*;

/// Rounds to nearest even and packs a binary32 word: the last block of every unit, the only one that rounds.
///
/// The exact result is `(-1)^sign * (significand + tail) * 2^(exponent - 149)`, where `0 <= tail < 1` and (`guard`,
/// `sticky`) say whether tail is 0 (00), below a half (01), a half (10) or above it (11). `exponent` is the biased
/// exponent **less one**, at most 509, so that the hidden bit, added to it as it is packed, gives the exponent field of
/// normals and subnormals alike. The caller has shifted so that
///
/// * bit 23 of `significand` is set, or
/// * `exponent` is 0: the result is subnormal, or becomes the smallest normal by rounding, or
/// * `significand`, `guard` and `sticky` are all zero: the result is a zero, whatever `exponent` is.
///
/// [`super::NormaliseDigit`] leaves things in this form: `exponent` is the limit less the shift. Results too large become
/// infinities. `infinite` makes an infinity of that sign and `nan`, which precedes it, the quiet NaN 0x7FC00000, both
/// whatever the other inputs are. `difference` makes an exact zero positive, as IEEE 754 wants of `x - x`.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Round {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The result's sign.
    pub sign: Signal<In, Bit>,
    /// Biased exponent less one.
    pub exponent: Signal<In, Bits<9>>,
    /// Hidden bit and fraction.
    pub significand: Signal<In, Bits<24>>,
    /// The first bit below.
    pub guard: Signal<In, Bit>,
    /// Whether any bit below that is set.
    pub sticky: Signal<In, Bit>,
    /// Whether a zero result is positive whatever `sign` is.
    pub difference: Signal<In, Bit>,
    /// Whether the result is an infinity.
    pub infinite: Signal<In, Bit>,
    /// Whether the result is a NaN.
    pub nan: Signal<In, Bit>,
    /// The rounded word.
    pub y: Signal<Out, Bits<32>>,
    up: Signal<Local, Bit>,
    nothing: Signal<Local, Bit>,
    field: Signal<Local, Bits<9>>,
    overflow: Signal<Local, Bit>,
    sign_r: Reg<Bit>,
    infinite_r: Reg<Bit>,
    nan_r: Reg<Bit>,
    rounded: Reg<Bits<32>>,
    packed: Reg<Bits<32>>,
}

impl Round {
    /// Cycles from the parts to `y`.
    pub const LATENCY: usize = 2;
}

impl Logic for Round {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, sign_r, infinite_r, nan_r, rounded, packed);
        self.up.next = self.guard.val() & (self.sticky.val() | self.significand.val().get_bit(0));
        self.nothing.next = !self.significand.val().any() & !self.guard.val() & !self.sticky.val();
        self.field.next = self.exponent.val() + bit_cast::<9, 1>(self.significand.val().get_bits::<1>(23));

        // A fraction of all ones rounds up into the exponent, which is then the right one: 2.0, the smallest normal after
        // the largest subnormal, infinity after the largest finite number.
        self.rounded.d.next = ((bit_cast::<32, 9>(self.field.val()) << 23)
            | bit_cast::<32, 23>(self.significand.val().get_bits::<23>(0)))
            + bit_cast::<32, 1>(self.up.val().into());
        self.sign_r.d.next =
            self.sign.val() & !self.nan.val() & !(self.nothing.val() & self.difference.val() & !self.infinite.val());
        self.infinite_r.d.next = self.infinite.val();
        self.nan_r.d.next = self.nan.val();
        // Cleared here, as a register's reset, so that the next cycle has one reason less to choose from.
        if self.nothing.val() | self.infinite.val() | self.nan.val() {
            self.rounded.d.next = 0.into();
        }

        // Bit 31 is the ninth bit of the exponent here.
        self.overflow.next = self.rounded.q.val().get_bit(31)
            | self.rounded.q.val().get_bits::<8>(23).all()
            | self.infinite_r.q.val()
            | self.nan_r.q.val();
        self.packed.d.next = (bit_cast::<32, 1>(self.sign_r.q.val().into()) << 31)
            | bit_cast::<32, 31>(self.rounded.q.val().get_bits::<31>(0));
        if self.overflow.val() {
            self.packed.d.next = (bit_cast::<32, 1>(self.sign_r.q.val().into()) << 31)
                | (bit_cast::<32, 1>(self.nan_r.q.val().into()) << 22)
                | 0x7f80_0000;
        }
        self.y.next = self.packed.q.val();
    }
    unit!();
}
