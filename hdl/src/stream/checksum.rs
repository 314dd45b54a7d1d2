use super::{PositionSum, RunningSums, WordSums};
use crate::prelude::*;

/// The stream checksum of `abi::checksum` over a run of beats of `N` words of 32 bits: `a` is the sum of the words, `b` the sum
/// of the words each times its position counted from 1, both modulo 2^64.
///
/// It watches a stream and never holds it up: a beat a cycle, with gaps or without. `start` forgets what was; from the next
/// cycle on beats count. The beat that comes with `last` has `tail` bytes, or all of them where `tail` is 0, and those above
/// count as zeros. `done` says that the sums of a run that ended so stand; they stand until the next `start`. A run without
/// `last` has none.
///
/// `b` has no multiplier. While beats come, words are multiplied by the number of words *after* them, which is one more
/// addition a beat: what came before counts once more for each new word. Once, at the end, [`PositionSum`] turns that round.
///
/// `W = 32 N`, `BYTES = 4 N`, `NODES = N - 1`, `N = 2^LEVELS` from 2 to 16, `T = LEVELS + 2`.
#[derive(Clone, Debug, LogicBlock)]
pub struct Checksum<
    const W: usize,
    const N: usize,
    const BYTES: usize,
    const NODES: usize,
    const LEVELS: usize,
    const T: usize,
> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets all; a beat of the same cycle, too.
    pub start: Signal<In, Bit>,
    /// There is a beat: in a stream, a transfer.
    pub valid: Signal<In, Bit>,
    /// It is the run's last.
    pub last: Signal<In, Bit>,
    /// Bytes of the last beat modulo `BYTES`: the low bits of the run's bytes.
    pub tail: Signal<In, Bits<T>>,
    /// The beat.
    pub data: Signal<In, Bits<W>>,
    /// Sum of the words.
    pub a: Signal<Out, Bits<64>>,
    /// Sum of the words, each times its position.
    pub b: Signal<Out, Bits<64>>,
    /// The run has ended, and these are its sums.
    pub done: Signal<Out, Bit>,
    /// The sum of the words of the beat of [`Checksum::BEAT_LATENCY`] cycles ago, whether there was one or not, modulo 2^32.
    pub beat_sum: Signal<Out, Bits<32>>,
    /// The same with each word multiplied by the number of words after it in the beat.
    pub beat_after: Signal<Out, Bits<32>>,
    /// The last byte of the beat that counts.
    top: Signal<Local, Bits<T>>,
    /// The bytes above it.
    above: Signal<Local, Bits<BYTES>>,
    all_bytes: Constant<Bits<T>>,
    above_first: Constant<Bits<BYTES>>,
    byte: [Reg<Bits<8>>; BYTES],
    word: [Pack<5, 8, 40>; N],
    flags: Reg<Bits<3>>,
    flags_line: Delay<3, LEVELS>,
    clear: Signal<Local, Bit>,
    beat: Signal<Local, Bit>,
    beat_sums: WordSums<N, NODES, LEVELS>,
    sums: RunningSums<LEVELS>,
    position: PositionSum<LEVELS>,
}

/// Over beats of 64 bits.
pub type Checksum64 = Checksum<64, 2, 8, 1, 1, 3>;
/// Over beats of 128 bits.
pub type Checksum128 = Checksum<128, 4, 16, 3, 2, 4>;
/// Over beats of 256 bits.
pub type Checksum256 = Checksum<256, 8, 32, 7, 3, 5>;
/// Over beats of 512 bits.
pub type Checksum512 = Checksum<512, 16, 64, 15, 4, 6>;

impl<const W: usize, const N: usize, const BYTES: usize, const NODES: usize, const LEVELS: usize, const T: usize>
    Checksum<W, N, BYTES, NODES, LEVELS, T>
{
    /// Cycles from a beat to its sums.
    pub const BEAT_LATENCY: usize = 1 + LEVELS;
    /// Cycles from the last beat to `done`.
    pub const LATENCY: usize = Self::BEAT_LATENCY + PositionSum::<LEVELS>::LATENCY;
}

