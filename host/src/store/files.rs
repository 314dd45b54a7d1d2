//! A store's files, opened to be read or written.

use super::folder::{Reading, Series, Writing};
use super::{FileSet, Generation, Store, StoreError, Sums, Whole};
use crate::disk::Open;
use std::io;
use std::path::Path;

impl Store {
    /// A device's files of the current set.
    ///
    /// # Errors
    ///
    /// [`StoreError::Read`].
    pub fn reading(&self, device: usize) -> Result<Reading, StoreError> {
        let set = self.manifest.current().set;
        let files = self.series().open(self.disk.as_ref(), &self.folders[device], set, Open::ReadDirect)?;
        Ok(Reading { files, sums: self.sums[device].clone() })
    }

    /// A device's files of the other set, made if they are not there, to be written by step `step`. What they held stands no longer.
    ///
    /// # Panics
    ///
    /// After [`Store::back_to`] without [`Store::settle`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Write`].
    pub fn writing(&self, device: usize, step: u64) -> Result<Writing, StoreError> {
        self.begin(self.series(), device, 1 - self.manifest.current().set, step)
    }

    /// What a device's files of a set have to add up to, and the files.
    pub(super) fn reading_of(&self, device: usize, files: &FileSet<'_>) -> Result<Reading, StoreError> {
        let folder = &self.folders[device];
        let sums = self.whole().sums(&files.series, (device, folder), (files.set, files.step), files.parts[device])?;
        let files = files.series.open(self.disk.as_ref(), folder, files.set, Open::ReadDirect)?;
        Ok(Reading { files, sums })
    }

    /// A device's files of a set, to be written.
    pub(super) fn begin(&self, series: Series, device: usize, set: u8, step: u64) -> Result<Writing, StoreError> {
        assert!(!self.unsettled, "what is written over is forgotten first");
        let folder = &self.folders[device];
        self.forget(&series, folder, set)?;
        self.make_missing(&series, device, set)?;
        Ok(Writing {
            disk: self.disk.clone(),
            folder: folder.clone(),
            store: self.manifest.id.clone(),
            device,
            set,
            step,
            subgroups: self.layout.of_device(device).copied().collect(),
            files: series.open(self.disk.as_ref(), folder, set, Open::WriteDirect)?,
            series,
        })
    }

    /// What the state's files of a generation have to add up to, if all its parts are there, the residual's too, and their files have the
    /// right lengths.
    pub(super) fn generation_sums(&self, generation: &Generation) -> Result<Vec<Sums>, StoreError> {
        let mut of_state = None;
        for files in generation.file_sets(&self.hyper()) {
            let devices = self.folders.iter().enumerate();
            let at = (files.set, files.step);
            let of = |(device, folder)| self.whole().sums(&files.series, (device, folder), at, files.parts[device]);
            let sums = devices.map(|(device, folder)| of((device, folder.as_path()))).collect::<Result<Vec<_>, _>>()?;
            of_state.get_or_insert(sums);
        }
        Ok(of_state.unwrap_or_default())
    }

    fn whole(&self) -> Whole<'_> {
        Whole { disk: self.disk.as_ref(), manifest: &self.manifest, layout: &self.layout }
    }

    /// Makes the files of a set that are not there, or have no room yet. Their names become durable with the part.
    fn make_missing(&self, series: &Series, device: usize, set: u8) -> Result<(), StoreError> {
        let bytes = self.layout.file_bytes(device);
        for run in 0..series.runs.len() {
            let path = series.run_path(&self.folders[device], run, set);
            let made = match self.disk.open(&path, Open::Read).and_then(|file| file.length()) {
                Ok(length) if length == bytes => continue,
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => self.disk.open(&path, Open::Create).and_then(|file| file.allocate(bytes)),
            };
            made.map_err(|source| StoreError::Write { path, source })?;
        }
        Ok(())
    }

    /// Removes the checksums of a set, durably, before it is written into.
    fn forget(&self, series: &Series, folder: &Path, set: u8) -> Result<(), StoreError> {
        let path = series.part_path(folder, set);
        match self.disk.remove(&path).and_then(|()| self.disk.sync_folder(folder)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(StoreError::Write { path, source }),
            _ => Ok(()),
        }
    }
}
