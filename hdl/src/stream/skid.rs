use super::{StreamIn, StreamOut};
use crate::prelude::*;

/// Two registers in a stream: cuts the paths of `valid`, `data` and `ready`.
///
/// One word a cycle, one cycle of latency. The second register catches the word that arrives in the cycle in which `m`
/// stops taking. It is not a buffer: two words is all it holds; use [`super::Fifo`] for more.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Skid<const W: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets the words.
    pub reset: Signal<In, Bit>,
    /// Words in.
    pub s: StreamIn<W>,
    /// Words out.
    pub m: StreamOut<W>,
    full: Reg<Bit>,
    word: Reg<Bits<W>>,
    spare_full: Reg<Bit>,
    spare: Reg<Bits<W>>,
}

impl<const W: usize> Logic for Skid<W> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, full, word, spare_full, spare);
        self.m.valid.next = self.full.q.val();
        self.m.data.next = self.word.q.val();
        self.s.ready.next = !self.spare_full.q.val();
        if self.m.ready.val() || !self.full.q.val() {
            self.spare_full.d.next = false;
            if self.spare_full.q.val() {
                self.full.d.next = true;
                self.word.d.next = self.spare.q.val();
            } else {
                self.full.d.next = self.s.valid.val();
                self.word.d.next = self.s.data.val();
            }
        } else if !self.spare_full.q.val() {
            self.spare_full.d.next = self.s.valid.val();
            self.spare.d.next = self.s.data.val();
        }
        if self.reset.val() {
            self.full.d.next = false;
            self.spare_full.d.next = false;
        }
    }
    unit!("stream_skid", W);
}
