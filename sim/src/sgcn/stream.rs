//! What lies between units: buffers that are filled and emptied by the cycle, and turns.
//!
//! Everything that is seen of a buffer in a cycle is what it was at the cycle's beginning, so it does not matter in which order its two
//! ends do their work.

/// A buffer of `places` words, each of which is offered `delay` cycles after it came: 2 through a FIFO's block RAM, 1 through a skid
/// buffer of two places.
#[derive(Clone, Debug)]
pub(super) struct Buffer<T> {
    words: Box<[(u64, T)]>,
    head: usize,
    len: usize,
    places: usize,
    delay: u64,
    /// The last cycle in which a word left, or came.
    popped: u64,
    pushed: u64,
}

impl<T: Copy + Default> Buffer<T> {
    pub(super) fn new(places: usize, delay: u64) -> Buffer<T> {
        let words = vec![(0, T::default()); places.next_power_of_two()].into_boxed_slice();
        Buffer { words, head: 0, len: 0, places, delay, popped: u64::MAX, pushed: u64::MAX }
    }

    pub(super) fn fifo(places: usize) -> Buffer<T> {
        Buffer::new(places, 2)
    }

    pub(super) fn skid() -> Buffer<T> {
        Buffer::new(2, 1)
    }

    /// Words in it when the cycle began.
    #[inline]
    pub(super) fn fill(&self, now: u64) -> usize {
        self.len + usize::from(self.popped == now) - usize::from(self.pushed == now)
    }

    #[inline]
    pub(super) fn ready(&self, now: u64) -> bool {
        self.fill(now) < self.places
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    pub(super) fn valid(&self, now: u64) -> bool {
        self.popped == now || (self.len > 0 && self.words[self.head].0 <= now)
    }

    /// The word that is offered, if none was taken in this cycle.
    #[inline]
    pub(super) fn peek(&self, now: u64) -> Option<&T> {
        let (from, word) = &self.words[self.head];
        (self.len > 0 && *from <= now).then_some(word)
    }

    #[inline]
    pub(super) fn pop(&mut self, now: u64) -> T {
        debug_assert!(self.peek(now).is_some() && self.popped != now);
        let word = self.words[self.head].1;
        self.head = (self.head + 1) & (self.words.len() - 1);
        self.len -= 1;
        self.popped = now;
        word
    }

    /// Puts a word in; only while [`Buffer::ready`].
    #[inline]
    pub(super) fn push(&mut self, now: u64, word: T) {
        debug_assert!(self.ready(now) && self.pushed != now);
        let at = (self.head + self.len) & (self.words.len() - 1);
        self.words[at] = (now + self.delay, word);
        self.len += 1;
        self.pushed = now;
    }
}

/// Chooses the first behind the one that was served last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Turn {
    behind: u32,
}

impl Turn {
    /// Serves one of those that ask.
    #[inline]
    pub(super) fn serve(&mut self, asks: u32) -> Option<usize> {
        if asks == 0 {
            return None;
        }
        let later = asks & self.behind;
        let chosen = if later != 0 { later.trailing_zeros() } else { asks.trailing_zeros() };
        self.behind = (!1_u32) << chosen;
        Some(chosen as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_offered_after_their_delay() {
        let mut fifo = Buffer::fifo(2);
        fifo.push(10, 'a');
        assert_eq!((fifo.fill(10), fifo.fill(11), fifo.valid(11), fifo.peek(12)), (0, 1, false, Some(&'a')));
        fifo.push(12, 'b');
        assert_eq!((fifo.pop(12), fifo.fill(12), fifo.ready(12), fifo.valid(13)), ('a', 1, true, false));
        fifo.push(13, 'c');
        assert!(!fifo.ready(14));
        assert_eq!((fifo.pop(14), fifo.ready(14), fifo.ready(15)), ('b', false, true));
    }

    #[test]
    fn turns_go_round() {
        let mut turn = Turn::default();
        assert_eq!(
            [0b101, 0b101, 0b101, 0, 0b001].map(|asks| turn.serve(asks)),
            [Some(0), Some(2), Some(0), None, Some(0)]
        );
    }
}
