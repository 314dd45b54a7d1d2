use crate::prelude::*;

/// Says of each word of a run whether it is one of the run's, and which is the last: what follows is filling.
///
/// A word has `2^T` bytes; the last one may be used in part. It does not see the words; `step` tells of each.
#[derive(Clone, Debug, LogicBlock)]
pub struct Extent<const T: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Begins a run; the first word may pass two cycles later.
    pub start: Signal<In, Bit>,
    /// Bytes of the run; read at `start`.
    pub bytes: Signal<In, Bits<34>>,
    /// A word passes.
    pub step: Signal<In, Bit>,
    /// The word that passes, or the next one, is one of the run's.
    pub belongs: Signal<Out, Bit>,
    /// It is the last of them.
    pub last: Signal<Out, Bit>,
    left: Reg<Bits<34>>,
    fresh: Reg<Bit>,
    more: Reg<Bit>,
    final_word: Reg<Bit>,
    padded: Signal<Local, Bits<36>>,
    partial: Constant<Bits<36>>,
}

impl<const T: usize> Default for Extent<T> {
    fn default() -> Self {
        assert!((1..=6).contains(&T), "Extent<{T}>: words of 2 to 64 bytes");
        Extent {
            clock: Signal::default(),
            start: Signal::default(),
            bytes: Signal::default(),
            step: Signal::default(),
            belongs: Signal::default(),
            last: Signal::default(),
            left: Reg::default(),
            fresh: Reg::default(),
            more: Reg::default(),
            final_word: Reg::default(),
            padded: Signal::default(),
            partial: Constant::new(((1u64 << T) - 1).into()),
        }
    }
}

impl<const T: usize> Logic for Extent<T> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, left, more, final_word);
        self.fresh.clock.next = self.clock.val();
        self.padded.next = bit_cast::<36, 34>(self.bytes.val()) + self.partial.val();
        comment!("Both answers are registers, for a good deal hangs on them.");
        self.belongs.next = self.more.q.val();
        self.last.next = self.final_word.q.val();
        self.fresh.d.next = self.start.val();
        if self.fresh.q.val() {
            self.more.d.next = self.left.q.val().any();
            self.final_word.d.next = self.left.q.val() == 1;
        } else if self.step.val() && self.more.q.val() {
            self.left.d.next = self.left.q.val() - 1;
            self.more.d.next = !self.final_word.q.val();
            self.final_word.d.next = self.left.q.val() == 2;
        }
        if self.start.val() {
            self.left.d.next = self.padded.val().get_bits::<34>(T);
            self.more.d.next = false;
            self.final_word.d.next = false;
        }
    }
    unit!("stream_extent", T);
}
