//! Gradients that are kept in the store: accumulated ones, and those that were not sent.

use super::{Form, GradientError, Source};
use crate::disk::read_exact;
use crate::store::{padded_bytes, sum_with, Piece, Reading, Store, StoreError, Sums};
use nearfield_abi::checksum::Checksum;
use std::sync::{Mutex, PoisonError};

/// Gradients in files of a store, to be read once.
#[derive(Debug)]
pub struct Kept {
    what: What,
    devices: Vec<Reading>,
    /// The place of each subgroup among its device's.
    places: Vec<usize>,
    seen: Mutex<Vec<Sums>>,
}

/// What they are.
#[derive(Clone, Copy, Debug)]
enum What {
    Accumulated,
    Residual,
}

impl What {
    fn error(self, text: String) -> GradientError {
        match self {
            What::Accumulated => GradientError::Accumulated(text),
            What::Residual => GradientError::Residual(text),
        }
    }
}

impl Kept {
    /// The accumulated gradients that wait for a step, if there are any.
    ///
    /// # Errors
    ///
    /// [`StoreError::Read`] and [`StoreError::Damaged`].
    pub fn accumulated(store: &Store) -> Result<Option<Kept>, StoreError> {
        Kept::open(store, What::Accumulated, |device| store.accumulated(device))
    }

    /// What steps have not sent, if they kept it.
    ///
    /// # Errors
    ///
    /// As [`Kept::accumulated`].
    pub fn residual(store: &Store) -> Result<Option<Kept>, StoreError> {
        Kept::open(store, What::Residual, |device| store.residual(device))
    }

    fn open(
        store: &Store,
        what: What,
        reading: impl Fn(usize) -> Result<Option<Reading>, StoreError>,
    ) -> Result<Option<Kept>, StoreError> {
        let devices = (0..store.folders().len()).map(reading);
        let Some(devices) = devices.collect::<Result<Option<Vec<_>>, _>>()? else { return Ok(None) };
        let mut counts = vec![0; devices.len()];
        let place = |subgroup: &crate::store::Subgroup| {
            counts[subgroup.device] += 1;
            counts[subgroup.device] - 1
        };
        let places = store.layout().subgroups().iter().map(place).collect();
        let nothing = |reading: &Reading| vec![vec![Checksum::default()]; reading.sums.len()];
        let seen = Mutex::new(devices.iter().map(nothing).collect());
        Ok(Some(Kept { what, devices, places, seen }))
    }
}

impl Source for Kept {
    fn form(&self) -> Form {
        Form::Fp32
    }

    fn most_bytes(&self, elements: u64) -> u64 {
        padded_bytes(elements)
    }

    fn read(&self, piece: &Piece, into: &mut [u8]) -> Result<usize, GradientError> {
        let (device, bytes) = (piece.subgroup.device, 4 * piece.elements as usize);
        let (path, file) = &self.devices[device].files[0];
        read_exact(file.as_ref(), &mut into[..padded_bytes(piece.elements) as usize], piece.offset())
            .map_err(|error| self.what.error(format!("{}: {error}", path.display())))?;
        let sum = Checksum::of(&into[..bytes]);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let total = &mut seen[device][self.places[piece.subgroup.number]][0];
        *total = sum_with(*total, sum, piece.first);
        Ok(bytes)
    }

    fn verify(&self) -> Result<(), GradientError> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (device, seen) in self.devices.iter().zip(seen.iter()) {
            if device.sums != *seen {
                let path = device.files[0].0.display();
                return Err(self.what.error(format!("{path} does not have the checksums it was written with")));
            }
        }
        Ok(())
    }
}
