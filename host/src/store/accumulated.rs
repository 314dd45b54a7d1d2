//! The files of accumulated gradients: two sets, as of the state, of which the manifest names one.

use super::{Accumulated, FileSet, Manifest, Reading, Series, Store, StoreError, Writing};
use nearfield_model::gradient_norm::SquareSum;

impl Accumulated {
    /// Their files.
    pub(super) fn file_set(&self) -> FileSet<'_> {
        FileSet { series: Series::accumulated(), set: self.set, step: self.count, parts: &self.parts }
    }
}

impl Store {
    /// A device's accumulated gradients, if there are any.
    ///
    /// # Errors
    ///
    /// [`StoreError::Read`] and [`StoreError::Damaged`].
    pub fn accumulated(&self, device: usize) -> Result<Option<Reading>, StoreError> {
        let files = self.manifest.accumulated.as_ref().map(Accumulated::file_set);
        files.map(|files| self.reading_of(device, &files)).transpose()
    }

    /// The same, and the files of the other set, to hold the sums of `count` gradients. They are made when they are first needed.
    ///
    /// # Errors
    ///
    /// As [`Store::accumulated`], and [`StoreError::Write`].
    pub fn accumulating(&self, device: usize, count: u64) -> Result<(Option<Reading>, Writing), StoreError> {
        let reading = self.accumulated(device)?;
        let set = self.manifest.accumulated.as_ref().map_or(0, |accumulated| 1 - accumulated.set);
        Ok((reading, self.begin(Series::accumulated(), device, set, count)?))
    }

    /// Makes what [`Store::accumulating`]'s files hold the gradients that wait for a step.
    ///
    /// # Errors
    ///
    /// As [`Store::commit`].
    pub fn commit_accumulated(&mut self, parts: Vec<u32>, count: u64, squares: &SquareSum) -> Result<(), StoreError> {
        let set = self.manifest.accumulated.as_ref().map_or(0, |accumulated| 1 - accumulated.set);
        let accumulated = Some(Accumulated::new(set, parts, count, squares));
        self.rename_manifest(Manifest { accumulated, ..self.manifest.clone() })
    }

    /// Forgets accumulated gradients, whose step is skipped.
    ///
    /// # Errors
    ///
    /// As [`Store::commit`].
    pub fn drop_accumulated(&mut self) -> Result<(), StoreError> {
        match self.manifest.accumulated {
            None => Ok(()),
            Some(_) => self.rename_manifest(Manifest { accumulated: None, ..self.manifest.clone() }),
        }
    }
}
