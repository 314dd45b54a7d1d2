//! The optimizer state of a model on one or several devices, a folder each.
//!
//! ```text
//! manifest.toml               first folder only: what the state is, and which set of files counts
//! manifest-before.toml        what it was before the last step
//! lock                        held by the process that has the store open
//! state-0.toml                checksums of a set of files, a part of a generation
//! params-0.f32                flat runs of the device's subgroups, each on a block of 4 KiB; little-endian
//! exp_avg-0.f32 …             -0 and -1 take turns
//! ```
//!
//! Which runs there are besides the parameters is the optimizer's: none, or any of exp_avg, exp_avg_sq, momentum_buffer.
//!
//! A step reads one set and writes the other; every device makes its files durable and writes their checksums down; then the manifest
//! is renamed into place, and with that the step is done, on all devices at once. Killed at any moment, the store opens at the
//! step before or after. The set that was read stays whole until the next step begins to write into it, so that whoever has several
//! stores to keep in step can go back ([`Store::back_to`]). Tensor names never become file names.

mod accumulated;
mod check;
mod create;
mod entry;
mod error;
mod folder;
mod layout;
mod manifest;
mod part;
mod reader;
mod reshard;
mod sealed;
mod site;
mod snapshot;
mod whole;

pub use check::{bytes_to_check, check, repair, Finding, Found};
pub use create::{create, Contents};
pub use entry::OptimizerEntry;
pub use error::StoreError;
pub use folder::{Reading, Series, Writing};
pub use layout::{padded_bytes, Layout, Piece, Subgroup, LEAST_SUBGROUP_ELEMENTS, MOST_DEVICES, SUBGROUP_ELEMENTS};
pub use manifest::{
    by_tensor, Accumulated, Generation, GroupEntry, LossScaleEntry, Manifest, Model, Progress, TensorEntry,
    RECORD_BYTES, STEPS,
};
pub use part::Sums;
pub use reader::Reader;
pub(crate) use reader::{add as sum_with, damaged};
pub use reshard::reshard;
pub use snapshot::{snapshot, Snapshot};

use crate::disk::{self, Disk, Open};
use nearfield_model::optimizer::{BetaPowers, Hyper};
use nearfield_model::scale::LossScale;
use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use whole::{lock, read_home, refuse_number, take, Whole};

/// The flat runs of a store, in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Parameters.
    pub params: Vec<f32>,
    /// The optimizer's states, each as long as the parameters, in the order of [`Hyper::states`].
    pub states: Vec<Vec<f32>>,
}

impl State {
    /// Parameters before the first step: the states are zero.
    pub fn new(params: Vec<f32>, hyper: &Hyper) -> State {
        State { states: vec![vec![0.0; params.len()]; hyper.states().len()], params }
    }
}

/// The optimizer's state as a series of files: the parameters, then the states.
fn state_series(hyper: &Hyper) -> Series {
    Series { name: "state", runs: [&["params"], hyper.states()].concat() }
}

/// What a step leads to besides the files.
#[derive(Clone, Debug)]
pub struct Next {
    /// The beta products of the step.
    pub powers: BetaPowers,
    /// The dynamic loss scale, if there is one.
    pub loss_scale: Option<LossScale>,
    /// A caller's record; `None` keeps the one before.
    pub record: Option<Vec<u8>>,
}

impl Next {
    /// A step with no loss scale and no record.
    pub fn of(powers: BetaPowers) -> Next {
        Next { powers, loss_scale: None, record: None }
    }
}

/// An open store. No other process can open it while this one lives.
#[derive(Debug)]
pub struct Store {
    disk: Arc<dyn Disk>,
    folders: Vec<PathBuf>,
    manifest: Manifest,
    layout: Layout,
    /// Of each device, what the current set adds up to.
    sums: Vec<Sums>,
    _locks: Vec<Box<dyn Any + Send + Sync>>,
}

impl Store {
    /// Whether a folder looks like one of a store, so that nothing else is written there.
    pub fn is_at(folder: &Path) -> bool {
        folder::is_store(folder)
    }

