use crate::prelude::*;

/// Waits for a word on each of `N` streams and passes them on together.
///
/// Only the handshake: the words stand side by side and need no cell. No latency; it cuts no path and holds nothing. A
/// stream's `s_ready` is 1 only in a cycle in which all words leave.
#[derive(Clone, Debug, LogicBlock)]
pub struct Join<const N: usize> {
    /// A word is offered on this stream.
    pub s_valid: [Signal<In, Bit>; N],
    /// It is taken in this cycle.
    pub s_ready: [Signal<Out, Bit>; N],
    /// All words are there.
    pub m_valid: Signal<Out, Bit>,
    /// They are taken in this cycle, if they are there.
    pub m_ready: Signal<In, Bit>,
    all: Signal<Local, Bit>,
}

impl<const N: usize> Default for Join<N> {
    fn default() -> Self {
        Join {
            s_valid: std::array::from_fn(|_| Signal::default()),
            s_ready: std::array::from_fn(|_| Signal::default()),
            m_valid: Signal::default(),
            m_ready: Signal::default(),
            all: Signal::default(),
        }
    }
}

impl<const N: usize> Logic for Join<N> {
    #[hdl_gen]
    fn update(&mut self) {
        self.all.next = true;
        for i in 0..N {
            if !self.s_valid[i].val() {
                self.all.next = false;
            }
        }
        self.m_valid.next = self.all.val();
        for i in 0..N {
            self.s_ready[i].next = self.all.val() && self.m_ready.val();
        }
    }
    unit!("stream_join", N);
}
