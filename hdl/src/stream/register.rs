use super::{StreamIn, StreamOut};
use crate::prelude::*;

/// One register in a stream: cuts the paths of `valid` and `data`.
///
/// One word a cycle, one cycle of latency. It does not cut the path of `ready`, which runs from `m` to `s` through one
/// gate; use [`super::Skid`] where that matters.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Register<const W: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets the word.
    pub reset: Signal<In, Bit>,
    /// Words in.
    pub s: StreamIn<W>,
    /// Words out.
    pub m: StreamOut<W>,
    full: Reg<Bit>,
    word: Reg<Bits<W>>,
    free: Signal<Local, Bit>,
}

impl<const W: usize> Logic for Register<W> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, full, word);
        self.m.valid.next = self.full.q.val();
        self.m.data.next = self.word.q.val();
        self.free.next = self.m.ready.val() || !self.full.q.val();
        self.s.ready.next = self.free.val();
        if self.free.val() {
            self.full.d.next = self.s.valid.val();
            self.word.d.next = self.s.data.val();
        }
        if self.reset.val() {
            self.full.d.next = false;
        }
    }
    unit!("stream_register", W);
}
