//! Any part of a store's current set, in any order, checked when all of it has been read.

use super::{Reading, Store, StoreError};
use crate::disk::{read_exact, Aligned, BLOCK};
use nearfield_abi::checksum::Checksum;

/// Bytes that are read at once.
const PIECE: usize = 1 << 20;

/// Reads the current set of a store.
#[derive(Debug)]
pub struct Reader<'a> {
    store: &'a Store,
    devices: Vec<Reading>,
    /// Of each subgroup and run, what was read so far.
    seen: Vec<Vec<Checksum>>,
    memory: Aligned,
}

impl<'a> Reader<'a> {
    pub(super) fn new(store: &'a Store) -> Result<Reader<'a>, StoreError> {
        let devices = (0..store.folders().len()).map(|device| {
            let mut reading = store.reading(device)?;
            if let Some(Reading { files, sums }) = store.residual(device)? {
                reading.files.extend(files);
                reading.sums.iter_mut().zip(sums).for_each(|(all, sums)| all.extend(sums));
            }
            Ok(reading)
        });
        let devices = devices.collect::<Result<Vec<Reading>, StoreError>>()?;
        let runs = devices.first().map_or(0, |reading| reading.files.len());
        let seen = vec![vec![Checksum::default(); runs]; store.layout().subgroups().len()];
        // Elements begin anywhere in a block.
        let memory = Aligned::new(PIECE + 2 * BLOCK)
            .map_err(|source| StoreError::Read { path: store.folders()[0].clone(), source })?;
        Ok(Reader { store, devices, seen, memory })
    }

    /// Flat runs: those of the state, and behind them the residual if there is one.
    pub fn runs(&self) -> usize {
        self.devices.first().map_or(0, |reading| reading.files.len())
    }

    /// Reads elements of a run, from `begin` on, counted through the model.
    ///
    /// # Panics
    ///
    /// If they leave the run, or there is no such run.
    ///
    /// # Errors
    ///
    /// [`StoreError::Read`].
    pub fn read(&mut self, run: usize, begin: u64, into: &mut [f32]) -> Result<(), StoreError> {
        let mut rest = into;
        let end = begin + rest.len() as u64;
        assert!(end <= self.store.elements(), "the elements of the run");
        for (subgroup, range) in self.store.layout().across(begin..end) {
            let (here, after) = rest.split_at_mut((range.end - range.start) as usize);
            rest = after;
            let (path, file) = &self.devices[subgroup.device].files[run];
            for (number, piece) in here.chunks_mut(PIECE / 4).enumerate() {
                let first = range.start - subgroup.begin + (number * PIECE / 4) as u64;
                let at = subgroup.offset + 4 * first;
                let block = at / BLOCK as u64 * BLOCK as u64;
                let before = (at - block) as usize;
                let bytes = (before + 4 * piece.len()).next_multiple_of(BLOCK);
                let memory = &mut self.memory.bytes_mut()[..bytes];
                read_exact(file.as_ref(), memory, block)
                    .map_err(|source| StoreError::Read { path: path.clone(), source })?;
                let data = &memory[before..before + 4 * piece.len()];
                bytemuck::cast_slice_mut(piece).copy_from_slice(data);
                self.seen[subgroup.number][run] = add(self.seen[subgroup.number][run], Checksum::of(data), first);
            }
        }
        Ok(())
    }

    /// Compares what was read with the checksums, of every subgroup of a run of which all was read, once.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`].
    pub fn verify(&self) -> Result<(), StoreError> {
        let mut places = vec![0; self.devices.len()];
        for subgroup in self.store.layout().subgroups() {
            let device = &self.devices[subgroup.device];
            let place = places[subgroup.device];
            places[subgroup.device] += 1;
            for (run, seen) in self.seen[subgroup.number].iter().enumerate() {
                if seen.words == subgroup.elements && *seen != device.sums[place][run] {
                    return Err(damaged(device.files[run].0.clone(), subgroup.number, device.sums[place][run], *seen));
                }
            }
        }
        Ok(())
    }
}

/// A subgroup's file does not hold what was written into it.
pub(crate) fn damaged(path: std::path::PathBuf, number: usize, said: Checksum, found: Checksum) -> StoreError {
    let what = format!(
        "subgroup {number} has the checksum {:016x} {:016x}, but {:016x} {:016x} was written",
        found.a, found.b, said.a, said.b
    );
    StoreError::Damaged { path, what }
}

/// A checksum with a piece that begins `first` words behind the start; pieces come in any order.
pub(crate) fn add(sum: Checksum, piece: Checksum, first: u64) -> Checksum {
    Checksum {
        a: sum.a.wrapping_add(piece.a),
        b: sum.b.wrapping_add(piece.b).wrapping_add(first.wrapping_mul(piece.a)),
        words: sum.words.wrapping_add(piece.words),
    }
}
