use crate::prelude::*;

/// Says whether any number in a run of beats is infinite or a NaN: binary32, binary16 or bfloat16, as they lie in memory.
///
/// It watches a stream and never holds it up. `start`, `valid`, `last` and `tail` are those of [`super::Checksum`]: `start`
/// forgets what was, and of the beat that comes with `last` only `tail` bytes count, or all where `tail` is 0.
///
/// `HALVES = W / 16 = 2^H` halves of words, `T = H + 1`.
#[derive(Clone, Debug, LogicBlock)]
pub struct Nonfinite<const W: usize, const HALVES: usize, const H: usize, const T: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets all; a beat of the same cycle, too.
    pub start: Signal<In, Bit>,
    /// There is a beat.
    pub valid: Signal<In, Bit>,
    /// It is the run's last.
    pub last: Signal<In, Bit>,
    /// Bytes of the last beat modulo `W / 8`.
    pub tail: Signal<In, Bits<T>>,
    /// Numbers are binary16. Stable during the run; neither this nor `bf16` is binary32.
    pub fp16: Signal<In, Bit>,
    /// Numbers are bfloat16. Stable during the run.
    pub bf16: Signal<In, Bit>,
    /// The beat.
    pub data: Signal<In, Bits<W>>,
    /// There was one, `LATENCY` cycles ago or before.
    pub found: Signal<Out, Bit>,
    /// The last byte that counts.
    top: Signal<Local, Bits<T>>,
    /// The halves above it.
    above: Signal<Local, Bits<HALVES>>,
    all_bytes: Constant<Bits<T>>,
    above_first: Constant<Bits<HALVES>>,
    /// Whether the exponent field that a half would have is all ones.
    full: [Signal<Local, Bit>; HALVES],
    special: [Reg<Bits<1>>; HALVES],
    pack: Pack<HALVES, 1, HALVES>,
    beat: Reg<Bit>,
    found_r: Reg<Bit>,
}

/// Over beats of 64 bits.
pub type Nonfinite64 = Nonfinite<64, 4, 2, 3>;
/// Over beats of 128 bits.
pub type Nonfinite128 = Nonfinite<128, 8, 3, 4>;
/// Over beats of 256 bits.
pub type Nonfinite256 = Nonfinite<256, 16, 4, 5>;
/// Over beats of 512 bits.
pub type Nonfinite512 = Nonfinite<512, 32, 5, 6>;

impl<const W: usize, const HALVES: usize, const H: usize, const T: usize> Nonfinite<W, HALVES, H, T> {
    /// Cycles from a beat to `found`.
    pub const LATENCY: usize = 2;
}

impl<const W: usize, const HALVES: usize, const H: usize, const T: usize> Default for Nonfinite<W, HALVES, H, T> {
    fn default() -> Self {
        assert!(
            W == 16 * HALVES && HALVES == 1 << H && T == H + 1 && H >= 1,
            "Nonfinite<{W}, {HALVES}, {H}, {T}>: whole words, HALVES = W / 16 = 2^H, T = H + 1"
        );
        Nonfinite {
            clock: Signal::default(),
            start: Signal::default(),
            valid: Signal::default(),
            last: Signal::default(),
            tail: Signal::default(),
            fp16: Signal::default(),
            bf16: Signal::default(),
            data: Signal::default(),
            found: Signal::default(),
            top: Signal::default(),
            above: Signal::default(),
            all_bytes: Constant::new((2 * HALVES as u64 - 1).into()),
            above_first: Constant::new(!Bits::from(1)),
            full: std::array::from_fn(|_| Signal::default()),
            special: std::array::from_fn(|_| Reg::default()),
            pack: Pack::default(),
            beat: Reg::default(),
            found_r: Reg::default(),
        }
    }
}

impl<const W: usize, const HALVES: usize, const H: usize, const T: usize> Logic for Nonfinite<W, HALVES, H, T> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, beat, found_r);
        self.top.next = self.all_bytes.val();
        if self.last.val() {
            self.top.next = self.tail.val() - 1;
        }
        self.above.next = self.above_first.val() << self.top.val().get_bits::<H>(1);
        for i in 0..HALVES {
            self.full[i].next = self.data.val().get_bits::<5>(16 * i + 10).all()
                & (self.fp16.val() | self.data.val().get_bits::<3>(16 * i + 7).all());
            self.special[i].clock.next = self.clock.val();
            self.special[i].d.next = self.full[i].val().into();
        }
        // The upper half of a binary32 begins as a bfloat16 does; its lower half has no exponent.
        for i in 0..HALVES {
            if 2 * i < HALVES {
                self.special[2 * i].d.next = (self.full[2 * i].val() & (self.fp16.val() | self.bf16.val())).into();
            }
        }
        for i in 0..HALVES {
            if self.above.val().get_bit(i) {
                self.special[i].d.next = 0.into();
            }
            self.pack.x[i].next = self.special[i].q.val();
        }
        self.beat.d.next = self.valid.val();
        if self.beat.q.val() & self.pack.packed.val().any() {
            self.found_r.d.next = true;
        }
        if self.start.val() {
            self.beat.d.next = false;
            self.found_r.d.next = false;
        }
        self.found.next = self.found_r.q.val();
    }
    unit!("stream_nonfinite"; W, HALVES, H, T);
}
