use crate::optimizer::AnyLane;
use crate::prelude::*;
use crate::stream::{Checksum, Couple, Extent, Nonfinite};

/// Cycles through a lane, as a constant that a type can name.
const LATENCY: usize = AnyLane::LATENCY;

/// Keeps account of what enters the lanes and what leaves them: the checksums of six tensors, and whether a gradient was not finite.
///
/// It looks on where words have `W` bits, which costs a fifth of what beats of 512 would. What the lanes make of the filling past a
/// run's last element does not count. Words of one lane are summed two at a time. Sums of a moment that a run does not have mean nothing.
///
/// `D`, `NH` and `T` are `HALVES`, `H` and `T` of [`Nonfinite`]; `S` and what follows is the width of a checksum's beat, at least 64,
/// and the other parameters of [`Checksum`].
#[derive(Clone, Debug, LogicBlock)]
pub struct Ledger<
    const W: usize,
    const D: usize,
    const NH: usize,
    const T: usize,
    const S: usize,
    const SN: usize,
    const SB: usize,
    const NODES: usize,
    const LEVELS: usize,
    const ST: usize,
> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Begins a run.
    pub start: Signal<In, Bit>,
    /// Elements of the run; stable during it.
    pub elements: Signal<In, Bits<32>>,
    /// A group enters the lanes.
    pub enter: Signal<In, Bit>,
    /// What enters: parameters, first moments, second moments.
    pub old: [Signal<In, Bits<W>>; 3],
    /// And gradients, not scaled yet.
    pub grads: Signal<In, Bits<W>>,
    /// What leaves, `AnyLane::LATENCY` cycles later.
    pub new: [Signal<In, Bits<W>>; 3],
    /// Sums of what entered and of what left, in that order.
    pub a: [Signal<Out, Bits<64>>; 6],
    /// See [`Checksum::b`].
    pub b: [Signal<Out, Bits<64>>; 6],
    /// A gradient was not finite.
    pub nonfinite: Signal<Out, Bit>,
    /// The sums do not stand yet.
    pub pending: Signal<Out, Bit>,
    extent: Extent<T>,
    bytes: Signal<Local, Bits<34>>,
    counts: Signal<Local, Bit>,
    /// That a word counts, and that it is the last, for those that leave.
    along: Delay<2, LATENCY>,
    /// Where words have 32 bits.
    couple: Vec<Couple<W, S>>,
    sum: [Checksum<S, SN, SB, NODES, LEVELS, ST>; 6],
    watch: Nonfinite<W, D, NH, T>,
}

impl<
        const W: usize,
        const D: usize,
        const NH: usize,
        const T: usize,
        const S: usize,
        const SN: usize,
        const SB: usize,
        const NODES: usize,
        const LEVELS: usize,
        const ST: usize,
    > Default for Ledger<W, D, NH, T, S, SN, SB, NODES, LEVELS, ST>
{
    fn default() -> Self {
        let couples = if S > W { 6 } else { 0 };
        Ledger {
            clock: Signal::default(),
            start: Signal::default(),
            elements: Signal::default(),
            enter: Signal::default(),
            old: std::array::from_fn(|_| Signal::default()),
            grads: Signal::default(),
            new: std::array::from_fn(|_| Signal::default()),
            a: std::array::from_fn(|_| Signal::default()),
            b: std::array::from_fn(|_| Signal::default()),
            nonfinite: Signal::default(),
            pending: Signal::default(),
            extent: Extent::default(),
            bytes: Signal::default(),
            counts: Signal::default(),
            along: Delay::default(),
            couple: (0..couples).map(|_| Couple::default()).collect(),
            sum: std::array::from_fn(|_| Checksum::default()),
            watch: Nonfinite::default(),
        }
    }
}

impl<
        const W: usize,
        const D: usize,
        const NH: usize,
        const T: usize,
        const S: usize,
        const SN: usize,
        const SB: usize,
        const NODES: usize,
        const LEVELS: usize,
        const ST: usize,
    > Logic for Ledger<W, D, NH, T, S, SN, SB, NODES, LEVELS, ST>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, extent, along, watch);
        self.bytes.next = bit_cast::<34, 32>(self.elements.val()) << 2;
        self.extent.start.next = self.start.val();
        self.extent.bytes.next = self.bytes.val();
        self.extent.step.next = self.enter.val();
        self.counts.next = self.enter.val() && self.extent.belongs.val();
        self.along.d.next =
            (bit_cast::<2, 1>(self.counts.val().into()) << 1) | bit_cast::<2, 1>(self.extent.last.val().into());
        self.watch.start.next = self.start.val();
        self.watch.valid.next = self.counts.val();
        self.watch.last.next = self.extent.last.val();
        self.watch.tail.next = self.bytes.val().get_bits::<T>(0);
        self.watch.fp16.next = false;
        self.watch.bf16.next = false;
        self.watch.data.next = self.grads.val();
        self.nonfinite.next = self.watch.found.val();

        for i in 0..6 {
            self.sum[i].clock.next = self.clock.val();
            self.sum[i].start.next = self.start.val();
            self.sum[i].tail.next = self.bytes.val().get_bits::<ST>(0);
            if i < 3 {
                self.sum[i].last.next = self.extent.last.val();
            } else {
                self.sum[i].last.next = self.along.q.val().get_bit(0);
            }
            if W < S {
                self.couple[i].clock.next = self.clock.val();
                self.couple[i].start.next = self.start.val();
                if i < 3 {
                    self.couple[i].valid.next = self.counts.val();
                    self.couple[i].last.next = self.extent.last.val();
                    self.couple[i].data.next = self.old[i].val();
                } else {
                    self.couple[i].valid.next = self.along.q.val().get_bit(1);
                    self.couple[i].last.next = self.along.q.val().get_bit(0);
                    self.couple[i].data.next = self.new[i - 3].val();
                }
                self.sum[i].valid.next = self.couple[i].couple_valid.val();
                self.sum[i].data.next = self.couple[i].couple.val();
            } else {
                if i < 3 {
                    self.sum[i].valid.next = self.counts.val();
                    self.sum[i].data.next = self.old[i].val().get_bits::<S>(0);
                } else {
                    self.sum[i].valid.next = self.along.q.val().get_bit(1);
                    self.sum[i].data.next = self.new[i - 3].val().get_bits::<S>(0);
                }
            }
            self.a[i].next = self.sum[i].a.val();
            self.b[i].next = self.sum[i].b.val();
        }
        comment!("All have the same words at the same time, and the parameters leave last.");
        self.pending.next = !self.sum[3].done.val();
    }
    unit!("ledger"; W, D, NH, T, S, SN, SB, NODES, LEVELS, ST);
}
