use crate::prelude::*;

/// Adds up the sums of beats of `2^LEVELS` words into those of the run, modulo 2^64.
///
/// `sum` is the sum of all words. In `after` each is multiplied by the number of words after it: a beat adds its own
/// `after`, and once more all words before it for each of its words. Both are added in halves of 32 bits, the upper a cycle
/// after the lower, which keeps carry chains at 33 bits.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct RunningSums<const LEVELS: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Back to nothing; not together with a beat.
    pub clear: Signal<In, Bit>,
    /// There is a beat.
    pub valid: Signal<In, Bit>,
    /// Its [`super::WordSums::sum`].
    pub beat_sum: Signal<In, Bits<36>>,
    /// Its [`super::WordSums::after`].
    pub beat_after: Signal<In, Bits<40>>,
    /// Sum of all words, complete two cycles after the last beat, its lower half one.
    pub sum: Signal<Out, Bits<64>>,
    /// Sum of all words, each times the number of words after it; complete three cycles after the last beat.
    pub after: Signal<Out, Bits<64>>,
    /// Beats, modulo 2^32; complete a cycle after the last.
    pub beats: Signal<Out, Bits<32>>,
    clear_1: Reg<Bit>,
    clear_2: Reg<Bit>,
    valid_1: Reg<Bit>,
    valid_2: Reg<Bit>,
    count: Reg<Bits<32>>,
    /// The 33rd bit is the carry into the upper half; so in the others.
    sum_low: Reg<Bits<33>>,
    sum_high: Reg<Bits<32>>,
    beat_sum_high: Reg<Bits<4>>,
    /// What `sum_low` was, while the upper half is added.
    preceding_low: Reg<Bits<32>>,
    preceding_low_shifted: Signal<Local, Bits<64>>,
    preceding: Signal<Local, Bits<64>>,
    beat_after_high: Reg<Bits<8>>,
    step_low: Reg<Bits<33>>,
    step_high: Reg<Bits<32>>,
    after_low: Reg<Bits<33>>,
    after_high: Reg<Bits<32>>,
    sum_upper: Signal<Local, Bits<33>>,
    step_upper: Signal<Local, Bits<33>>,
    after_upper: Signal<Local, Bits<33>>,
}

impl<const LEVELS: usize> Logic for RunningSums<LEVELS> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            clear_1,
            clear_2,
            valid_1,
            valid_2,
            count,
            sum_low,
            sum_high,
            beat_sum_high,
            preceding_low,
            beat_after_high,
            step_low,
            step_high,
            after_low,
            after_high
        );
        self.clear_1.d.next = self.clear.val();
        self.clear_2.d.next = self.clear_1.q.val();
        self.valid_1.d.next = self.valid.val();
        self.valid_2.d.next = self.valid_1.q.val();

        if self.valid.val() {
            self.count.d.next = self.count.q.val() + 1;
            self.sum_low.d.next = bit_cast::<33, 32>(self.sum_low.q.val().get_bits::<32>(0))
                + bit_cast::<33, 32>(self.beat_sum.val().get_bits::<32>(0));
        }
        self.beat_sum_high.d.next = self.beat_sum.val().get_bits::<4>(32);
        // A one below the lowest bit lets the carry in.
        self.sum_upper.next = ((bit_cast::<33, 32>(self.sum_high.q.val()) << 1) | 1)
            + ((bit_cast::<33, 4>(self.beat_sum_high.q.val()) << 1)
                | bit_cast::<33, 1>(self.sum_low.q.val().get_bits::<1>(32)));
        if self.valid_1.q.val() {
            self.sum_high.d.next = self.sum_upper.val().get_bits::<32>(1);
        }

        // A beat's step: its own `after`, and 2^LEVELS times the words before it.
        self.preceding_low.d.next = self.sum_low.q.val().get_bits::<32>(0);
        self.preceding_low_shifted.next = bit_cast::<64, 32>(self.sum_low.q.val().get_bits::<32>(0)) << 32;
        self.step_low.d.next = bit_cast::<33, 32>(self.preceding_low_shifted.val().get_bits::<32>(32 - LEVELS))
            + bit_cast::<33, 32>(self.beat_after.val().get_bits::<32>(0));
        self.beat_after_high.d.next = self.beat_after.val().get_bits::<8>(32);
        self.preceding.next =
            (bit_cast::<64, 32>(self.sum_high.q.val()) << 32) | bit_cast::<64, 32>(self.preceding_low.q.val());
        self.step_upper.next = ((bit_cast::<33, 32>(self.preceding.val().get_bits::<32>(32 - LEVELS)) << 1) | 1)
            + ((bit_cast::<33, 8>(self.beat_after_high.q.val()) << 1)
                | bit_cast::<33, 1>(self.step_low.q.val().get_bits::<1>(32)));
        self.step_high.d.next = self.step_upper.val().get_bits::<32>(1);

        if self.valid_1.q.val() {
            self.after_low.d.next = bit_cast::<33, 32>(self.after_low.q.val().get_bits::<32>(0))
                + bit_cast::<33, 32>(self.step_low.q.val().get_bits::<32>(0));
        }
        self.after_upper.next = ((bit_cast::<33, 32>(self.after_high.q.val()) << 1) | 1)
            + ((bit_cast::<33, 32>(self.step_high.q.val()) << 1)
                | bit_cast::<33, 1>(self.after_low.q.val().get_bits::<1>(32)));
        if self.valid_2.q.val() {
            self.after_high.d.next = self.after_upper.val().get_bits::<32>(1);
        }

        if self.clear.val() {
            self.count.d.next = 0.into();
            self.sum_low.d.next = 0.into();
        }
        if self.clear_1.q.val() {
            self.sum_high.d.next = 0.into();
            self.after_low.d.next = 0.into();
        }
        if self.clear_2.q.val() {
            self.after_high.d.next = 0.into();
        }
        self.beats.next = self.count.q.val();
        self.sum.next = (bit_cast::<64, 32>(self.sum_high.q.val()) << 32)
            | bit_cast::<64, 32>(self.sum_low.q.val().get_bits::<32>(0));
        self.after.next = (bit_cast::<64, 32>(self.after_high.q.val()) << 32)
            | bit_cast::<64, 32>(self.after_low.q.val().get_bits::<32>(0));
    }
    unit!(LEVELS);
}
