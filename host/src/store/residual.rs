//! What steps have not sent of their gradients: two sets of files, as of the state, of which each generation names one.

use super::{Reading, ResidualEntry, Series, Store, StoreError, Writing};

/// A residual that was written, for the commit.
#[derive(Clone, Debug, PartialEq)]
pub struct Unsent {
    /// What [`Writing::finish`] gave, a device each.
    pub parts: Vec<u32>,
    /// What the gradients were multiplied by.
    pub scale: f32,
}

impl Store {
    /// A device's residual, if there is one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Read`] and [`StoreError::Damaged`].
    pub fn residual(&self, device: usize) -> Result<Option<Reading>, StoreError> {
        let sets = self.manifest.current().file_sets(&self.hyper());
        sets.get(1).map(|files| self.reading_of(device, files)).transpose()
    }

    /// The same, and the files of the other set, to hold what step `step` does not send. They are made when they are first needed.
    ///
    /// # Errors
    ///
    /// As [`Store::residual`], and [`StoreError::Write`].
    pub fn keeping(&self, device: usize, step: u64) -> Result<(Option<Reading>, Writing), StoreError> {
        let reading = self.residual(device)?;
        Ok((reading, self.begin(Series::residual(), device, self.other_residual(), step)?))
    }

    /// What the manifest says of the residual that was written by a step.
    pub(super) fn residual_of(&self, step: u64, unsent: Unsent) -> ResidualEntry {
        let Unsent { parts, scale } = unsent;
        ResidualEntry { set: self.other_residual(), parts, step, scale }
    }

    fn other_residual(&self) -> u8 {
        self.manifest.current().residual.as_ref().map_or(0, |residual| 1 - residual.set)
    }
}
