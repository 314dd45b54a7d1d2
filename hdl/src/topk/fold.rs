use super::CHUNK_BITS;
use crate::prelude::*;
use crate::stream::Checksum512;

/// Checks the checksum of chunks (`nearfield_abi::checksum`, low words) as their beats pass.
///
/// One beat a cycle; the verdict comes [`Fold::LATENCY`] cycles after a chunk's last beat. It does not see the beats: their sums come
/// [`Fold::AHEAD`] cycles later, from whoever adds them up anyway.
///
/// With S and A a beat's sums of its words w_0 ... w_15, plain and times the number of words after them, the chunk's b is 16 N a less
/// the sum over its N beats of `A_n + 16 (S_0 + ... + S_(n-1))`, for a word's position and the words after it come to 16 N. So with a
/// known beforehand that sum, taken from 0, has to be b - 16 N a: no multiplier. This is `target`, which [`super::Table`] works out.
#[derive(Clone, Debug, LogicBlock)]
pub struct Fold {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets beats that are under way.
    pub reset: Signal<In, Bit>,
    /// A beat passes in this cycle.
    pub taken: Signal<In, Bit>,
    /// It is its chunk's first.
    pub first: Signal<In, Bit>,
    /// It is its chunk's last.
    pub last: Signal<In, Bit>,
    /// S of the beat of [`Fold::AHEAD`] cycles ago.
    pub beat_sum: Signal<In, Bits<32>>,
    /// A of the same.
    pub beat_after: Signal<In, Bits<32>>,
    /// What a has to be; this and the next two are read with the last beat.
    pub a: Signal<In, Bits<32>>,
    /// What b - 16 N a has to be.
    pub target: Signal<In, Bits<32>>,
    /// The chunk's number.
    pub chunk: Signal<In, Bits<CHUNK_BITS>>,
    /// A checksum was wrong.
    pub wrong: Signal<Out, Bit>,
    /// That chunk's number.
    pub wrong_chunk: Signal<Out, Bits<CHUNK_BITS>>,
    /// Whether there is a beat at this stage, whether it is first or last.
    valid: [Reg<Bit>; 7],
    opens: [Reg<Bit>; 6],
    closes: [Reg<Bit>; 7],
    sum: Reg<Bits<32>>,
    base: Signal<Local, Bits<32>>,
    step: Reg<Bits<32>>,
    difference: Reg<Bits<32>>,
    start: Signal<Local, Bits<32>>,
    sum_right: Reg<Bit>,
    verdict: Reg<Bit>,
    a_line: Delay<32, 6>,
    target_line: Delay<32, 7>,
    chunk_line: Delay<CHUNK_BITS, 8>,
}

impl Fold {
    /// Cycles from a beat to its sums.
    pub const AHEAD: usize = Checksum512::BEAT_LATENCY;
    /// Cycles from a chunk's last beat to `wrong`.
    pub const LATENCY: usize = 8;
}

impl Default for Fold {
    fn default() -> Self {
        const { assert!(Fold::AHEAD == 5, "stages are counted by hand") };
        Fold {
            clock: Signal::default(),
            reset: Signal::default(),
            taken: Signal::default(),
            first: Signal::default(),
            last: Signal::default(),
            beat_sum: Signal::default(),
            beat_after: Signal::default(),
            a: Signal::default(),
            target: Signal::default(),
            chunk: Signal::default(),
            wrong: Signal::default(),
            wrong_chunk: Signal::default(),
            valid: std::array::from_fn(|_| Reg::default()),
            opens: std::array::from_fn(|_| Reg::default()),
            closes: std::array::from_fn(|_| Reg::default()),
            sum: Reg::default(),
            base: Signal::default(),
            step: Reg::default(),
            difference: Reg::default(),
            start: Signal::default(),
            sum_right: Reg::default(),
            verdict: Reg::default(),
            a_line: Delay::default(),
            target_line: Delay::default(),
            chunk_line: Delay::default(),
        }
    }
}

impl Logic for Fold {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, sum, step, difference, sum_right, verdict);
        clock!(self, clock, a_line, target_line, chunk_line);
        for i in 0..7 {
            self.valid[i].clock.next = self.clock.val();
            self.closes[i].clock.next = self.clock.val();
            if i == 0 {
                self.valid[i].d.next = self.taken.val();
                self.closes[i].d.next = self.last.val();
            } else {
                self.valid[i].d.next = self.valid[i - 1].q.val();
                self.closes[i].d.next = self.closes[i - 1].q.val();
            }
            if self.reset.val() {
                self.valid[i].d.next = false;
            }
        }
        for i in 0..6 {
            self.opens[i].clock.next = self.clock.val();
            if i == 0 {
                self.opens[i].d.next = self.first.val();
            } else {
                self.opens[i].d.next = self.opens[i - 1].q.val();
            }
        }
        self.a_line.d.next = self.a.val();
        self.target_line.d.next = self.target.val();
        self.chunk_line.d.next = self.chunk.val();

        comment!("The running a and what the beat takes from the difference, then the difference.");
        self.base.next = self.sum.q.val();
        if self.opens[4].q.val() {
            self.base.next = 0.into();
        }
        if self.valid[4].q.val() {
            self.sum.d.next = self.base.val() + self.beat_sum.val();
        }
        self.step.d.next = (self.base.val() << 4) + self.beat_after.val();
        self.sum_right.d.next = self.sum.q.val() == self.a_line.q.val();
        self.start.next = self.difference.q.val();
        if self.opens[5].q.val() {
            self.start.next = 0.into();
        }
        if self.valid[5].q.val() {
            self.difference.d.next = self.start.val() - self.step.q.val();
        }
        self.verdict.d.next = self.valid[6].q.val()
            && self.closes[6].q.val()
            && !(self.sum_right.q.val() && (self.difference.q.val() == self.target_line.q.val()));
        self.wrong.next = self.verdict.q.val();
        self.wrong_chunk.next = self.chunk_line.q.val();
        if self.reset.val() {
            self.verdict.d.next = false;
        }
    }
    unit!("topk_fold");
}
