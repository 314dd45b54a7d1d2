use super::bank::WAYS;

/// Which way of a set a new line takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// A tree of bits that points away from what was used last, as the kernel has it.
    #[default]
    TreePlru,
    /// What was used longest ago.
    Lru,
    /// The ways in turn.
    Fifo,
    /// Re-reference intervals of two bits: a line that was used since it came stays longer.
    Rrip,
}

/// What a policy remembers.
#[derive(Clone, Debug)]
pub(super) struct Replacement {
    policy: Policy,
    trees: Vec<u16>,
    /// By way: the time of its last use, or its interval.
    ways: Vec<[u64; WAYS]>,
    time: u64,
}

impl Replacement {
    pub(super) fn new(policy: Policy, sets: usize) -> Replacement {
        let interval = if policy == Policy::Rrip { 3 } else { 0 };
        Replacement { policy, trees: vec![0; sets], ways: vec![[interval; WAYS]; sets], time: 0 }
    }

    #[inline]
    pub(super) fn touch(&mut self, set: usize, way: usize) {
        self.time += 1;
        match self.policy {
            Policy::TreePlru => self.point_away(set, way),
            Policy::Lru => self.ways[set][way] = self.time,
            Policy::Fifo => {}
            Policy::Rrip => self.ways[set][way] = 0,
        }
    }

    /// The way that is given up, and taken.
    #[inline]
    pub(super) fn victim(&mut self, set: usize, tags: &[u32; WAYS]) -> usize {
        self.time += 1;
        let ways = &mut self.ways[set];
        match self.policy {
            Policy::TreePlru => {
                let node = (0..4).fold(1, |node, _| node << 1 | usize::from(self.trees[set] >> node & 1));
                let way = node & 15;
                self.point_away(set, way);
                way
            }
            Policy::Lru | Policy::Fifo => {
                let way = (0..WAYS).min_by_key(|&way| ways[way]).expect("there are ways");
                ways[way] = self.time;
                way
            }
            Policy::Rrip => {
                if let Some(way) = tags.iter().position(|&tag| tag == u32::MAX) {
                    ways[way] = 2;
                    return way;
                }
                while !ways.contains(&3) {
                    ways.iter_mut().for_each(|interval| *interval += 1);
                }
                let way = ways.iter().position(|&interval| interval == 3).expect("there is one");
                ways[way] = 2;
                way
            }
        }
    }

    fn point_away(&mut self, set: usize, way: usize) {
        for (node, bit) in [(1, way >> 3), (2 | way >> 3, way >> 2), (4 | way >> 2, way >> 1), (8 | way >> 1, way)] {
            self.trees[set] = self.trees[set] & !(1 << node) | u16::from(bit & 1 == 0) << node;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn victims_are_those_of_the_policy() {
        for (policy, expected) in [(Policy::TreePlru, 8), (Policy::Lru, 1), (Policy::Fifo, 0)] {
            let mut replacement = Replacement::new(policy, 2);
            let mut all: Vec<_> = (0..WAYS).map(|_| replacement.victim(1, &[0; WAYS])).collect();
            all.sort_unstable();
            assert_eq!(all, (0..WAYS).collect::<Vec<_>>(), "{policy:?}");
            replacement.touch(1, 0);
            assert_eq!(replacement.victim(1, &[0; WAYS]), expected, "{policy:?}");
        }
    }
}
