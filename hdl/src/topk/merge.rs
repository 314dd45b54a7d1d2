use crate::prelude::*;
use crate::stream::StreamOut;

/// Puts kept elements to their places: slices of up to `L` of them in, words of `L` elements out, zeros between.
///
/// One word a cycle at any density. `N = 2 * L` kept elements are in sight, `P = L * N` ways lead from them to the lanes of
/// `W = 32 * L` bits; a slice's indices are `I = 16 * L` bits. A word has at most `L` kept elements, and every slice but a
/// chunk's last has exactly `L`, so a word's elements always lie in the two slices at hand. A word waits for the second slice only
/// if it uses up the first.
///
/// It trusts the slices: indices in a chunk ascend, the chunk's last slice says so, and a chunk that keeps nothing is one slice
/// without elements. Where that does not hold ([`super::Order`] watches) words are wrong and their number too.
#[derive(Clone, Debug, LogicBlock)]
pub struct Merge<const L: usize, const N: usize, const P: usize, const I: usize, const W: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets slices and words; the next slice begins a run.
    pub reset: Signal<In, Bit>,
    /// No further word is made; one that is offered stays.
    pub halt: Signal<In, Bit>,
    /// Local index of the run's last element; the last word ends a group of 16 elements.
    pub limit: Signal<In, Bits<16>>,
    /// A slice is offered.
    pub s_valid: Signal<In, Bit>,
    /// Indices of its elements, local to the chunk.
    pub s_index: Signal<In, Bits<I>>,
    /// Their values.
    pub s_value: Signal<In, Bits<W>>,
    /// How many there are: that many low bits are ones.
    pub s_kept: Signal<In, Bits<L>>,
    /// It is its chunk's last slice.
    pub s_last: Signal<In, Bit>,
    /// Its chunk is the run's last.
    pub s_ending: Signal<In, Bit>,
    /// It is taken in this cycle, if it is offered.
    pub s_ready: Signal<Out, Bit>,
    /// Words.
    pub m: StreamOut<W>,
    /// The run's last word has left.
    pub finished: Signal<Out, Bit>,
    /// The two slices, the head first.
    full: [Reg<Bit>; 2],
    index: [Reg<Bits<I>>; 2],
    value: [Reg<Bits<W>>; 2],
    kept: [Reg<Bits<L>>; 2],
    last: [Reg<Bit>; 2],
    ending: [Reg<Bit>; 2],
    /// Local index of the word's first element.
    at: Reg<Bits<16>>,
    ended: Reg<Bit>,
    word_full: Reg<Bit>,
    word: Reg<Bits<W>>,
    /// An element's index as seen from the word: below `L` if it belongs there.
    offset: [Signal<Local, Bits<16>>; N],
    near: [Signal<Local, Bit>; N],
    pick: [Signal<Local, Bit>; P],
    lane: [Signal<Local, Bits<32>>; L],
    pack: Pack<L, 32, W>,
    bound: Signal<Local, Bits<16>>,
    final_word: Signal<Local, Bit>,
    spent: Signal<Local, Bit>,
    closes: Signal<Local, Bit>,
    /// The chunk's last word uses up the head and the last slice behind it.
    closes_both: Signal<Local, Bit>,
    free: Signal<Local, Bit>,
    advance: Signal<Local, Bit>,
    head_free: Signal<Local, Bit>,
    next_free: Signal<Local, Bit>,
    /// The bits of an index below the word's number, and the others.
    low: Constant<Bits<16>>,
    high: Constant<Bits<16>>,
}

impl<const L: usize, const N: usize, const P: usize, const I: usize, const W: usize> Default for Merge<L, N, P, I, W> {
    fn default() -> Self {
        assert!(
            L.is_power_of_two() && L <= 16 && N == 2 * L && P == L * N && I == 16 * L && W == 32 * L,
            "Merge<{L}, {N}, {P}, {I}, {W}>: widths of {L} lanes are {}, {}, {}, {}",
            2 * L,
            2 * L * L,
            16 * L,
            32 * L
        );
        let low = L as u64 - 1;
        Merge {
            clock: Signal::default(),
            reset: Signal::default(),
            halt: Signal::default(),
            limit: Signal::default(),
            s_valid: Signal::default(),
            s_index: Signal::default(),
            s_value: Signal::default(),
            s_kept: Signal::default(),
            s_last: Signal::default(),
            s_ending: Signal::default(),
            s_ready: Signal::default(),
            m: StreamOut::default(),
            finished: Signal::default(),
            full: std::array::from_fn(|_| Reg::default()),
            index: std::array::from_fn(|_| Reg::default()),
            value: std::array::from_fn(|_| Reg::default()),
            kept: std::array::from_fn(|_| Reg::default()),
            last: std::array::from_fn(|_| Reg::default()),
            ending: std::array::from_fn(|_| Reg::default()),
            at: Reg::default(),
            ended: Reg::default(),
            word_full: Reg::default(),
            word: Reg::default(),
            offset: std::array::from_fn(|_| Signal::default()),
            near: std::array::from_fn(|_| Signal::default()),
            pick: std::array::from_fn(|_| Signal::default()),
            lane: std::array::from_fn(|_| Signal::default()),
            pack: Pack::default(),
            bound: Signal::default(),
            final_word: Signal::default(),
            spent: Signal::default(),
            closes: Signal::default(),
            closes_both: Signal::default(),
            free: Signal::default(),
            advance: Signal::default(),
            head_free: Signal::default(),
            next_free: Signal::default(),
            low: Constant::new(low.into()),
            high: Constant::new((0xffff ^ low).into()),
        }
    }
}

