use super::CHUNK_BITS;
use crate::prelude::*;

/// Watches the indices of a run's slices: whether they ascend in a chunk, and whether the last chunk has such an element.
///
/// It only looks on. What it finds comes two cycles after the slice. `I = 16 * L` bits are a slice's indices.
#[derive(Clone, Debug, LogicBlock)]
pub struct Order<const L: usize, const I: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The next slice is a run's first.
    pub reset: Signal<In, Bit>,
    /// Local index of the run's last element.
    pub limit: Signal<In, Bits<16>>,
    /// A slice passes in this cycle.
    pub taken: Signal<In, Bit>,
    /// Its indices.
    pub index: Signal<In, Bits<I>>,
    /// How many there are: that many low bits are ones; all, unless it is the last of a chunk.
    pub kept: Signal<In, Bits<L>>,
    /// It is its chunk's last.
    pub last: Signal<In, Bit>,
    /// Its chunk is the run's last.
    pub ending: Signal<In, Bit>,
    /// An index is not above the one before it.
    pub descends: Signal<Out, Bit>,
    /// An index is past the run's last element.
    pub beyond: Signal<Out, Bit>,
    /// The number of the chunk that this is about.
    pub chunk: Signal<Out, Bits<CHUNK_BITS>>,
    seen: Reg<Bit>,
    indices: Reg<Bits<I>>,
    present: Reg<Bits<L>>,
    closes: Reg<Bit>,
    in_end: Reg<Bit>,
    /// The last index of the slice before, if that was of the same chunk.
    begun: Reg<Bit>,
    previous: Reg<Bits<16>>,
    number: Reg<Bits<CHUNK_BITS>>,
    descended: Reg<Bit>,
    passed: Reg<Bit>,
    about: Reg<Bits<CHUNK_BITS>>,
    below: [Signal<Local, Bits<16>>; L],
    any_descends: Signal<Local, Bit>,
    any_beyond: Signal<Local, Bit>,
}

impl<const L: usize, const I: usize> Default for Order<L, I> {
    fn default() -> Self {
        assert!(I == 16 * L, "Order<{L}, {I}>: {L} indices are {} bits", 16 * L);
        Order {
            clock: Signal::default(),
            reset: Signal::default(),
            limit: Signal::default(),
            taken: Signal::default(),
            index: Signal::default(),
            kept: Signal::default(),
            last: Signal::default(),
            ending: Signal::default(),
            descends: Signal::default(),
            beyond: Signal::default(),
            chunk: Signal::default(),
            seen: Reg::default(),
            indices: Reg::default(),
            present: Reg::default(),
            closes: Reg::default(),
            in_end: Reg::default(),
            begun: Reg::default(),
            previous: Reg::default(),
            number: Reg::default(),
            descended: Reg::default(),
            passed: Reg::default(),
            about: Reg::default(),
            below: std::array::from_fn(|_| Signal::default()),
            any_descends: Signal::default(),
            any_beyond: Signal::default(),
        }
    }
}

impl<const L: usize, const I: usize> Logic for Order<L, I> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, seen, indices, present, closes, in_end, begun, previous, number, descended, passed, about
        );
        self.seen.d.next = self.taken.val();
        self.indices.d.next = self.index.val();
        self.present.d.next = self.kept.val();
        self.closes.d.next = self.last.val();
        self.in_end.d.next = self.ending.val();

        self.any_descends.next = false;
        self.any_beyond.next = false;
        for i in 0..L {
            if i == 0 {
                self.below[i].next = self.previous.q.val();
            } else {
                self.below[i].next = self.indices.q.val().get_bits::<16>(16 * (i - 1));
            }
            if self.present.q.val().get_bit(i) {
                if self.indices.q.val().get_bits::<16>(16 * i) <= self.below[i].val() {
                    if i == 0 {
                        if self.begun.q.val() {
                            self.any_descends.next = true;
                        }
                    } else {
                        self.any_descends.next = true;
                    }
                }
                if self.in_end.q.val() && (self.indices.q.val().get_bits::<16>(16 * i) > self.limit.val()) {
                    self.any_beyond.next = true;
                }
            }
        }
        self.descended.d.next = self.seen.q.val() && self.any_descends.val();
        self.passed.d.next = self.seen.q.val() && self.any_beyond.val();
        self.about.d.next = self.number.q.val();
        if self.seen.q.val() {
            self.previous.d.next = self.indices.q.val().get_bits::<16>(16 * L - 16);
            self.begun.d.next = !self.closes.q.val();
            if self.closes.q.val() {
                self.number.d.next = self.number.q.val() + 1;
            }
        }
        self.descends.next = self.descended.q.val();
        self.beyond.next = self.passed.q.val();
        self.chunk.next = self.about.q.val();
        if self.reset.val() {
            self.seen.d.next = false;
            self.begun.d.next = false;
            self.number.d.next = 0.into();
            self.descended.d.next = false;
            self.passed.d.next = false;
        }
    }
    unit!("topk_order", L);
}
