use crate::float::Fp32Fma;
use crate::prelude::*;

/// Cycles through the multiplier, as a constant that a type can name.
const FMA: usize = Fp32Fma::LATENCY;

/// One lane: the accumulators of every 16th column of 16 contexts, and an fma that reads and writes them.
///
/// An operation enters each cycle and never waits: the accumulator at `{place, half}` becomes `fma(weight, x, accumulator)`,
/// or +0 if `clear`; an `x` that is zero, of either sign, changes nothing. What it was stands at `accumulator` a cycle later.
/// Operations on one accumulator must enter [`Lane::HOLD`] cycles apart.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Lane {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// There is an operation.
    pub valid: Signal<In, Bit>,
    /// The upper segment of the window.
    pub half: Signal<In, Bit>,
    /// The accumulator becomes +0.
    pub clear: Signal<In, Bit>,
    /// Context (upper half) and window of 32 columns.
    pub place: Signal<In, Bits<7>>,
    /// Feature.
    pub x: Signal<In, Bits<32>>,
    /// Weight of the operation that entered a cycle ago.
    pub weight: Signal<In, Bits<32>>,
    /// `place` of the operation that entered `HOLD - 1` cycles ago.
    pub write_place: Signal<In, Bits<7>>,
    /// Its `clear`.
    pub write_clear: Signal<In, Bit>,
    /// What the accumulator of the operation that entered a cycle ago was.
    pub accumulator: Signal<Out, Bits<32>>,
    ram: Ram<8, 32>,
    fma: Fp32Fma,
    factor: Reg<Bits<32>>,
    live: Signal<Local, Bit>,
    along: Delay<2, { 1 + FMA }>,
}

impl Lane {
    /// Cycles from an operation to the first one that sees what it wrote.
    pub const HOLD: usize = 2 + FMA;
}

impl Logic for Lane {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, factor);
        clock!(self, clock, ram, fma, along);
        self.ram.read_address.next =
            (bit_cast::<8, 7>(self.place.val()) << 1) | bit_cast::<8, 1>(self.half.val().into());
        self.live.next = self.valid.val() && (self.clear.val() || self.x.val().get_bits::<31>(0).any());
        self.along.d.next = (bit_cast::<2, 1>(self.half.val().into()) << 1) | bit_cast::<2, 1>(self.live.val().into());
        self.factor.d.next = self.x.val();

        self.accumulator.next = self.ram.read_data.val();
        self.fma.a.next = self.weight.val();
        self.fma.b.next = self.factor.q.val();
        self.fma.c.next = self.ram.read_data.val();

        self.ram.write_enable.next = self.along.q.val().get_bit(0);
        self.ram.write_address.next =
            (bit_cast::<8, 7>(self.write_place.val()) << 1) | bit_cast::<8, 1>(self.along.q.val().get_bits::<1>(1));
        self.ram.write_data.next = self.fma.y.val();
        if self.write_clear.val() {
            self.ram.write_data.next = 0.into();
        }
    }
    unit!("sgcn_lane");
}
