//! Where the elements of a model lie: cut into subgroups, and those dealt to devices.

use crate::disk::BLOCK;
use std::cmp::Reverse;
use std::ops::Range;

/// Elements of a subgroup unless something else is asked for: 64 MiB a file.
pub const SUBGROUP_ELEMENTS: u64 = 1 << 24;
/// The fewest: below, the manifest of a part would be larger than the data.
pub const LEAST_SUBGROUP_ELEMENTS: u64 = 1 << 10;
/// The most of a store: what describes them has some 200 bytes each, and every step writes it.
pub const MOST_SUBGROUPS: u64 = 1 << 20;
/// The most devices of a store.
pub const MOST_DEVICES: usize = 256;

/// A flat run of elements of one parameter group, which lies on one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subgroup {
    /// Its number, counted through the model.
    pub number: usize,
    /// The parameter group.
    pub group: usize,
    /// The first element, counted through the model.
    pub begin: u64,
    /// How many elements.
    pub elements: u64,
    /// The device that has it.
    pub device: usize,
    /// Where it begins in each of the device's files, in bytes; a whole number of blocks.
    pub offset: u64,
}

impl Subgroup {
    /// Its elements, counted through the model.
    pub fn range(&self) -> Range<u64> {
        self.begin..self.begin + self.elements
    }
}

/// Elements that are read, updated and written together: a run within a subgroup that begins on a chunk of 65,536 elements, which is a
/// whole number of blocks in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The subgroup it is of.
    pub subgroup: Subgroup,
    /// The first element, counted through the subgroup.
    pub first: u64,
    /// How many elements.
    pub elements: u64,
}

impl Piece {
    /// Its elements, counted through the model.
    pub fn range(&self) -> Range<u64> {
        let begin = self.subgroup.begin + self.first;
        begin..begin + self.elements
    }

    /// Where it begins in each of its device's files, in bytes.
    pub fn offset(&self) -> u64 {
        self.subgroup.offset + 4 * self.first
    }
}

impl Subgroup {
    /// Its pieces of at most `elements`, which is a multiple of a chunk.
    pub fn pieces(self, elements: u64) -> impl Iterator<Item = Piece> {
        let step = usize::try_from(elements.max(1)).unwrap_or(usize::MAX);
        (0..self.elements).step_by(step).map(move |first| {
            let elements = elements.min(self.elements - first);
            Piece { subgroup: self, first, elements }
        })
    }
}

/// All subgroups of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    subgroups: Vec<Subgroup>,
    file_bytes: Vec<u64>,
}

impl Layout {
    /// Cuts groups, given the number of elements of each, and deals the subgroups to devices, the largest first and each to the
    /// device that has least. So the largest share is at most one subgroup above the smallest. The same numbers give the same layout.
    pub fn new(groups: &[u64], subgroup_elements: u64, devices: usize) -> Layout {
        let each = subgroup_elements.max(1);
        let mut subgroups = Vec::new();
        let mut begin = 0;
        for (group, &elements) in groups.iter().enumerate() {
            let end = begin + elements;
            while begin < end {
                let here = each.min(end - begin);
                let number = subgroups.len();
                subgroups.push(Subgroup { number, group, begin, elements: here, device: 0, offset: 0 });
                begin += here;
            }
        }
        let mut order: Vec<usize> = (0..subgroups.len()).collect();
        order.sort_by_key(|&number| Reverse(subgroups[number].elements));
        let mut shares = vec![0; devices];
        for number in order {
            // The first of those with least.
            let device = (0..devices).min_by_key(|&device| shares[device]).unwrap_or(0);
            shares[device] += subgroups[number].elements;
            subgroups[number].device = device;
        }
        let mut file_bytes = vec![0; devices];
        for subgroup in &mut subgroups {
            subgroup.offset = file_bytes[subgroup.device];
            file_bytes[subgroup.device] += padded_bytes(subgroup.elements);
        }
        Layout { subgroups, file_bytes }
    }

    /// How many subgroups such a layout has; groups have less than 2^60 elements together.
    pub fn number(groups: &[u64], subgroup_elements: u64) -> u64 {
        groups.iter().map(|elements| elements.div_ceil(subgroup_elements.max(1))).sum()
    }

