use super::{StreamIn, StreamOut};
use crate::prelude::*;

/// Gathers `N = 2^K` words of `S` bits into one of `M = N * S` bits, the first lowest.
///
/// One short word a cycle, also while a long word leaves. A long word is offered the cycle after its last part came. It
/// does not cut the path of `ready`, and a group that is never finished stays inside until `reset`.
#[derive(Clone, Debug, LogicBlock)]
pub struct Widen<const S: usize, const N: usize, const M: usize, const K: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets what was gathered.
    pub reset: Signal<In, Bit>,
    /// Short words in.
    pub s: StreamIn<S>,
    /// Long words out.
    pub m: StreamOut<M>,
    /// The parts move down as they come, so that none needs a selector.
    part: [Reg<Bits<S>>; N],
    pack: Pack<N, S, M>,
    count: Reg<Bits<K>>,
    full: Reg<Bit>,
    free: Signal<Local, Bit>,
}

impl<const S: usize, const N: usize, const M: usize, const K: usize> Default for Widen<S, N, M, K> {
    fn default() -> Self {
        assert!(N == 1 << K && M == N * S, "Widen<{S}, {N}, {M}, {K}>: {N} words of {S} bits, counted in {K} bits");
        Widen {
            clock: Signal::default(),
            reset: Signal::default(),
            s: StreamIn::default(),
            m: StreamOut::default(),
            part: std::array::from_fn(|_| Reg::default()),
            pack: Pack::default(),
            count: Reg::default(),
            full: Reg::default(),
            free: Signal::default(),
        }
    }
}

impl<const S: usize, const N: usize, const M: usize, const K: usize> Logic for Widen<S, N, M, K> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, count, full);
        for i in 0..N {
            self.part[i].clock.next = self.clock.val();
            self.pack.x[i].next = self.part[i].q.val();
            self.part[i].d.next = self.part[i].q.val();
        }
        self.m.valid.next = self.full.q.val();
        self.m.data.next = self.pack.packed.val();
        self.free.next = self.m.ready.val() || !self.full.q.val();
        self.s.ready.next = self.free.val();
        if self.free.val() {
            self.full.d.next = self.s.valid.val() && self.count.q.val().all();
            if self.s.valid.val() {
                self.count.d.next = self.count.q.val() + 1;
                for i in 0..N {
                    if i + 1 < N {
                        self.part[i].d.next = self.part[i + 1].q.val();
                    } else {
                        self.part[i].d.next = self.s.data.val();
                    }
                }
            }
        }
        if self.reset.val() {
            self.count.d.next = 0.into();
            self.full.d.next = false;
        }
    }
    unit!("stream_widen", S, N, M, K);
}