impl<const L: usize, const N: usize, const P: usize, const I: usize, const W: usize> Logic for Merge<L, N, P, I, W> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, at, ended, word_full, word);
        for i in 0..2 {
            self.full[i].clock.next = self.clock.val();
            self.full[i].d.next = self.full[i].q.val();
            self.index[i].clock.next = self.clock.val();
            self.index[i].d.next = self.index[i].q.val();
            self.value[i].clock.next = self.clock.val();
            self.value[i].d.next = self.value[i].q.val();
            self.kept[i].clock.next = self.clock.val();
            self.kept[i].d.next = self.kept[i].q.val();
            self.last[i].clock.next = self.clock.val();
            self.last[i].d.next = self.last[i].q.val();
            self.ending[i].clock.next = self.clock.val();
            self.ending[i].d.next = self.ending[i].q.val();
        }

        comment!("The word's first index is a multiple of L, so differing bits tell both whether and where an element belongs.");
        for i in 0..L {
            self.offset[i].next = self.index[0].q.val().get_bits::<16>(16 * i) ^ self.at.q.val();
            self.near[i].next = self.kept[0].q.val().get_bit(i) && !(self.offset[i].val() & self.high.val()).any();
            self.offset[L + i].next = self.index[1].q.val().get_bits::<16>(16 * i) ^ self.at.q.val();
            comment!("After a chunk's last slice comes the next chunk, whose indices begin again.");
            self.near[L + i].next = self.full[1].q.val()
                && !self.last[0].q.val()
                && self.kept[1].q.val().get_bit(i)
                && !(self.offset[L + i].val() & self.high.val()).any();
        }
        for j in 0..L {
            self.lane[j].next = 0.into();
            for i in 0..N {
                self.pick[N * j + i].next =
                    self.near[i].val() && ((self.offset[i].val() & self.low.val()) == j.to_bits());
            }
            for i in 0..L {
                if self.pick[N * j + i].val() {
                    self.lane[j].next = self.lane[j].val() | self.value[0].q.val().get_bits::<32>(32 * i);
                }
                if self.pick[N * j + L + i].val() {
                    self.lane[j].next = self.lane[j].val() | self.value[1].q.val().get_bits::<32>(32 * i);
                }
            }
            self.pack.x[j].next = self.lane[j].val();
        }

        self.bound.next = 0xffff.into();
        if self.ending[0].q.val() {
            comment!("The last beat of 16 elements is whole.");
            self.bound.next = self.limit.val() | 15;
        }
        self.spent.next = self.near[L - 1].val() && !self.last[0].q.val();
        self.final_word.next = (self.at.q.val() | self.low.val()) == self.bound.val();
        self.closes_both.next =
            self.spent.val() && self.full[1].q.val() && self.last[1].q.val() && self.final_word.val();
        self.closes.next = (self.last[0].q.val() && self.final_word.val()) || self.closes_both.val();
        self.free.next = self.m.ready.val() || !self.word_full.q.val();
        self.advance.next =
            self.full[0].q.val() && (!self.spent.val() || self.full[1].q.val()) && self.free.val() && !self.halt.val();

        if self.free.val() {
            self.word_full.d.next = self.advance.val();
            self.word.d.next = self.pack.packed.val();
        }
        if self.advance.val() {
            self.at.d.next = self.at.q.val() + L.to_bits();
            if self.closes.val() {
                self.at.d.next = 0.into();
                self.ended.d.next = self.ending[0].q.val();
            }
        }
        self.head_free.next = !self.full[0].q.val() || (self.advance.val() && (self.spent.val() || self.closes.val()));
        self.next_free.next = !self.full[1].q.val() || self.head_free.val();
        self.s_ready.next = self.next_free.val();
        if self.head_free.val() {
            self.full[0].d.next = self.full[1].q.val() && !(self.advance.val() && self.closes_both.val());
            self.index[0].d.next = self.index[1].q.val();
            self.value[0].d.next = self.value[1].q.val();
            self.kept[0].d.next = self.kept[1].q.val();
            self.last[0].d.next = self.last[1].q.val();
            self.ending[0].d.next = self.ending[1].q.val();
        }
        if self.next_free.val() {
            self.full[1].d.next = self.s_valid.val();
            self.index[1].d.next = self.s_index.val();
            self.value[1].d.next = self.s_value.val();
            self.kept[1].d.next = self.s_kept.val();
            self.last[1].d.next = self.s_last.val();
            self.ending[1].d.next = self.s_ending.val();
        }
        self.m.valid.next = self.word_full.q.val();
        self.m.data.next = self.word.q.val();
        self.finished.next = self.ended.q.val() && !self.word_full.q.val();
        if self.reset.val() {
            self.full[0].d.next = false;
            self.full[1].d.next = false;
            self.at.d.next = 0.into();
            self.ended.d.next = false;
            self.word_full.d.next = false;
        }
    }
    unit!("topk_merge", L; N);
}
