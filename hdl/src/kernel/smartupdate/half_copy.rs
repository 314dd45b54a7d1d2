use crate::axi::{AxiWrite, WriteMover};
use crate::float::{Fp32ToBf16, Fp32ToFp16};
use crate::kernel::DEPTH;
use crate::optimizer::AnyLane;
use crate::prelude::*;
use crate::stream::{Checksum256, Extent, Widen};

/// The half-precision copy of the new parameters: words of `L` numbers in binary32 to memory, as fp16 or bf16.
///
/// Free-running up to the writer's buffer: whoever sends words has seen to it that there is room. Words end with a whole beat of
/// binary32, which is half a beat here, so the last beat may come with its upper half as it was; the strobes leave that out.
/// `W = 32 * L`, `H = 16 * L`, `N = 2^K` words to half a beat.
#[derive(Clone, Debug, LogicBlock)]
pub struct HalfCopy<const L: usize, const W: usize, const H: usize, const N: usize, const K: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// See [`WriteMover::reset`].
    pub reset: Signal<In, Bit>,
    /// Memory.
    pub axi: AxiWrite,
    /// Whether there is a copy in this run; without it a start passes, and counters and sums mean nothing.
    pub used: Signal<In, Bit>,
    /// As bfloat16, not as binary16.
    pub bf16: Signal<In, Bit>,
    /// See [`WriteMover::start`].
    pub start: Signal<In, Bit>,
    /// See [`WriteMover::address`].
    pub address: Signal<In, Bits<64>>,
    /// Elements of the run; stable during it.
    pub elements: Signal<In, Bits<32>>,
    /// See [`WriteMover::stop`].
    pub stop: Signal<In, Bit>,
    /// A word comes.
    pub new_valid: Signal<In, Bit>,
    /// The word.
    pub new_data: Signal<In, Bits<W>>,
    /// See [`WriteMover::freed`].
    pub freed: Signal<Out, Bit>,
    /// See [`WriteMover::busy`].
    pub busy: Signal<Out, Bit>,
    /// See [`WriteMover::beats`].
    pub beats: Signal<Out, Bits<32>>,
    /// See [`WriteMover::stalls`].
    pub stalls: Signal<Out, Bits<48>>,
    /// See [`WriteMover::failed`].
    pub failed: Signal<Out, Bit>,
    /// See [`WriteMover::failed_address`].
    pub failed_address: Signal<Out, Bits<64>>,
    /// The sums do not stand yet.
    pub pending: Signal<Out, Bit>,
    /// See [`Checksum256::a`].
    pub sum_a: Signal<Out, Bits<64>>,
    /// See [`Checksum256::b`].
    pub sum_b: Signal<Out, Bits<64>>,
    to_fp16: [Fp32ToFp16; L],
    to_bf16: [Fp32ToBf16; L],
    /// bfloat16 is a cycle faster.
    late: [Reg<Bits<16>>; L],
    half: Pack<L, 16, H>,
    along: Delay<1, { Fp32ToFp16::LATENCY }>,
    gather: Widen<H, N, 256, K>,
    /// Half beats left.
    halves: Extent<5>,
    low: Reg<Bits<256>>,
    high: Reg<Bits<256>>,
    /// The next half beat is a beat's upper half.
    upper: Reg<Bit>,
    full: Reg<Bit>,
    writer: WriteMover<9, 10, DEPTH>,
    beat: Pack<2, 256, 512>,
    sum: Checksum256,
    bytes: Signal<Local, Bits<34>>,
    begin: Signal<Local, Bit>,
}

impl<const L: usize, const W: usize, const H: usize, const N: usize, const K: usize> HalfCopy<L, W, H, N, K> {
    /// Cycles from a word to the writer's buffer.
    pub const LATENCY: usize = Fp32ToFp16::LATENCY + 3;
}

