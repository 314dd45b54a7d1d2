use super::{Fold, Groups, Merge, Order, Padding, Route, Table, Watch, CHUNK_BITS};
use crate::prelude::*;
use crate::stream::{StreamIn, StreamOut};

/// A Top-K stream (`nearfield_abi::topk`) in, the dense run out, its numbers in the stream's format; wiring only.
///
/// ```text
/// s ── Route ──┬─ Table ── chunk ──┐
///              └───────────────── Groups ── slices ──┬─ Merge ── m
///                         beats' sums ── Fold    └─ Order, Padding   all faults ── Watch
/// ```
///
/// Words of `L` elements, `W = 32 * L` bits, up to the end of the last 16 elements; zeros where nothing was kept. A number of 16 bits
/// stands in the lower half of its element: [`super::Value`] makes binary32 of it, and is the caller's. `start` begins a run
/// and forgets whatever was left of another, an offer on `m` included. A fault ends it: `busy` falls, nothing more is taken, and of
/// words only those that are offered already still come. `N`, `P`, `I`, `A`, `B` are as in [`Merge`] and [`Groups`].
#[derive(Clone, Debug, LogicBlock)]
pub struct Decompress<
    const L: usize,
    const N: usize,
    const P: usize,
    const I: usize,
    const W: usize,
    const A: usize,
    const B: usize,
> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets run and fault.
    pub reset: Signal<In, Bit>,
    /// Begins a run.
    pub start: Signal<In, Bit>,
    /// Elements of the run, 1 to 2^25; this and the next are stable from `start` until `busy` falls.
    pub elements: Signal<In, Bits<32>>,
    /// Format of the values, one of `nearfield_abi::topk::format`.
    pub format: Signal<In, Bits<2>>,
    /// Beats of the stream.
    pub s: StreamIn<512>,
    /// The sum of the words of the beat that was taken [`Fold::AHEAD`] cycles ago, modulo 2^32.
    pub beat_sum: Signal<In, Bits<32>>,
    /// The same with each word times the number of words after it in the beat. Both are what a [`crate::stream::Checksum512`] adds
    /// up that watches `s`.
    pub beat_after: Signal<In, Bits<32>>,
    /// The stream's source has no more beats, but for those that its buffer offers within a few cycles.
    pub ended: Signal<In, Bit>,
    /// Words.
    pub m: StreamOut<W>,
    /// The run is going on: words are to come, or checks.
    pub busy: Signal<Out, Bit>,
    /// It has failed, until `start` or `reset`.
    pub failed: Signal<Out, Bit>,
    /// How, one of `nearfield_abi::topk::fault`.
    pub fault: Signal<Out, Bits<3>>,
    /// In which chunk.
    pub fault_chunk: Signal<Out, Bits<CHUNK_BITS>>,
    route: Route,
    table: Table,
    groups: Groups<L, I, W, A, B>,
    fold: Fold,
    order: Order<L, I>,
    padding: Padding,
    merge: Merge<L, N, P, I, W>,
    watch: Watch,
    fresh: Signal<Local, Bit>,
    limit: Signal<Local, Bits<16>>,
}

impl<
        const L: usize,
        const N: usize,
        const P: usize,
        const I: usize,
        const W: usize,
        const A: usize,
        const B: usize,
    > Default for Decompress<L, N, P, I, W, A, B>
{
    fn default() -> Self {
        Decompress {
            clock: Signal::default(),
            reset: Signal::default(),
            start: Signal::default(),
            elements: Signal::default(),
            format: Signal::default(),
            s: StreamIn::default(),
            beat_sum: Signal::default(),
            beat_after: Signal::default(),
            ended: Signal::default(),
            m: StreamOut::default(),
            busy: Signal::default(),
            failed: Signal::default(),
            fault: Signal::default(),
            fault_chunk: Signal::default(),
            route: Route::default(),
            table: Table::default(),
            groups: Groups::default(),
            fold: Fold::default(),
            order: Order::default(),
            padding: Padding::default(),
            merge: Merge::default(),
            watch: Watch::default(),
            fresh: Signal::default(),
            limit: Signal::default(),
        }
    }
}