impl<const W: usize, const N: usize, const BYTES: usize, const NODES: usize, const LEVELS: usize, const T: usize>
    Default for Checksum<W, N, BYTES, NODES, LEVELS, T>
{
    fn default() -> Self {
        assert!(
            W == 32 * N && BYTES == 4 * N && T == LEVELS + 2,
            "Checksum<{W}, {N}, {BYTES}, {NODES}, {LEVELS}, {T}>: 32 N bits, N words, 4 N bytes, counted in LEVELS + 2 bits"
        );
        Checksum {
            clock: Signal::default(),
            start: Signal::default(),
            valid: Signal::default(),
            last: Signal::default(),
            tail: Signal::default(),
            data: Signal::default(),
            a: Signal::default(),
            b: Signal::default(),
            done: Signal::default(),
            beat_sum: Signal::default(),
            beat_after: Signal::default(),
            top: Signal::default(),
            above: Signal::default(),
            all_bytes: Constant::new((BYTES as u64 - 1).into()),
            above_first: Constant::new(!Bits::from(1)),
            byte: std::array::from_fn(|_| Reg::default()),
            word: std::array::from_fn(|_| Pack::default()),
            flags: Reg::default(),
            flags_line: Delay::default(),
            clear: Signal::default(),
            beat: Signal::default(),
            beat_sums: WordSums::default(),
            sums: RunningSums::default(),
            position: PositionSum::default(),
        }
    }
}

impl<const W: usize, const N: usize, const BYTES: usize, const NODES: usize, const LEVELS: usize, const T: usize> Logic
    for Checksum<W, N, BYTES, NODES, LEVELS, T>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, flags_line, beat_sums, sums, position);
        dff_setup!(self, clock, flags);
        self.top.next = self.all_bytes.val();
        if self.last.val() {
            self.top.next = self.tail.val() - 1;
        }
        self.above.next = self.above_first.val() << self.top.val();
        for i in 0..BYTES {
            self.byte[i].clock.next = self.clock.val();
            self.byte[i].d.next = self.data.val().get_bits::<8>(8 * i);
            if self.above.val().get_bit(i) {
                self.byte[i].d.next = 0.into();
            }
        }
        for i in 0..N {
            for j in 0..4 {
                self.word[i].x[j].next = self.byte[4 * i + j].q.val();
            }
            self.word[i].x[4].next = 0.into();
            self.beat_sums.word[i].next = self.word[i].packed.val();
        }

        self.flags.d.next = (bit_cast::<3, 1>(self.start.val().into()) << 2)
            | (bit_cast::<3, 1>((self.valid.val() & !self.start.val()).into()) << 1)
            | bit_cast::<3, 1>(self.last.val().into());
        self.flags_line.d.next = self.flags.q.val();
        self.clear.next = self.flags_line.q.val().get_bit(2);
        self.beat.next = self.flags_line.q.val().get_bit(1);
        self.sums.clear.next = self.clear.val();
        self.sums.valid.next = self.beat.val();
        self.sums.beat_sum.next = self.beat_sums.sum.val();
        self.sums.beat_after.next = self.beat_sums.after.val();

        self.position.clear.next = self.start.val() | self.clear.val();
        self.position.finish.next = self.beat.val() & self.flags_line.q.val().get_bit(0);
        self.position.sum.next = self.sums.sum.val();
        self.position.after.next = self.sums.after.val();
        self.position.beats.next = self.sums.beats.val();
        self.a.next = self.sums.sum.val();
        self.b.next = self.position.b.val();
        self.done.next = self.position.done.val();
        self.beat_sum.next = self.beat_sums.sum.val().get_bits::<32>(0);
        self.beat_after.next = self.beat_sums.after.val().get_bits::<32>(0);
    }
    unit!("stream_checksum", N; W, BYTES, LEVELS, T);
}