    /// Opens a store, given its folders in their order, checks its manifest, its parts and the lengths of its files, and holds it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`], [`StoreError::Held`], [`StoreError::OpenToOthers`], [`StoreError::Folders`] and
    /// [`StoreError::Damaged`].
    pub fn open(folders: &[PathBuf]) -> Result<Store, StoreError> {
        Store::open_on(disk::system(), folders)
    }

    /// The same on another file system.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open_on(disk: Arc<dyn Disk>, folders: &[PathBuf]) -> Result<Store, StoreError> {
        let (manifest, locks) = take(disk.as_ref(), folders)?;
        let mut store = Store {
            layout: manifest.layout(),
            sums: Vec::new(),
            folders: folders.into(),
            disk,
            manifest,
            _locks: locks,
        };
        store.sums = store.generation_sums(&store.manifest.generations[0].clone())?;
        for folder in folders {
            folder::sweep(store.disk.as_ref(), folder)?;
        }
        let step = store.manifest.current().progress.step;
        tracing::info!(step, elements = store.elements(), "opened {}", store.name());
        Ok(store)
    }

    /// What the state is.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where elements lie.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The folders, a device each.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// The file system it lies on.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// The folders as a person names them.
    pub fn name(&self) -> String {
        name(&self.folders)
    }

    /// Elements of each flat run.
    pub fn elements(&self) -> u64 {
        // `parse` has refused a sum that overflows.
        self.manifest.elements().unwrap_or(0)
    }

    /// The optimizer's hyper-parameters, those of a group that has none of its own.
    pub fn hyper(&self) -> Hyper {
        self.manifest.optimizer.hyper()
    }

    /// The state's flat runs.
    pub fn series(&self) -> Series {
        state_series(&self.hyper())
    }

    /// The beta products of the last step.
    pub fn powers(&self) -> BetaPowers {
        self.manifest.current().progress.powers(&self.hyper())
    }

    /// The dynamic loss scale of the next gradients: the initial one before a step used it.
    pub fn loss_scale(&self) -> LossScale {
        self.manifest.current().loss_scale.map(LossScale::from).unwrap_or_default()
    }

    /// The steps at which the store stands: the last one, and the one before while that is whole.
    pub fn steps(&self) -> Vec<u64> {
        let older = self.manifest.generations[1..].iter().filter(|older| self.generation_sums(older).is_ok());
        [self.manifest.current()].into_iter().chain(older).map(|generation| generation.progress.step).collect()
    }

    /// Goes back to a step at which the store stands: what was done after it is forgotten.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchStep`], or as [`Store::commit`].
    pub fn back_to(&mut self, step: u64) -> Result<(), StoreError> {
        let current = self.manifest.current().progress.step;
        if current == step {
            return Ok(());
        }
        let older = self.manifest.generations[1..].iter().find(|older| older.progress.step == step).cloned();
        let Some((older, sums)) = older.and_then(|older| Some((older.clone(), self.generation_sums(&older).ok()?)))
        else {
            return Err(StoreError::NoSuchStep { store: self.name(), step, stands: self.steps() });
        };
        let next = Manifest { generations: vec![older], accumulated: None, ..self.manifest.clone() };
        self.rename_manifest(next)?;
        self.sums = sums;
        Ok(())
    }

    /// Everything in memory: for models that fit, and for tests.
    ///
    /// # Errors
    ///
    /// [`StoreError::Read`] and [`StoreError::Damaged`].
    pub fn load(&self) -> Result<State, StoreError> {
        let mut reader = self.reader()?;
        let elements = self.elements() as usize;
        let mut runs = (0..self.series().runs.len()).map(|run| {
            let mut data = vec![0.0; elements];
            reader.read(run, 0, &mut data)?;
            Ok(data)
        });
        let params = runs.next().unwrap_or_else(|| Ok(Vec::new()))?;
        let states = runs.collect::<Result<_, StoreError>>()?;
        reader.verify()?;
        Ok(State { params, states })
    }

    /// Reads any part of the current set, and checks it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Read`].
    pub fn reader(&self) -> Result<Reader<'_>, StoreError> {
        Reader::new(self)
    }

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
    /// # Errors
    ///
    /// [`StoreError::Write`].
    pub fn writing(&self, device: usize, step: u64) -> Result<Writing, StoreError> {
        let set = 1 - self.manifest.current().set;
        let (series, folder) = (self.series(), &self.folders[device]);
        self.forget(&series, folder, set)?;
        self.make_missing(&series, device, set)?;
        let files = series.open(self.disk.as_ref(), folder, set, Open::WriteDirect)?;
        Ok(self.writing_files(device, set, step, series, files))
    }

    fn writing_files(&self, device: usize, set: u8, step: u64, series: Series, files: folder::Files) -> Writing {
        Writing {
            disk: self.disk.clone(),
            folder: self.folders[device].clone(),
            store: self.manifest.id.clone(),
            device,
            set,
            step,
            series,
            subgroups: self.layout.of_device(device).copied().collect(),
            files,
        }
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

    /// Keeps another loss scale, after a step that was skipped.
    ///
    /// # Errors
    ///
    /// As [`Store::commit`].
    pub fn keep_loss_scale(&mut self, loss_scale: LossScale) -> Result<(), StoreError> {
        let mut next = self.manifest.clone();
        next.generations[0].loss_scale = Some(loss_scale.into());
        self.rename_manifest(next)
    }

    /// Makes what [`Store::writing`]'s files hold the state that counts, and forgets accumulated gradients: a step was done. `parts` are what [`Writing::finish`] gave, a device each;
    /// `sums` are the checksums it was given.
    ///
    /// # Panics
    ///
    /// If there are more or fewer parts than devices.
    ///
    /// # Errors
    ///
    /// [`StoreError::Write`]: the store is then what it was before. [`StoreError::Unsynced`] if only the last sync failed,
    /// [`StoreError::Unknown`] if it cannot be told whether the step is in the store.
    pub fn commit(&mut self, next: Next, parts: Vec<u32>, sums: Vec<Sums>) -> Result<(), StoreError> {
        assert_eq!((parts.len(), sums.len()), (self.folders.len(), self.folders.len()), "a part a device");
        let current = self.manifest.current().clone();
        let record = next.record.map_or_else(|| current.record.clone(), |bytes| create::hexadecimal(&bytes));
        let generation = Generation {
            set: 1 - current.set,
            parts,
            record,
            progress: Progress::of(&next.powers),
            loss_scale: next.loss_scale.map(LossScaleEntry::from).or(current.loss_scale),
        };
        let generations = vec![generation, current];
        let manifest = Manifest { generations, accumulated: None, ..self.manifest.clone() };
        let home = &self.folders[0];
        folder::keep_manifest(self.disk.as_ref(), home, &self.manifest)
            .map_err(|source| StoreError::Write { path: folder::manifest_path(home), source })?;
        let committed = self.rename_manifest(manifest);
        if matches!(committed, Ok(()) | Err(StoreError::Unsynced { .. })) {
            self.sums = sums;
        }
        committed
    }

    /// Replaces the manifest. Which one counts after an error is what the disk says: renaming may have been done before it.
    fn rename_manifest(&mut self, next: Manifest) -> Result<(), StoreError> {
        let home = self.folders[0].clone();
        if let Err(source) = folder::write_manifest(self.disk.as_ref(), &home, &next) {
            return Err(match folder::read_manifest(self.disk.as_ref(), &home) {
                Ok(found) if found == next => {
                    self.manifest = next;
                    StoreError::Unsynced { folder: home, source }
                }
                Ok(_) => StoreError::Write { path: folder::manifest_path(&home), source },
                Err(again) => StoreError::Unknown { folder: home, source, again: Box::new(again) },
            });
        }
        self.manifest = next;
        Ok(())
    }

    /// What a generation's files have to add up to, if all its parts are there and their files have the right lengths.
    fn generation_sums(&self, generation: &Generation) -> Result<Vec<Sums>, StoreError> {
        let whole = Whole { disk: self.disk.as_ref(), manifest: &self.manifest, layout: &self.layout };
        let devices = self.folders.iter().enumerate();
        let step = generation.progress.step;
        let of = |(device, folder): (usize, &PathBuf)| {
            whole.sums(&self.series(), (device, folder), (generation.set, step), generation.parts[device])
        };
        devices.map(of).collect()
    }
}

/// The folders of a store as a person names them.
pub(crate) fn name(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests;
