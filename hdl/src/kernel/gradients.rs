use super::DEPTH;
use crate::axi::{AxiRead, ReadMover};
use crate::prelude::*;
use crate::stream::{Checksum512, Extent, Narrow, Register, StreamOut};
use crate::topk::{Decompress, Value, CHUNK_BITS};
use nearfield_abi::kernel::smartupdate::grad_format;

/// The source of gradients: memory to words of `L` numbers in binary32, whatever the format in memory.
///
/// ```text
/// ReadMover ─┬─ Narrow (fp32) ───────┐
///            ├─ Narrow (fp16, bf16) ─┼─ Register ─ Value x L ─ Register ─ m
///            ├─ Decompress (Top-K) ──┘
///            └─ Checksum512
/// ```
///
/// Dense gradients end with a whole beat, which may be more than is asked for: hold `reset` before a run. `W = 32 * L`, `2^K` words
/// of binary32 and `2^HK` words of 16 bits a number make a beat; `D`, `P` and `H` are `N`, `P` and `I` of [`Decompress`].
#[derive(Clone, Debug, LogicBlock)]
pub struct Gradients<
    const L: usize,
    const W: usize,
    const K: usize,
    const HK: usize,
    const D: usize,
    const P: usize,
    const H: usize,
> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// See [`ReadMover::reset`].
    pub reset: Signal<In, Bit>,
    /// Memory.
    pub axi: AxiRead,
    /// See [`ReadMover::start`].
    pub start: Signal<In, Bit>,
    /// See [`ReadMover::address`].
    pub address: Signal<In, Bits<64>>,
    /// Elements of the run; this and the next two are stable during a run.
    pub elements: Signal<In, Bits<32>>,
    /// See [`grad_format`].
    pub format: Signal<In, Bits<32>>,
    /// Bytes of a Top-K stream.
    pub stream_bytes: Signal<In, Bits<32>>,
    /// See [`ReadMover::stop`].
    pub stop: Signal<In, Bit>,
    /// Gradients.
    pub m: StreamOut<W>,
    /// See [`ReadMover::busy`].
    pub busy: Signal<Out, Bit>,
    /// See [`ReadMover::beats`].
    pub beats: Signal<Out, Bits<32>>,
    /// See [`ReadMover::stalls`].
    pub stalls: Signal<Out, Bits<48>>,
    /// See [`ReadMover::failed`].
    pub failed: Signal<Out, Bit>,
    /// See [`ReadMover::failed_address`].
    pub failed_address: Signal<Out, Bits<64>>,
    /// Checks of the stream are going on, or the sums do not stand yet.
    pub pending: Signal<Out, Bit>,
    /// See [`Decompress::failed`].
    pub malformed: Signal<Out, Bit>,
    /// See [`Decompress::fault`].
    pub fault: Signal<Out, Bits<3>>,
    /// See [`Decompress::fault_chunk`].
    pub fault_chunk: Signal<Out, Bits<CHUNK_BITS>>,
    /// See [`Checksum512::a`].
    pub sum_a: Signal<Out, Bits<64>>,
    /// See [`Checksum512::b`].
    pub sum_b: Signal<Out, Bits<64>>,
    reader: ReadMover<9, 10, DEPTH>,
    whole: Narrow<512, W, K>,
    halves: Narrow<512, H, HK>,
    /// A number of 16 bits in each lane's lower half.
    spread: Pack<D, 16, W>,
    raw: Register<W>,
    value: [Value; L],
    values: Pack<L, 32, W>,
    out: Register<W>,
    decompress: Decompress<L, D, P, H, W, HK, K>,
    extent: Extent<6>,
    sum: Checksum512,
    value_format: Signal<Local, Bits<2>>,
    topk: Signal<Local, Bit>,
    wide: Signal<Local, Bit>,
    bytes: Signal<Local, Bits<34>>,
    ready: Signal<Local, Bit>,
    came: Signal<Local, Bit>,
    /// The beat that is offered was summed before.
    seen: Reg<Bit>,
}

impl<
        const L: usize,
        const W: usize,
        const K: usize,
        const HK: usize,
        const D: usize,
        const P: usize,
        const H: usize,
    > Default for Gradients<L, W, K, HK, D, P, H>
{
    fn default() -> Self {
        Gradients {
            clock: Signal::default(),
            reset: Signal::default(),
            axi: AxiRead::default(),
            start: Signal::default(),
            address: Signal::default(),
            elements: Signal::default(),
            format: Signal::default(),
            stream_bytes: Signal::default(),
            stop: Signal::default(),
            m: StreamOut::default(),
            busy: Signal::default(),
            beats: Signal::default(),
            stalls: Signal::default(),
            failed: Signal::default(),
            failed_address: Signal::default(),
            pending: Signal::default(),
            malformed: Signal::default(),
            fault: Signal::default(),
            fault_chunk: Signal::default(),
            sum_a: Signal::default(),
            sum_b: Signal::default(),
            reader: ReadMover::default(),
            whole: Narrow::default(),
            halves: Narrow::default(),
            spread: Pack::default(),
            raw: Register::default(),
            value: std::array::from_fn(|_| Value::default()),
            values: Pack::default(),
            out: Register::default(),
            decompress: Decompress::default(),
            extent: Extent::default(),
            sum: Checksum512::default(),
            value_format: Signal::default(),
            topk: Signal::default(),
            wide: Signal::default(),
            bytes: Signal::default(),
            ready: Signal::default(),
            came: Signal::default(),
            seen: Reg::default(),
        }
    }
}

