use crate::prelude::*;

/// Shows two words of `W` bits as one of `S = 2 * W`, for who looks on: a stream's transfers in, half as many out.
///
/// The first word is the lower one. A run that ends with the first word of two shows it at once; what the upper half holds then
/// does not count. Nothing is held up, and nothing waits.
#[derive(Clone, Debug, LogicBlock)]
pub struct Couple<const W: usize, const S: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The next word is a first one.
    pub start: Signal<In, Bit>,
    /// There is a word.
    pub valid: Signal<In, Bit>,
    /// It is the run's last.
    pub last: Signal<In, Bit>,
    /// The word.
    pub data: Signal<In, Bits<W>>,
    /// There is a couple.
    pub couple_valid: Signal<Out, Bit>,
    /// The couple.
    pub couple: Signal<Out, Bits<S>>,
    second: Reg<Bit>,
    first: Reg<Bits<W>>,
    pack: Pack<2, W, S>,
}

impl<const W: usize, const S: usize> Default for Couple<W, S> {
    fn default() -> Self {
        assert!(S == 2 * W, "Couple<{W}, {S}>: two words of W bits");
        Couple {
            clock: Signal::default(),
            start: Signal::default(),
            valid: Signal::default(),
            last: Signal::default(),
            data: Signal::default(),
            couple_valid: Signal::default(),
            couple: Signal::default(),
            second: Reg::default(),
            first: Reg::default(),
            pack: Pack::default(),
        }
    }
}

impl<const W: usize, const S: usize> Logic for Couple<W, S> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, second, first);
        self.pack.x[0].next = self.data.val();
        if self.second.q.val() {
            self.pack.x[0].next = self.first.q.val();
        }
        self.pack.x[1].next = self.data.val();
        self.couple.next = self.pack.packed.val();
        self.couple_valid.next = self.valid.val() && (self.second.q.val() || self.last.val());
        if self.valid.val() {
            self.second.d.next = !self.second.q.val();
            self.first.d.next = self.data.val();
        }
        if self.start.val() {
            self.second.d.next = false;
        }
    }
    unit!("stream_couple", W; S);
}
