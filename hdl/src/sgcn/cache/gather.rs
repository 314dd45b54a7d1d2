use super::RoundRobin;
use crate::prelude::*;
use crate::stream::StreamOut;

/// `N` streams of `W` bits into one, in turn, through one register.
///
/// One word a cycle, one cycle of latency. The path of `m.ready` runs to `taken`, through the choice.
#[derive(Clone, Debug, LogicBlock)]
pub struct Gather<const N: usize, const W: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets the word.
    pub reset: Signal<In, Bit>,
    /// A word is offered on this stream.
    pub s_valid: [Signal<In, Bit>; N],
    /// The word.
    pub s_data: [Signal<In, Bits<W>>; N],
    /// Whose word is taken in this cycle: one bit at most, and only where one is offered.
    pub taken: Signal<Out, Bits<N>>,
    /// Words.
    pub m: StreamOut<W>,
    turn: RoundRobin<N>,
    asks: Pack<N, 1, N>,
    full: Reg<Bit>,
    word: Reg<Bits<W>>,
    free: Signal<Local, Bit>,
    /// The word that is chosen, 0 if there is none.
    chosen: Signal<Local, Bits<W>>,
}

impl<const N: usize, const W: usize> Default for Gather<N, W> {
    fn default() -> Self {
        Gather {
            clock: Signal::default(),
            reset: Signal::default(),
            s_valid: std::array::from_fn(|_| Signal::default()),
            s_data: std::array::from_fn(|_| Signal::default()),
            taken: Signal::default(),
            m: StreamOut::default(),
            turn: RoundRobin::default(),
            asks: Pack::default(),
            full: Reg::default(),
            word: Reg::default(),
            free: Signal::default(),
            chosen: Signal::default(),
        }
    }
}

impl<const N: usize, const W: usize> Logic for Gather<N, W> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, full, word);
        clock!(self, clock, turn);
        self.turn.reset.next = self.reset.val();
        for i in 0..N {
            self.asks.x[i].next = self.s_valid[i].val().into();
        }
        self.free.next = self.m.ready.val() || !self.full.q.val();
        self.turn.request.next = self.asks.packed.val();
        self.turn.taken.next = self.free.val() && self.turn.any.val();
        comment!("An OR of all, of which one at most is not 0: no order among them for synthesis to keep.");
        self.chosen.next = 0.into();
        for i in 0..N {
            if self.turn.grant.val().get_bit(i) {
                self.chosen.next = self.chosen.val() | self.s_data[i].val();
            }
        }
        self.taken.next = 0.into();
        if self.free.val() {
            self.taken.next = self.turn.grant.val();
            self.full.d.next = self.turn.any.val();
            if self.turn.any.val() {
                self.word.d.next = self.chosen.val();
            }
        }
        self.m.valid.next = self.full.q.val();
        self.m.data.next = self.word.q.val();
        if self.reset.val() {
            self.full.d.next = false;
        }
    }
    unit!("sgcn_gather", N, W);
}
