//! Where buffers lie in a board's banks.

use crate::device::placement;
use nearfield_abi::board::Board;
use nearfield_abi::kernel::POINTER_ALIGNMENT;
use std::collections::BTreeMap;

/// Where buffers of a board through XRT begin, and what `sgcn_aggregate` asks for.
const PAGE: u64 = 4096;

/// First-fit allocation in every bank of a board, with staggered bases.
pub(super) struct Allocator {
    board: &'static Board,
    /// Per bank: offset of each buffer to its length.
    banks: Vec<BTreeMap<u64, u64>>,
    allocations: u64,
}

impl Allocator {
    pub(super) fn new(board: &'static Board) -> Allocator {
        Allocator { board, banks: vec![BTreeMap::new(); board.banks as usize], allocations: 0 }
    }

    /// The device address of a free piece, or `None` if the bank has none that long.
    pub(super) fn allocate(&mut self, bytes: u64, bank: u32) -> Option<u64> {
        let taken = self.banks.get_mut(bank as usize)?;
        let length = bytes.max(1).checked_next_multiple_of(POINTER_ALIGNMENT)?;
        let phase = placement::phase(self.allocations);
        // A small bank may have room, but none at the phase: then any page will do, or any beat.
        let offset = [(placement::PERIOD, phase), (PAGE, 0), (POINTER_ALIGNMENT, 0)]
            .into_iter()
            .find_map(|(period, phase)| first_fit(taken, self.board.bank_bytes, length, period, phase))?;
        taken.insert(offset, length);
        self.allocations += 1;
        Some(self.board.bank_base(bank) + offset)
    }

    /// Gives a buffer back; one that is not allocated is ignored.
    pub(super) fn release(&mut self, address: u64, bank: u32) {
        if let Some(taken) = self.banks.get_mut(bank as usize) {
            taken.remove(&address.wrapping_sub(self.board.bank_base(bank)));
        }
    }

    /// Whether a buffer of this bank begins at this address.
    pub(super) fn holds(&self, address: u64, bank: u32) -> bool {
        let bank_base = || self.board.bank_base(bank);
        self.banks.get(bank as usize).is_some_and(|taken| taken.contains_key(&address.wrapping_sub(bank_base())))
    }
}

/// The first offset ≡ `phase` (mod `period`) with `length` free bytes.
fn first_fit(taken: &BTreeMap<u64, u64>, bank_bytes: u64, length: u64, period: u64, phase: u64) -> Option<u64> {
    let mut gap = 0;
    for (begin, end) in taken.iter().map(|(&o, &n)| (o, o + n)).chain([(bank_bytes, bank_bytes)]) {
        let offset = gap + (phase + period - gap % period) % period;
        if offset.checked_add(length)? <= begin {
            return Some(offset);
        }
        gap = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u64 = 1 << 10;

    fn board(name: &str) -> &'static Board {
        Board::from_name(name).unwrap()
    }

    #[test]
    fn four_tensors_begin_in_four_bank_groups_and_four_banks() {
        let board = board("smartssd");
        let mut allocator = Allocator::new(board);
        let offsets: Vec<u64> = (0..4).map(|_| allocator.allocate(1 << 20, 0).unwrap() - board.base).collect();
        let group: std::collections::BTreeSet<u64> = offsets.iter().map(|o| o / (8 * KIB) % 4).collect();
        let bank: std::collections::BTreeSet<u64> = offsets.iter().map(|o| o / (32 * KIB) % 4).collect();
        assert_eq!((group.len(), bank.len()), (4, 4), "{offsets:?}");
        for pair in offsets.windows(2) {
            assert!(pair[0] + (1 << 20) <= pair[1], "buffers overlap");
        }
    }

    #[test]
    fn any_order_of_requests_and_releases_never_overlaps() {
        let board = board("hostile");
        let mut allocator = Allocator::new(board);
        let mut held: Vec<(u64, u64, u32)> = Vec::new();
        let mut state = 5u64;
        let mut refused = 0;
        for _ in 0..5000 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let draw = state >> 33;
            if draw.is_multiple_of(3) && !held.is_empty() {
                let (address, _, bank) = held.swap_remove(draw as usize / 3 % held.len());
                allocator.release(address, bank);
                continue;
            }
            let (bytes, bank) = (1 + draw / 16 % (4 << 20), (draw % 4) as u32);
            let Some(address) = allocator.allocate(bytes, bank) else {
                refused += 1;
                continue;
            };
            assert_eq!(address % POINTER_ALIGNMENT, 0);
            let base = board.bank_base(bank);
            assert!(address >= base && address + bytes <= base + board.bank_bytes);
            assert!(held.iter().all(|&(a, n, _)| address + bytes <= a || a + n <= address));
            held.push((address, bytes, bank));
        }
        assert!(refused > 0, "the banks were never full");
    }

    #[test]
    fn a_bank_can_be_filled_and_no_more() {
        let board = board("hostile");
        let mut allocator = Allocator::new(board);
        let whole = allocator.allocate(board.bank_bytes, 1).unwrap();
        assert_eq!(allocator.allocate(1, 1), None);
        assert_eq!(allocator.allocate(1, 4), None);
        assert_eq!(allocator.allocate(u64::MAX, 0), None);
        assert!(allocator.holds(whole, 1));
        allocator.release(whole, 1);
        assert!(!allocator.holds(whole, 1));
        allocator.allocate(1, 1).unwrap();
    }
}
