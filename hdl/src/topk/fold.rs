use super::CHUNK_BITS;
use crate::prelude::*;

/// Checks the checksum of chunks (`nearfield_abi::checksum`, low words) as their beats pass.
///
/// One beat a cycle; the verdict comes [`Fold::LATENCY`] cycles after a chunk's last beat. With S and T a beat's sums of its words
/// w_0 ... w_15, plain and times 1 ... 16, the chunk's b is the sum over its N beats of `16 n S_n + T_n`. The sum of `n S_n` is N
/// times a less the sum of the running a, so with a known beforehand `b - 16 N a` is the sum of `T_n - 16 (S_0 + ... + S_n)`: no
/// multiplier. That difference is `target`, which [`super::Table`] works out.
#[derive(Clone, Debug, LogicBlock)]
pub struct Fold {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets beats that are under way.
    pub reset: Signal<In, Bit>,
    /// A beat passes in this cycle.
    pub taken: Signal<In, Bit>,
    /// The beat.
    pub data: Signal<In, Bits<512>>,
    /// It is its chunk's first.
    pub first: Signal<In, Bit>,
    /// It is its chunk's last.
    pub last: Signal<In, Bit>,
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
    plain_1: [Reg<Bits<32>>; 8],
    times_1: [Reg<Bits<32>>; 8],
    plain_2: [Reg<Bits<32>>; 4],
    times_2: [Reg<Bits<32>>; 4],
    plain_3: [Reg<Bits<32>>; 2],
    times_3: [Reg<Bits<32>>; 2],
    plain_4: Reg<Bits<32>>,
    times_4: Reg<Bits<32>>,
    times_5: Reg<Bits<32>>,
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
    sum_was_right: Reg<Bit>,
    verdict: Reg<Bit>,
    a_line: Delay<32, 5>,
    target_line: Delay<32, 7>,
    chunk_line: Delay<CHUNK_BITS, 8>,
}

impl Fold {
    /// Cycles from a chunk's last beat to `wrong`.
    pub const LATENCY: usize = 8;
}

impl Default for Fold {
    fn default() -> Self {
        Fold {
            clock: Signal::default(),
            reset: Signal::default(),
            taken: Signal::default(),
            data: Signal::default(),
            first: Signal::default(),
            last: Signal::default(),
            a: Signal::default(),
            target: Signal::default(),
            chunk: Signal::default(),
            wrong: Signal::default(),
            wrong_chunk: Signal::default(),
            plain_1: std::array::from_fn(|_| Reg::default()),
            times_1: std::array::from_fn(|_| Reg::default()),
            plain_2: std::array::from_fn(|_| Reg::default()),
            times_2: std::array::from_fn(|_| Reg::default()),
            plain_3: std::array::from_fn(|_| Reg::default()),
            times_3: std::array::from_fn(|_| Reg::default()),
            plain_4: Reg::default(),
            times_4: Reg::default(),
            times_5: Reg::default(),
            valid: std::array::from_fn(|_| Reg::default()),
            opens: std::array::from_fn(|_| Reg::default()),
            closes: std::array::from_fn(|_| Reg::default()),
            sum: Reg::default(),
            base: Signal::default(),
            step: Reg::default(),
            difference: Reg::default(),
            start: Signal::default(),
            sum_right: Reg::default(),
            sum_was_right: Reg::default(),
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
        dff_setup!(self, clock, plain_4, times_4, times_5, sum, step, difference, sum_right, sum_was_right, verdict);
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

        comment!("Each level joins two blocks; the second one's words stand further on by the length of the first.");
        for i in 0..8 {
            self.plain_1[i].clock.next = self.clock.val();
            self.times_1[i].clock.next = self.clock.val();
            self.plain_1[i].d.next =
                self.data.val().get_bits::<32>(64 * i) + self.data.val().get_bits::<32>(64 * i + 32);
            self.times_1[i].d.next =
                self.data.val().get_bits::<32>(64 * i) + (self.data.val().get_bits::<32>(64 * i + 32) << 1);
        }
        for i in 0..4 {
            self.plain_2[i].clock.next = self.clock.val();
            self.times_2[i].clock.next = self.clock.val();
            self.plain_2[i].d.next = self.plain_1[2 * i].q.val() + self.plain_1[2 * i + 1].q.val();
            self.times_2[i].d.next =
                self.times_1[2 * i].q.val() + self.times_1[2 * i + 1].q.val() + (self.plain_1[2 * i + 1].q.val() << 1);
        }
        for i in 0..2 {
            self.plain_3[i].clock.next = self.clock.val();
            self.times_3[i].clock.next = self.clock.val();
            self.plain_3[i].d.next = self.plain_2[2 * i].q.val() + self.plain_2[2 * i + 1].q.val();
            self.times_3[i].d.next =
                self.times_2[2 * i].q.val() + self.times_2[2 * i + 1].q.val() + (self.plain_2[2 * i + 1].q.val() << 2);
        }
        self.plain_4.d.next = self.plain_3[0].q.val() + self.plain_3[1].q.val();
        self.times_4.d.next = self.times_3[0].q.val() + self.times_3[1].q.val() + (self.plain_3[1].q.val() << 3);

        comment!("The running a, then what the beat adds to the difference, then the difference.");
        self.base.next = self.sum.q.val();
        if self.opens[3].q.val() {
            self.base.next = 0.into();
        }
        if self.valid[3].q.val() {
            self.sum.d.next = self.base.val() + self.plain_4.q.val();
        }
        self.times_5.d.next = self.times_4.q.val();
        self.step.d.next = self.times_5.q.val() - (self.sum.q.val() << 4);
        self.sum_right.d.next = self.sum.q.val() == self.a_line.q.val();
        self.sum_was_right.d.next = self.sum_right.q.val();
        self.start.next = self.difference.q.val();
        if self.opens[5].q.val() {
            self.start.next = 0.into();
        }
        if self.valid[5].q.val() {
            self.difference.d.next = self.start.val() + self.step.q.val();
        }
        self.verdict.d.next = self.valid[6].q.val()
            && self.closes[6].q.val()
            && !(self.sum_was_right.q.val() && (self.difference.q.val() == self.target_line.q.val()));
        self.wrong.next = self.verdict.q.val();
        self.wrong_chunk.next = self.chunk_line.q.val();
        if self.reset.val() {
            self.verdict.d.next = false;
        }
    }
    unit!("topk_fold");
}
