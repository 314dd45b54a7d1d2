use crate::float::Fp32SquareSum;
use crate::prelude::*;
use crate::stream::{Extent, Nonfinite};
use nearfield_abi::register::SUM_LIMBS;

/// Limbs of a lane's sum.
const LIMBS: usize = SUM_LIMBS as usize;
/// Cycles through a lane, as a constant that a type can name.
const LATENCY: usize = Fp32SquareSum::LATENCY;

/// Sums the squares of a run of words, a sum a lane, and says whether a number was infinite or NaN. What lies past the run's last
/// element does not count.
///
/// It takes a word of `L` binary32 numbers in every cycle and never holds a stream up. `start` forgets what was; the first word may
/// come two cycles later. `pending` is 1 from then until the sums of the whole run stand: `LATENCY` cycles and one more after its last word.
/// They stand until the next `start`. A run that is broken off has none, and must be followed by `LATENCY` cycles without a word
/// before the next one starts.
///
/// `W = 32 L`, `2^T = 4 L` bytes a word; `D = 2 L` and `NH` are `HALVES` and `H` of [`Nonfinite`]; `WORDS` is 19 a lane.
#[derive(Clone, Debug, LogicBlock)]
pub struct Squares<const L: usize, const W: usize, const D: usize, const NH: usize, const T: usize, const WORDS: usize>
{
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Begins a run.
    pub start: Signal<In, Bit>,
    /// Elements of the run; stable during it.
    pub elements: Signal<In, Bits<32>>,
    /// There is a word.
    pub valid: Signal<In, Bit>,
    /// The word.
    pub data: Signal<In, Bits<W>>,
    /// The lanes' sums, the lowest lane and its lowest limb first; see [`Fp32SquareSum::sum`].
    pub limb: [Signal<Out, Bits<32>>; WORDS],
    /// A number was not finite.
    pub nonfinite: Signal<Out, Bit>,
    /// The sums do not stand yet.
    pub pending: Signal<Out, Bit>,
    extent: Extent<T>,
    bytes: Signal<Local, Bits<34>>,
    counts: Signal<Local, Bit>,
    tail: Signal<Local, Bits<T>>,
    /// Where a lane's number begins in a word, in bytes.
    place: [Constant<Bits<T>>; L],
    /// The lane's number is past the end, if this word is the last.
    past: [Signal<Local, Bit>; L],
    lane: [Fp32SquareSum; L],
    watch: Nonfinite<W, D, NH, T>,
    along: Delay<1, LATENCY>,
    summed: Reg<Bit>,
}

impl<const L: usize, const W: usize, const D: usize, const NH: usize, const T: usize, const WORDS: usize> Default
    for Squares<L, W, D, NH, T, WORDS>
{
    fn default() -> Self {
        assert!(
            W == 32 * L && 1 << T == 4 * L && WORDS == LIMBS * L,
            "Squares<{L}, {W}, {D}, {NH}, {T}, {WORDS}>: words of L numbers of 4 bytes, 19 limbs a lane"
        );
        Squares {
            clock: Signal::default(),
            start: Signal::default(),
            elements: Signal::default(),
            valid: Signal::default(),
            data: Signal::default(),
            limb: std::array::from_fn(|_| Signal::default()),
            nonfinite: Signal::default(),
            pending: Signal::default(),
            extent: Extent::default(),
            bytes: Signal::default(),
            counts: Signal::default(),
            tail: Signal::default(),
            place: std::array::from_fn(|i| Constant::new((4 * i as u64).into())),
            past: std::array::from_fn(|_| Signal::default()),
            lane: std::array::from_fn(|_| Fp32SquareSum::default()),
            watch: Nonfinite::default(),
            along: Delay::default(),
            summed: Reg::default(),
        }
    }
}

impl<const L: usize, const W: usize, const D: usize, const NH: usize, const T: usize, const WORDS: usize> Logic
    for Squares<L, W, D, NH, T, WORDS>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, extent, watch, along);
        dff_setup!(self, clock, summed);
        self.bytes.next = bit_cast::<34, 32>(self.elements.val()) << 2;
        self.extent.start.next = self.start.val();
        self.extent.bytes.next = self.bytes.val();
        self.extent.step.next = self.valid.val();
        self.counts.next = self.valid.val() && self.extent.belongs.val();
        self.tail.next = self.bytes.val().get_bits::<T>(0);
        self.watch.start.next = self.start.val();
        self.watch.valid.next = self.counts.val();
        self.watch.last.next = self.extent.last.val();
        self.watch.tail.next = self.tail.val();
        self.watch.fp16.next = false;
        self.watch.bf16.next = false;
        self.watch.data.next = self.data.val();
        self.nonfinite.next = self.watch.found.val();

        comment!("A tail of 0 is a whole word.");
        for i in 0..L {
            self.past[i].next = self.tail.val().any() && (self.place[i].val() >= self.tail.val());
            self.lane[i].clock.next = self.clock.val();
            self.lane[i].clear.next = self.start.val();
            self.lane[i].valid.next = self.counts.val() && !(self.extent.last.val() && self.past[i].val());
            self.lane[i].a.next = self.data.val().get_bits::<32>(32 * i);
            for j in 0..LIMBS {
                self.limb[LIMBS * i + j].next = self.lane[i].sum.val().get_bits::<32>(32 * j);
            }
        }

        self.along.d.next = (self.counts.val() && self.extent.last.val()).into();
        if self.along.q.val().any() {
            self.summed.d.next = true;
        }
        if self.start.val() {
            self.summed.d.next = false;
        }
        self.pending.next = !self.summed.q.val();
    }
    unit!("squares", L; W, D, NH, T, LIMBS);
}
