use super::StreamIn;
use crate::prelude::*;

/// Copies a stream to `N` takers, each of which takes a word when it likes.
///
/// A word is consumed when every taker has had it; a taker that was served waits with its `m_valid` low. No latency; it
/// cuts no path, and the slowest taker sets the pace.
#[derive(Clone, Debug, LogicBlock)]
pub struct Fork<const W: usize, const N: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets who was served.
    pub reset: Signal<In, Bit>,
    /// Words in.
    pub s: StreamIn<W>,
    /// The word is offered to this taker.
    pub m_valid: [Signal<Out, Bit>; N],
    /// The word, for all takers.
    pub m_data: Signal<Out, Bits<W>>,
    /// This taker takes it in this cycle, if it is offered.
    pub m_ready: [Signal<In, Bit>; N],
    served: [Reg<Bit>; N],
    all: Signal<Local, Bit>,
}

impl<const W: usize, const N: usize> Default for Fork<W, N> {
    fn default() -> Self {
        Fork {
            clock: Signal::default(),
            reset: Signal::default(),
            s: StreamIn::default(),
            m_valid: std::array::from_fn(|_| Signal::default()),
            m_data: Signal::default(),
            m_ready: std::array::from_fn(|_| Signal::default()),
            served: std::array::from_fn(|_| Reg::default()),
            all: Signal::default(),
        }
    }
}

impl<const W: usize, const N: usize> Logic for Fork<W, N> {
    #[hdl_gen]
    fn update(&mut self) {
        self.m_data.next = self.s.data.val();
        self.all.next = true;
        for i in 0..N {
            if !self.m_ready[i].val() && !self.served[i].q.val() {
                self.all.next = false;
            }
        }
        self.s.ready.next = self.all.val();
        for i in 0..N {
            self.served[i].clock.next = self.clock.val();
            self.m_valid[i].next = self.s.valid.val() && !self.served[i].q.val();
            self.served[i].d.next = self.served[i].q.val();
            if self.s.valid.val() {
                self.served[i].d.next = (self.served[i].q.val() || self.m_ready[i].val()) && !self.all.val();
            }
            if self.reset.val() {
                self.served[i].d.next = false;
            }
        }
    }
    unit!("stream_fork", W, N);
}
