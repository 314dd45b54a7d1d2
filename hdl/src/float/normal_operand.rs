use super::NormaliseDigit;
use crate::prelude::*;

/// Gives a subnormal operand its hidden bit, for operations that need both operands' top bits in one place.
///
/// Takes what [`super::Unpack`] gives. The value stays `significand * 2^(exponent - 150)`, with bit 23 of `normal` set for
/// every operand but zeros, whose `normal` is 0 and whose exponent means nothing (but is at least -30).
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct NormalOperand {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Biased exponent, 1 for subnormals.
    pub exponent: Signal<In, Bits<8>>,
    /// Significand, hidden bit included.
    pub significand: Signal<In, Bits<24>>,
    /// Biased exponent of the normalised significand, in two's complement: -22 for the smallest subnormal.
    pub normal_exponent: Signal<Out, Bits<9>>,
    /// Significand shifted left until bit 23 is set.
    pub normal: Signal<Out, Bits<24>>,
    coarse: NormaliseDigit<48, 24, 8>,
    middle: NormaliseDigit<30, 24, 2>,
    shifted: Reg<Bits<24>>,
    shift: Reg<Bits<4>>,
    exponent_r: Reg<Bits<8>>,
    last: Signal<Local, Bit>,
    count: Signal<Local, Bits<5>>,
    normal_r: Reg<Bits<24>>,
    normal_exponent_r: Reg<Bits<9>>,
}

impl NormalOperand {
    /// Cycles from `significand` to `normal`.
    pub const LATENCY: usize = 2;
}

impl Logic for NormalOperand {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, shifted, shift, exponent_r, normal_r, normal_exponent_r);
        // No limit: at most 23 zeros are shifted out, 8 and 2 at a time and a last one below.
        self.coarse.x.next = bit_cast::<48, 24>(self.significand.val()) << 24;
        self.coarse.limit.next = 3.into();
        self.coarse.free.next = true;
        self.middle.x.next = bit_cast::<30, 24>(self.coarse.y.val()) << 6;
        self.middle.limit.next = 3.into();
        self.middle.free.next = true;
        self.shifted.d.next = self.middle.y.val();
        self.shift.d.next =
            (bit_cast::<4, 2>(self.coarse.digit.val()) << 2) | bit_cast::<4, 2>(self.middle.digit.val());
        self.exponent_r.d.next = self.exponent.val();

        self.last.next = !self.shifted.q.val().get_bit(23);
        self.count.next = (bit_cast::<5, 4>(self.shift.q.val()) << 1) | bit_cast::<5, 1>(self.last.val().into());
        self.normal_r.d.next = self.shifted.q.val();
        if self.last.val() {
            self.normal_r.d.next = self.shifted.q.val() << 1;
        }
        self.normal_exponent_r.d.next = bit_cast::<9, 8>(self.exponent_r.q.val()) - bit_cast::<9, 5>(self.count.val());
        self.normal_exponent.next = self.normal_exponent_r.q.val();
        self.normal.next = self.normal_r.q.val();
    }
    unit!();
}