impl<
        const L: usize,
        const N: usize,
        const P: usize,
        const I: usize,
        const W: usize,
        const A: usize,
        const B: usize,
    > Logic for Decompress<L, N, P, I, W, A, B>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, route, table, groups, fold, order, padding, merge, watch);
        self.fresh.next = self.reset.val() || self.start.val();
        self.limit.next = self.route.last_element.val().get_bits::<16>(0);
        self.route.reset.next = self.reset.val();
        self.route.start.next = self.start.val();
        self.route.halt.next = self.watch.failed.val();
        self.route.elements.next = self.elements.val();
        self.route.format.next = self.format.val();
        StreamIn::<512>::link(&mut self.s, &mut self.route.s);

        self.table.reset.next = self.fresh.val();
        self.table.last_element.next = self.route.last_element.val();
        self.table.total.next = self.route.total.val();
        self.table.wide.next = self.route.wide.val();
        StreamOut::<512>::join(&mut self.route.table, &mut self.table.s);
        self.route.table_last.next = self.table.s_last.val();

        self.groups.reset.next = self.fresh.val();
        self.groups.wide.next = self.route.wide.val();
        self.groups.chunk_valid.next = self.table.chunk_valid.val();
        self.groups.chunk_kept.next = self.table.chunk_kept.val();
        self.groups.chunk_end.next = self.table.chunk_end.val();
        self.table.chunk_ready.next = self.groups.chunk_ready.val();
        StreamOut::<512>::join(&mut self.route.chunks, &mut self.groups.s);

        self.fold.reset.next = self.fresh.val();
        self.fold.taken.next = self.groups.taken.val();
        self.fold.beat_sum.next = self.beat_sum.val();
        self.fold.beat_after.next = self.beat_after.val();
        self.fold.first.next = self.groups.first.val();
        self.fold.last.next = self.groups.last.val();
        self.fold.a.next = self.table.chunk_a.val();
        self.fold.target.next = self.table.chunk_target.val();
        self.fold.chunk.next = self.table.chunk_number.val();

        self.padding.reset.next = self.fresh.val();
        self.padding.taken.next = self.groups.taken_index.val();
        self.padding.data.next = self.route.chunks.data.val();
        self.padding.count.next = self.groups.count.val();
        self.padding.chunk.next = self.table.chunk_number.val();

        self.merge.reset.next = self.fresh.val();
        self.merge.halt.next = self.watch.failed.val();
        self.merge.limit.next = self.limit.val();
        self.merge.s_valid.next = self.groups.m_valid.val();
        self.merge.s_index.next = self.groups.m_index.val();
        self.merge.s_value.next = self.groups.m_value.val();
        self.merge.s_kept.next = self.groups.m_kept.val();
        self.merge.s_last.next = self.groups.m_last.val();
        self.merge.s_ending.next = self.groups.m_end.val();
        self.groups.m_ready.next = self.merge.s_ready.val();

        self.order.reset.next = self.fresh.val();
        self.order.limit.next = self.limit.val();
        self.order.taken.next = self.groups.m_valid.val() && self.merge.s_ready.val();
        self.order.index.next = self.groups.m_index.val();
        self.order.kept.next = self.groups.m_kept.val();
        self.order.last.next = self.groups.m_last.val();
        self.order.ending.next = self.groups.m_end.val();

        StreamOut::<W>::link(&mut self.m, &mut self.merge.m);

        self.watch.reset.next = self.reset.val();
        self.watch.start.next = self.start.val();
        self.watch.ended.next = self.ended.val();
        self.watch.offered.next = self.s.valid.val();
        self.watch.wanting.next = self.route.wanting.val() || self.groups.wanting.val();
        self.watch.full.next = self.groups.finished.val();
        self.watch.finished.next = self.merge.finished.val();
        self.watch.at.next = self.table.chunk_number.val();
        self.watch.refused.next = self.route.refused.val();
        self.watch.miscounted.next = self.table.miscounted.val();
        self.watch.table_wrong.next = self.table.wrong.val();
        self.watch.table_chunk.next = self.table.about.val();
        self.watch.descends.next = self.order.descends.val();
        self.watch.beyond.next = self.order.beyond.val();
        self.watch.order_chunk.next = self.order.chunk.val();
        self.watch.unpadded.next = self.padding.wrong.val();
        self.watch.unpadded_chunk.next = self.padding.wrong_chunk.val();
        self.watch.wrong.next = self.fold.wrong.val();
        self.watch.wrong_chunk.next = self.fold.wrong_chunk.val();
        self.busy.next = self.watch.busy.val();
        self.failed.next = self.watch.failed.val();
        self.fault.next = self.watch.fault.val();
        self.fault_chunk.next = self.watch.fault_chunk.val();
    }
    unit!("topk_decompress", L; W);
}
