use super::Lane;
use crate::prelude::*;

/// Cycles from an operation to its write.
const WRITE: usize = Lane::HOLD - 1;

/// 16 lanes side by side: lane i has the columns i modulo 16.
///
/// Free-running. An operation is on one window of one context; of each lane it says whether it takes part and in which of the
/// window's two segments. `line` is what the accumulators of the operation of a cycle ago were.
#[derive(Clone, Debug, LogicBlock)]
pub struct Lanes {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The lanes that take part.
    pub valid: Signal<In, Bits<16>>,
    /// Those that do so in the upper segment.
    pub half: Signal<In, Bits<16>>,
    /// The accumulators become +0.
    pub clear: Signal<In, Bit>,
    /// Context (upper half) and window of 32 columns.
    pub place: Signal<In, Bits<7>>,
    /// Features.
    pub x: Signal<In, Bits<512>>,
    /// Weight.
    pub weight: Signal<In, Bits<32>>,
    /// What the accumulators of the last operation were.
    pub line: Signal<Out, Bits<512>>,
    /// On the heap: a lane's description is large.
    lane: Vec<Lane>,
    factor: Reg<Bits<32>>,
    along: Delay<8, WRITE>,
    pack: Pack<16, 32, 512>,
}

impl Default for Lanes {
    fn default() -> Self {
        Lanes {
            clock: Signal::default(),
            valid: Signal::default(),
            half: Signal::default(),
            clear: Signal::default(),
            place: Signal::default(),
            x: Signal::default(),
            weight: Signal::default(),
            line: Signal::default(),
            lane: (0..16).map(|_| Lane::default()).collect(),
            factor: Reg::default(),
            along: Delay::default(),
            pack: Pack::default(),
        }
    }
}

impl Logic for Lanes {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, factor);
        clock!(self, clock, along);
        self.factor.d.next = self.weight.val();
        self.along.d.next = (bit_cast::<8, 7>(self.place.val()) << 1) | bit_cast::<8, 1>(self.clear.val().into());
        for i in 0..16 {
            self.lane[i].clock.next = self.clock.val();
            self.lane[i].valid.next = self.valid.val().get_bit(i);
            self.lane[i].half.next = self.half.val().get_bit(i);
            self.lane[i].clear.next = self.clear.val();
            self.lane[i].place.next = self.place.val();
            self.lane[i].x.next = self.x.val().get_bits::<32>(32 * i);
            self.lane[i].weight.next = self.factor.q.val();
            self.lane[i].write_place.next = self.along.q.val().get_bits::<7>(1);
            self.lane[i].write_clear.next = self.along.q.val().get_bit(0);
            self.pack.x[i].next = self.lane[i].accumulator.val();
        }
        self.line.next = self.pack.packed.val();
    }
    unit!("sgcn_lanes");
}
