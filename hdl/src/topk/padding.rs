use super::CHUNK_BITS;
use crate::prelude::*;

/// Watches that what follows a group's last index is padding: if the table counts one element less, its index stands there.
///
/// It only looks on. What it finds comes two cycles after the beat.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Padding {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets the beat.
    pub reset: Signal<In, Bit>,
    /// A beat of indices passes in this cycle.
    pub taken: Signal<In, Bit>,
    /// The beat.
    pub data: Signal<In, Bits<512>>,
    /// Its indices, 1 to 32.
    pub count: Signal<In, Bits<6>>,
    /// Number of its chunk.
    pub chunk: Signal<In, Bits<CHUNK_BITS>>,
    /// Something else follows.
    pub wrong: Signal<Out, Bit>,
    /// In this chunk.
    pub wrong_chunk: Signal<Out, Bits<CHUNK_BITS>>,
    seen: Reg<Bit>,
    used: Reg<Bits<32>>,
    places: Pack<32, 1, 32>,
    indices: Reg<Bits<6>>,
    allowed: Pack<32, 1, 32>,
    verdict: Reg<Bit>,
    line: Delay<CHUNK_BITS, 2>,
}

impl Logic for Padding {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, seen, used, indices, verdict);
        clock!(self, clock, line);
        self.line.d.next = self.chunk.val();
        self.seen.d.next = self.taken.val();
        self.indices.d.next = self.count.val();
        for i in 0..32 {
            self.places.x[i].next = (!self.data.val().get_bits::<16>(16 * i).all()).into();
            self.allowed.x[i].next = (self.indices.q.val() > i.to_bits()).into();
        }
        self.used.d.next = self.places.packed.val();
        self.verdict.d.next = self.seen.q.val() && (self.used.q.val() & !self.allowed.packed.val()).any();
        self.wrong.next = self.verdict.q.val();
        self.wrong_chunk.next = self.line.q.val();
        if self.reset.val() {
            self.seen.d.next = false;
            self.verdict.d.next = false;
        }
    }
    unit!("topk_padding");
}
