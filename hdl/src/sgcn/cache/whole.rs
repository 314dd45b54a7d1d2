use super::{Bank, Fills, Misses, Requests, Responses, Tally};
use crate::prelude::*;
use crate::stream::{StreamIn, StreamOut};

/// The cache: 16 banks of `2^S` sets of 16 lines between `N` engines and `M = 2^LOG` memory ports; wiring only. `A = S + 4`.
///
/// ```text
/// s x N ── Requests ── Bank x 16 ─┬─ Responses ── m x N
///                                 └─ Misses ── miss x M   fill x M ── Fills ── Bank x 16
/// ```
///
/// Every request gets one response, in any order, and an engine takes it when it comes. Nothing waits in a circle: responses leave
/// always, fills come in always, and a bank has a place for every miss it may have.
#[derive(Clone, Debug, LogicBlock)]
pub struct Cache<const N: usize, const M: usize, const LOG: usize, const S: usize, const A: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets requests and lines; only for when no miss is outstanding.
    pub reset: Signal<In, Bit>,
    /// Bank and set are a hash of the address, not parts of it; stable from the reset on.
    pub hashed: Signal<In, Bit>,
    /// Requests, an engine a stream: noalloc 1, tag 11, line address 32.
    pub s: [StreamIn<44>; N],
    /// There is a response for this engine.
    pub m_valid: [Signal<Out, Bit>; N],
    /// It: tag 11, data 512.
    pub m_data: [Signal<Out, Bits<523>>; N],
    /// Lines to read, a port a stream: id 10, line of the port 32.
    pub miss: [StreamOut<42>; M],
    /// Lines that were read, a port a stream: id 10, data 512.
    pub fill: [StreamIn<522>; M],
    /// Requests are inside, or the tags are not empty yet.
    pub busy: Signal<Out, Bit>,
    /// How many requests hit, 0 to 16, in the cycle before the last; and so on.
    pub hits: Signal<Out, Bits<5>>,
    /// How many began a miss.
    pub misses: Signal<Out, Bits<5>>,
    /// How many joined a miss.
    pub merges: Signal<Out, Bits<5>>,
    /// How many were compared in vain.
    pub stalls: Signal<Out, Bits<5>>,
    requests: Requests<N>,
    bank: Vec<Bank<S, A>>,
    responses: Responses<N>,
    missing: Misses<M, LOG>,
    fills: Fills<M>,
    hit: Tally,
    missed: Tally,
    merged: Tally,
    stalled: Tally,
    any: Signal<Local, Bit>,
}

impl<const N: usize, const M: usize, const LOG: usize, const S: usize, const A: usize> Default
    for Cache<N, M, LOG, S, A>
{
    fn default() -> Self {
        Cache {
            clock: Signal::default(),
            reset: Signal::default(),
            hashed: Signal::default(),
            s: std::array::from_fn(|_| StreamIn::default()),
            m_valid: std::array::from_fn(|_| Signal::default()),
            m_data: std::array::from_fn(|_| Signal::default()),
            miss: std::array::from_fn(|_| StreamOut::default()),
            fill: std::array::from_fn(|_| StreamIn::default()),
            busy: Signal::default(),
            hits: Signal::default(),
            misses: Signal::default(),
            merges: Signal::default(),
            stalls: Signal::default(),
            requests: Requests::default(),
            bank: (0..16).map(|_| Bank::default()).collect(),
            responses: Responses::default(),
            missing: Misses::default(),
            fills: Fills::default(),
            hit: Tally::default(),
            missed: Tally::default(),
            merged: Tally::default(),
            stalled: Tally::default(),
            any: Signal::default(),
        }
    }
}

impl<const N: usize, const M: usize, const LOG: usize, const S: usize, const A: usize> Logic
    for Cache<N, M, LOG, S, A>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, requests, responses, missing, fills, hit, missed, merged, stalled);
        self.requests.reset.next = self.reset.val();
        self.responses.reset.next = self.reset.val();
        self.missing.reset.next = self.reset.val();
        self.fills.reset.next = self.reset.val();
        self.requests.hashed.next = self.hashed.val();
        for i in 0..N {
            StreamIn::<44>::link(&mut self.s[i], &mut self.requests.s[i]);
            self.m_valid[i].next = self.responses.m_valid[i].val();
            self.m_data[i].next = self.responses.m_data[i].val();
        }
        for port in 0..M {
            StreamOut::<42>::link(&mut self.miss[port], &mut self.missing.m[port]);
            StreamIn::<522>::link(&mut self.fill[port], &mut self.fills.s[port]);
        }
        self.any.next = self.requests.busy.val() || self.responses.busy.val();
        for i in 0..16 {
            self.bank[i].clock.next = self.clock.val();
            self.bank[i].reset.next = self.reset.val();
            self.bank[i].hashed.next = self.hashed.val();
            StreamOut::<48>::join(&mut self.requests.m[i], &mut self.bank[i].s);
            StreamOut::<527>::join(&mut self.bank[i].m, &mut self.responses.s[i]);
            StreamOut::<38>::join(&mut self.bank[i].miss, &mut self.missing.s[i]);
            self.bank[i].fill.next = self.fills.fill[i].val();
            self.bank[i].fill_mshr.next = self.fills.fill_mshr[i].val();
            self.bank[i].fill_data.next = self.fills.fill_data[i].val();
            self.hit.event[i].next = self.bank[i].hit.val();
            self.missed.event[i].next = self.bank[i].missed.val();
            self.merged.event[i].next = self.bank[i].merged.val();
            self.stalled.event[i].next = self.bank[i].stalled.val();
            self.any.next = self.any.val() || self.bank[i].busy.val();
        }
        self.busy.next = self.any.val();
        self.hits.next = self.hit.count.val();
        self.misses.next = self.missed.count.val();
        self.merges.next = self.merged.count.val();
        self.stalls.next = self.stalled.count.val();
    }
    unit!("sgcn_cache", N, M; LOG, S, A);
}
