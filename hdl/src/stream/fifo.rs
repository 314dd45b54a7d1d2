use super::{StreamIn, StreamOut};
use crate::prelude::*;

/// A buffer of `2^A` words of `W` bits in block RAM; `C = A + 1` bits count them.
///
/// One word a cycle in and out at once. A word that enters an empty buffer is offered two cycles later. The RAM reads a
/// cycle ahead: its address is where the head will be after this cycle, so its register holds the head whenever there is
/// one. It does not cut the path from `m.ready` to the RAM's address, and `m.data` comes straight from the RAM: put a
/// [`super::Register`] behind it where that is too slow.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Fifo<const W: usize, const A: usize, const C: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets the words.
    pub reset: Signal<In, Bit>,
    /// Words in.
    pub s: StreamIn<W>,
    /// Words out.
    pub m: StreamOut<W>,
    /// Words that are in it, the offered one among them.
    pub fill: Signal<Out, Bits<C>>,
    ram: Ram<A, W>,
    /// Place of the word that is offered, or will be; one bit more than an address, so that full differs from empty.
    head: Reg<Bits<C>>,
    tail: Reg<Bits<C>>,
    present: Reg<Bit>,
    head_next: Signal<Local, Bits<C>>,
    count: Signal<Local, Bits<C>>,
    push: Signal<Local, Bit>,
}

impl<const W: usize, const A: usize, const C: usize> Logic for Fifo<W, A, C> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, head, tail, present);
        self.ram.clock.next = self.clock.val();

        self.count.next = self.tail.q.val() - self.head.q.val();
        self.fill.next = self.count.val();
        self.s.ready.next = !self.count.val().get_bit(A);
        self.push.next = self.s.valid.val() && !self.count.val().get_bit(A);
        self.ram.write_enable.next = self.push.val();
        self.ram.write_address.next = self.tail.q.val().get_bits::<A>(0);
        self.ram.write_data.next = self.s.data.val();
        if self.push.val() {
            self.tail.d.next = self.tail.q.val() + 1;
        }

        self.head_next.next = self.head.q.val();
        if self.present.q.val() && self.m.ready.val() {
            self.head_next.next = self.head.q.val() + 1;
        }
        self.head.d.next = self.head_next.val();
        self.ram.read_address.next = self.head_next.val().get_bits::<A>(0);
        self.present.d.next = self.head_next.val() != self.tail.q.val();
        self.m.valid.next = self.present.q.val();
        self.m.data.next = self.ram.read_data.val();

        if self.reset.val() {
            self.head.d.next = 0.into();
            self.tail.d.next = 0.into();
            self.present.d.next = false;
        }
    }
    unit!("stream_fifo", W, A, C);
}