/// The bit of `grad_format` that says Top-K; the two below it are the values' format, which is 0 for binary32.
const TOPK: usize = grad_format::TOPK.trailing_zeros() as usize;
const _: () = assert!(TOPK == 2 && grad_format::FP32 == 0);

impl<
        const L: usize,
        const W: usize,
        const K: usize,
        const HK: usize,
        const D: usize,
        const P: usize,
        const H: usize,
    > Logic for Gradients<L, W, K, HK, D, P, H>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, seen);
        clock!(self, clock, reader, whole, halves, raw, out, decompress, extent, sum);
        self.reader.reset.next = self.reset.val();
        self.whole.reset.next = self.reset.val();
        self.halves.reset.next = self.reset.val();
        self.raw.reset.next = self.reset.val();
        self.out.reset.next = self.reset.val();
        self.decompress.reset.next = self.reset.val();
        AxiRead::link(&mut self.axi, &mut self.reader.axi);

        self.topk.next = self.format.val().get_bit(TOPK);
        self.value_format.next = self.format.val().get_bits::<2>(0);
        self.wide.next = !self.value_format.val().any();
        self.bytes.next = bit_cast::<34, 32>(self.elements.val()) << 1;
        if self.wide.val() {
            self.bytes.next = bit_cast::<34, 32>(self.elements.val()) << 2;
        }
        if self.topk.val() {
            self.bytes.next = bit_cast::<34, 32>(self.stream_bytes.val());
        }
        self.reader.start.next = self.start.val();
        self.reader.address.next = self.address.val();
        self.reader.bytes.next = self.bytes.val();
        self.reader.stop.next = self.stop.val();
        self.busy.next = self.reader.busy.val();
        self.beats.next = self.reader.beats.val();
        self.stalls.next = self.reader.stalls.val();
        self.failed.next = self.reader.failed.val();
        self.failed_address.next = self.reader.failed_address.val();

        self.whole.s.data.next = self.reader.m.data.val();
        self.halves.s.data.next = self.reader.m.data.val();
        self.decompress.s.data.next = self.reader.m.data.val();
        self.whole.s.valid.next = self.reader.m.valid.val() && self.wide.val() && !self.topk.val();
        self.halves.s.valid.next = self.reader.m.valid.val() && !self.wide.val() && !self.topk.val();
        self.decompress.s.valid.next = self.reader.m.valid.val() && self.topk.val();
        self.ready.next = self.halves.s.ready.val();
        if self.wide.val() {
            self.ready.next = self.whole.s.ready.val();
        }
        if self.topk.val() {
            self.ready.next = self.decompress.s.ready.val();
        }
        self.reader.m.ready.next = self.ready.val();

        for i in 0..L {
            self.spread.x[2 * i].next = self.halves.m.data.val().get_bits::<16>(16 * i);
            self.spread.x[2 * i + 1].next = 0.into();
        }
        comment!("Only one of the three has words in a run.");
        self.raw.s.valid.next = self.whole.m.valid.val() || self.halves.m.valid.val() || self.decompress.m.valid.val();
        self.raw.s.data.next = self.spread.packed.val();
        if self.wide.val() {
            self.raw.s.data.next = self.whole.m.data.val();
        }
        if self.topk.val() {
            self.raw.s.data.next = self.decompress.m.data.val();
        }
        self.whole.m.ready.next = self.raw.s.ready.val();
        self.halves.m.ready.next = self.raw.s.ready.val();
        self.decompress.m.ready.next = self.raw.s.ready.val();
        for i in 0..L {
            self.value[i].format.next = self.value_format.val();
            self.value[i].x.next = self.raw.m.data.val().get_bits::<32>(32 * i);
            self.values.x[i].next = self.value[i].y.val();
        }
        self.out.s.valid.next = self.raw.m.valid.val();
        self.out.s.data.next = self.values.packed.val();
        self.raw.m.ready.next = self.out.s.ready.val();
        StreamOut::<W>::link(&mut self.m, &mut self.out.m);

        self.decompress.start.next = self.start.val() && self.topk.val();
        self.decompress.elements.next = self.elements.val();
        self.decompress.format.next = self.value_format.val();
        self.decompress.ended.next = !self.reader.busy.val();
        self.malformed.next = self.decompress.failed.val();
        self.fault.next = self.decompress.fault.val();
        self.fault_chunk.next = self.decompress.fault_chunk.val();

        comment!("Summed when it is first offered, for the last beat of halves may never be asked for whole;");
        comment!("those of a Top-K stream when they are taken: the decompressor counts on it.");
        self.came.next = self.reader.m.valid.val() && !self.seen.q.val();
        self.seen.d.next = self.reader.m.valid.val();
        if self.topk.val() {
            self.came.next = self.reader.m.valid.val() && self.ready.val();
        }
        if self.ready.val() || self.reset.val() {
            self.seen.d.next = false;
        }
        self.extent.start.next = self.start.val();
        self.extent.bytes.next = self.bytes.val();
        self.extent.step.next = self.came.val();
        self.sum.start.next = self.start.val();
        self.sum.valid.next = self.came.val() && self.extent.belongs.val();
        self.sum.last.next = self.extent.last.val();
        self.sum.tail.next = self.bytes.val().get_bits::<6>(0);
        self.sum.data.next = self.reader.m.data.val();
        self.decompress.beat_sum.next = self.sum.beat_sum.val();
        self.decompress.beat_after.next = self.sum.beat_after.val();
        self.sum_a.next = self.sum.a.val();
        self.sum_b.next = self.sum.b.val();
        self.pending.next = self.decompress.busy.val() || !self.sum.done.val();
    }
    unit!("gradients", L; W, K, HK, D, P, H, TOPK);
}
