use crate::prelude::*;

/// The two sums of a beat of `N = 2^LEVELS` words of 32 bits, as a tree of `NODES = N - 1` adders; a level a cycle.
///
/// A node knows of its words the sum, times their number, and the sum in which each is multiplied by the number of words
/// after it. Both of a whole follow from both of its halves without a multiplier: every word of the left half has all words
/// of the right half after it, and there are as many of those as in the left half.
#[derive(Clone, Debug, LogicBlock)]
pub struct WordSums<const N: usize, const NODES: usize, const LEVELS: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The words, each in the low 32 bits.
    pub word: [Signal<In, Bits<40>>; N],
    /// The sum of the words of `LEVELS` cycles ago.
    pub sum: Signal<Out, Bits<36>>,
    /// The same with each word multiplied by the number of words after it.
    pub after: Signal<Out, Bits<40>>,
    /// Node 1 is the root, `2 i` and `2 i + 1` are the halves of `i`; node `i` stands at `i - 1`.
    node_scaled: [Reg<Bits<40>>; NODES],
    node_after: [Reg<Bits<40>>; NODES],
}

impl<const N: usize, const NODES: usize, const LEVELS: usize> WordSums<N, NODES, LEVELS> {
    /// Cycles from the words to the sums.
    pub const LATENCY: usize = LEVELS;
}

impl<const N: usize, const NODES: usize, const LEVELS: usize> Default for WordSums<N, NODES, LEVELS> {
    fn default() -> Self {
        assert!(
            N == 1 << LEVELS && NODES == N - 1 && (1..=4).contains(&LEVELS),
            "WordSums<{N}, {NODES}, {LEVELS}>: 2, 4, 8 or 16 words, one node fewer, and the logarithm"
        );
        WordSums {
            clock: Signal::default(),
            word: std::array::from_fn(|_| Signal::default()),
            sum: Signal::default(),
            after: Signal::default(),
            node_scaled: std::array::from_fn(|_| Reg::default()),
            node_after: std::array::from_fn(|_| Reg::default()),
        }
    }
}

impl<const N: usize, const NODES: usize, const LEVELS: usize> Logic for WordSums<N, NODES, LEVELS> {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 1..N {
            self.node_scaled[i - 1].clock.next = self.clock.val();
            self.node_after[i - 1].clock.next = self.clock.val();
            if 2 * i < N {
                self.node_scaled[i - 1].d.next =
                    (self.node_scaled[2 * i - 1].q.val() + self.node_scaled[2 * i].q.val()) << 1;
                self.node_after[i - 1].d.next = self.node_after[2 * i - 1].q.val()
                    + self.node_after[2 * i].q.val()
                    + self.node_scaled[2 * i - 1].q.val();
            } else {
                self.node_scaled[i - 1].d.next = (self.word[2 * i - N].val() + self.word[2 * i + 1 - N].val()) << 1;
                self.node_after[i - 1].d.next = self.word[2 * i - N].val();
            }
        }
        self.sum.next = self.node_scaled[0].q.val().get_bits::<36>(LEVELS);
        self.after.next = self.node_after[0].q.val();
    }
    unit!(N, LEVELS);
}