    /// What a subgroup has by default: less than [`SUBGROUP_ELEMENTS`] where otherwise a device would have nothing to do.
    pub fn default_elements(groups: &[u64], devices: usize) -> u64 {
        let all: u64 = groups.iter().sum();
        let each = all.div_ceil(devices.max(1) as u64).next_multiple_of(1 << 16);
        each.clamp(LEAST_SUBGROUP_ELEMENTS, SUBGROUP_ELEMENTS)
    }

    /// All subgroups, in the order of the model.
    pub fn subgroups(&self) -> &[Subgroup] {
        &self.subgroups
    }

    /// Those of a device, in the order of the model and of its files.
    pub fn of_device(&self, device: usize) -> impl Iterator<Item = &Subgroup> {
        self.subgroups.iter().filter(move |subgroup| subgroup.device == device)
    }

    /// How many devices there are.
    pub fn devices(&self) -> usize {
        self.file_bytes.len()
    }

    /// Bytes of each of a device's files.
    pub fn file_bytes(&self, device: usize) -> u64 {
        self.file_bytes[device]
    }

    /// The subgroups that have elements of a range, with the part of the range that each has.
    pub fn across(&self, range: Range<u64>) -> impl Iterator<Item = (&Subgroup, Range<u64>)> {
        let first = self.subgroups.partition_point(|subgroup| subgroup.range().end <= range.start);
        self.subgroups[first..].iter().take_while(move |subgroup| subgroup.begin < range.end).map({
            let range = range.clone();
            move |subgroup| {
                let here = subgroup.range();
                (subgroup, here.start.max(range.start)..here.end.min(range.end))
            }
        })
    }
}

/// Bytes of a run of elements in a file: whole blocks.
pub fn padded_bytes(elements: u64) -> u64 {
    (4 * elements).next_multiple_of(BLOCK as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};

    #[test]
    fn every_element_lies_once_and_shares_are_even() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        for _ in 0..500 {
            let groups: Vec<u64> = (0..random.random_range(1..4)).map(|_| random.random_range(0..50_000)).collect();
            let (each, devices) = (random.random_range(1024..9000), random.random_range(1..7));
            let layout = Layout::new(&groups, each, devices);
            assert_eq!(layout, Layout::new(&groups, each, devices));
            let mut next = 0;
            for (number, subgroup) in layout.subgroups().iter().enumerate() {
                assert_eq!((subgroup.number, subgroup.begin), (number, next));
                assert!((1..=each).contains(&subgroup.elements));
                next = subgroup.range().end;
                // No subgroup lies in two groups.
                let before: u64 = groups[..subgroup.group].iter().sum();
                assert!(subgroup.begin >= before && next <= before + groups[subgroup.group]);
            }
            assert_eq!(next, groups.iter().sum::<u64>());
            let shares: Vec<u64> =
                (0..devices).map(|device| layout.of_device(device).map(|s| s.elements).sum()).collect();
            assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= each, "{shares:?}");
            for device in 0..devices {
                let mut end = 0;
                for subgroup in layout.of_device(device) {
                    assert_eq!((subgroup.offset, subgroup.offset % 4096), (end, 0));
                    end += padded_bytes(subgroup.elements);
                }
                assert_eq!(layout.file_bytes(device), end);
            }
            let (from, to) = (random.random_range(0..=next), random.random_range(0..=next));
            let pieces: Vec<_> = layout.across(from.min(to)..from.max(to)).collect();
            assert_eq!(pieces.iter().map(|(_, part)| part.end - part.start).sum::<u64>(), from.abs_diff(to));
        }
    }

    #[test]
    fn a_small_model_still_gives_every_device_work() {
        let groups = [300_000, 10];
        let layout = Layout::new(&groups, Layout::default_elements(&groups, 3), 3);
        assert!((0..3).all(|device| layout.of_device(device).count() > 0));
        assert_eq!(Layout::default_elements(&[1 << 40], 2), SUBGROUP_ELEMENTS);
    }
}
