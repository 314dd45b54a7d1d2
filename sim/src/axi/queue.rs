//! Bursts in the order in which they came, each found by its number.

use std::collections::VecDeque;

/// What has an AXI id.
pub trait Identified {
    /// The id.
    fn id(&self) -> u32;
}

/// A queue in which everything has a number, counted from the first that ever came, and is found by it in constant time. What leaves
/// out of turn leaves a gap until all before it have left, too.
#[derive(Debug)]
pub struct Queue<T> {
    places: VecDeque<Option<T>>,
    /// The number of the first place.
    first: u64,
    count: usize,
    /// The numbers of what waits, by id.
    of_id: Vec<VecDeque<u64>>,
}

impl<T> Default for Queue<T> {
    fn default() -> Queue<T> {
        Queue { places: VecDeque::new(), first: 0, count: 0, of_id: Vec::new() }
    }
}

impl<T: Identified> Queue<T> {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The number that the next one gets.
    pub fn end(&self) -> u64 {
        self.first + self.places.len() as u64
    }

    /// Adds one at the end and says its number.
    pub fn push(&mut self, item: T) -> u64 {
        let (number, id) = (self.end(), item.id() as usize);
        if self.of_id.len() <= id {
            self.of_id.resize_with(id + 1, VecDeque::new);
        }
        self.of_id[id].push_back(number);
        self.places.push_back(Some(item));
        self.count += 1;
        number
    }

    fn place(&self, number: u64) -> Option<usize> {
        number.checked_sub(self.first).map(|place| place as usize)
    }

    /// The one of this number, if it waits.
    #[inline]
    pub fn get(&self, number: u64) -> Option<&T> {
        self.places.get(self.place(number)?)?.as_ref()
    }

    /// The same.
    #[inline]
    pub fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let place = self.place(number)?;
        self.places.get_mut(place)?.as_mut()
    }

    /// The oldest of all, and its number.
    #[inline]
    pub fn front(&self) -> Option<(u64, &T)> {
        // There is no gap before the oldest.
        self.places.front()?.as_ref().map(|item| (self.first, item))
    }

    /// The number of the oldest of an id.
    pub fn oldest(&self, id: u32) -> Option<u64> {
        self.of_id.get(id as usize)?.front().copied()
    }

    /// All that wait, with their numbers, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> + Clone {
        (self.first..).zip(&self.places).filter_map(|(number, item)| Some((number, item.as_ref()?)))
    }

    /// Takes one out.
    ///
    /// # Panics
    ///
    /// It does not wait, or is not the oldest of its id: a slave answers those in turn.
    pub fn remove(&mut self, number: u64) -> T {
        let place = self.place(number).and_then(|place| self.places.get_mut(place));
        let item = place.and_then(Option::take).expect("a burst that waits");
        assert_eq!(self.of_id[item.id() as usize].pop_front(), Some(number), "the oldest of an id");
        while self.places.front().is_some_and(Option::is_none) {
            self.places.pop_front();
            self.first += 1;
        }
        self.count -= 1;
        item
    }

    /// Forgets all. Their numbers are not used again.
    pub fn clear(&mut self) {
        self.first = self.end();
        self.places.clear();
        self.of_id.iter_mut().for_each(VecDeque::clear);
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Item(u32);

    impl Identified for Item {
        fn id(&self) -> u32 {
            self.0
        }
    }

    #[test]
    fn numbers_stay_and_gaps_close() {
        let mut queue = Queue::default();
        assert_eq!([5, 7, 5].map(|id| queue.push(Item(id))), [0, 1, 2]);
        assert_eq!((queue.oldest(5), queue.oldest(7), queue.oldest(9)), (Some(0), Some(1), None));
        assert_eq!((queue.remove(1), queue.len()), (Item(7), 2));
        assert_eq!((queue.get(1), queue.get(2), queue.get(3)), (None, Some(&Item(5)), None));
        assert_eq!(queue.iter().map(|(number, _)| number).collect::<Vec<_>>(), [0, 2]);
        queue.remove(0);
        assert_eq!((queue.front(), queue.oldest(5), queue.places.len()), (Some((2, &Item(5))), Some(2), 1));
        queue.clear();
        assert_eq!((queue.is_empty(), queue.get(2), queue.oldest(5)), (true, None, None));
        assert_eq!(queue.push(Item(5)), 3);
    }

    #[test]
    #[should_panic(expected = "the oldest of an id")]
    fn one_id_is_answered_in_order() {
        let mut queue = Queue::default();
        queue.push(Item(1));
        let second = queue.push(Item(1));
        queue.remove(second);
    }
}