impl<const L: usize, const W: usize, const H: usize, const N: usize, const K: usize> Default
    for HalfCopy<L, W, H, N, K>
{
    fn default() -> Self {
        const {
            assert!(Fp32ToFp16::LATENCY == Fp32ToBf16::LATENCY + 1, "`late` brings both to one latency");
            let longest = AnyLane::LATENCY + Self::LATENCY;
            assert!(longest < 250, "lanes and half copy must be shorter than the sequencer's flush of 256 cycles");
        };
        HalfCopy {
            clock: Signal::default(),
            reset: Signal::default(),
            axi: AxiWrite::default(),
            used: Signal::default(),
            bf16: Signal::default(),
            start: Signal::default(),
            address: Signal::default(),
            elements: Signal::default(),
            stop: Signal::default(),
            new_valid: Signal::default(),
            new_data: Signal::default(),
            freed: Signal::default(),
            busy: Signal::default(),
            beats: Signal::default(),
            stalls: Signal::default(),
            failed: Signal::default(),
            failed_address: Signal::default(),
            pending: Signal::default(),
            sum_a: Signal::default(),
            sum_b: Signal::default(),
            to_fp16: std::array::from_fn(|_| Fp32ToFp16::default()),
            to_bf16: std::array::from_fn(|_| Fp32ToBf16::default()),
            late: std::array::from_fn(|_| Reg::default()),
            half: Pack::default(),
            along: Delay::default(),
            gather: Widen::default(),
            halves: Extent::default(),
            low: Reg::default(),
            high: Reg::default(),
            upper: Reg::default(),
            full: Reg::default(),
            writer: WriteMover::default(),
            beat: Pack::default(),
            sum: Checksum256::default(),
            bytes: Signal::default(),
            begin: Signal::default(),
        }
    }
}

impl<const L: usize, const W: usize, const H: usize, const N: usize, const K: usize> Logic for HalfCopy<L, W, H, N, K> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, low, high, upper, full);
        clock!(self, clock, along, gather, halves, writer, sum);
        self.gather.reset.next = self.reset.val();
        self.writer.reset.next = self.reset.val();
        AxiWrite::link(&mut self.axi, &mut self.writer.axi);
        self.begin.next = self.start.val() && self.used.val();
        self.bytes.next = bit_cast::<34, 32>(self.elements.val()) << 1;

        for i in 0..L {
            self.to_fp16[i].clock.next = self.clock.val();
            self.to_bf16[i].clock.next = self.clock.val();
            self.late[i].clock.next = self.clock.val();
            self.to_fp16[i].a.next = self.new_data.val().get_bits::<32>(32 * i);
            self.to_bf16[i].a.next = self.new_data.val().get_bits::<32>(32 * i);
            self.late[i].d.next = self.to_bf16[i].y.val();
            self.half.x[i].next = self.to_fp16[i].y.val();
            if self.bf16.val() {
                self.half.x[i].next = self.late[i].q.val();
            }
        }
        self.along.d.next = (self.new_valid.val() && self.used.val()).into();
        self.gather.s.valid.next = self.along.q.val().get_bit(0);
        self.gather.s.data.next = self.half.packed.val();
        self.gather.m.ready.next = true;

        self.halves.start.next = self.begin.val();
        self.halves.bytes.next = self.bytes.val();
        self.halves.step.next = self.gather.m.valid.val();
        self.full.d.next = false;
        if self.gather.m.valid.val() {
            self.upper.d.next = !self.upper.q.val();
            self.full.d.next = self.upper.q.val() || self.halves.last.val();
            if self.upper.q.val() {
                self.high.d.next = self.gather.m.data.val();
            } else {
                self.low.d.next = self.gather.m.data.val();
            }
        }
        if self.reset.val() {
            self.upper.d.next = false;
            self.full.d.next = false;
        }
        self.beat.x[0].next = self.low.q.val();
        self.beat.x[1].next = self.high.q.val();

        self.writer.start.next = self.begin.val();
        self.writer.address.next = self.address.val();
        self.writer.bytes.next = self.bytes.val();
        self.writer.stop.next = self.stop.val();
        self.writer.s.valid.next = self.full.q.val();
        self.writer.s.data.next = self.beat.packed.val();
        self.freed.next = self.writer.freed.val();
        self.busy.next = self.writer.busy.val();
        comment!("What failed in another run is not of this one.");
        self.failed.next = self.used.val() && self.writer.failed.val();
        self.failed_address.next = self.writer.failed_address.val();

        comment!("Summed by half beats, which takes half as much.");
        self.sum.start.next = self.begin.val();
        self.sum.valid.next = self.gather.m.valid.val();
        self.sum.last.next = self.halves.last.val();
        self.sum.tail.next = self.bytes.val().get_bits::<5>(0);
        self.sum.data.next = self.gather.m.data.val();
        self.pending.next = self.used.val() && !self.sum.done.val();

        self.beats.next = self.writer.beats.val();
        self.stalls.next = self.writer.stalls.val();
        self.sum_a.next = self.sum.a.val();
        self.sum_b.next = self.sum.b.val();
    }
    unit!("half_copy", L; W, H, N, K);
}
