use super::{StreamIn, StreamOut};
use crate::prelude::*;

/// Cuts each word of `S` bits into `2^K` words of `M = S / 2^K` bits, the lowest first.
///
/// One short word a cycle, no latency: the long word stays on `s` until its last part is taken. It cuts no path; `M` must
/// be a power of two.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Narrow<const S: usize, const M: usize, const K: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Begins with the lowest part again.
    pub reset: Signal<In, Bit>,
    /// Long words in.
    pub s: StreamIn<S>,
    /// Short words out.
    pub m: StreamOut<M>,
    part: Reg<Bits<K>>,
}

impl<const S: usize, const M: usize, const K: usize> Logic for Narrow<S, M, K> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, part);
        self.m.valid.next = self.s.valid.val();
        self.m.data.next = self.s.data.val().get_bits::<M>(self.part.q.val().index() * M);
        self.s.ready.next = self.m.ready.val() && self.part.q.val().all();
        if self.s.valid.val() && self.m.ready.val() {
            self.part.d.next = self.part.q.val() + 1;
        }
        if self.reset.val() {
            self.part.d.next = 0.into();
        }
    }
    unit!("stream_narrow", S, M, K);
}
