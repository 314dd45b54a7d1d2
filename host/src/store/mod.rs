//! The optimizer state of a model on one or several devices, a folder each.
//!
//! ```text
//! manifest.toml               first folder only: what the state is, and which set of files counts
//! manifest-before.toml        what it was before the last step
//! lock                        held by the process that has the store open
//! state-0.toml                checksums of a set of files, a part of a generation
//! params-0.f32                flat runs of the device's subgroups, each on a block of 4 KiB; little-endian
//! exp_avg-0.f32 …             -0 and -1 take turns
//! residual-0.f32 …            what steps have not sent of their gradients, with checksums of its own, if they keep it
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
mod files;
mod folder;
mod generation;
mod layout;
mod manifest;
mod part;
mod reader;
mod reshard;
mod residual;
mod sealed;
mod site;
mod snapshot;
mod whole;

pub use check::{bytes_to_check, check, repair, Checked, Finding, Found, FoundAccumulated};
pub use create::{create, Contents};
pub use entry::OptimizerEntry;
pub use error::StoreError;
pub use folder::{Reading, Series, Writing};
pub use generation::{Generation, LossScaleEntry, Progress, ResidualEntry, RECORD_BYTES, STEPS};
pub use layout::{padded_bytes, Layout, Piece, Subgroup, LEAST_SUBGROUP_ELEMENTS, MOST_DEVICES, SUBGROUP_ELEMENTS};
pub use manifest::{by_tensor, Accumulated, GroupEntry, Manifest, Model, TensorEntry};
pub use part::Sums;
pub use reader::Reader;
pub(crate) use reader::{add as sum_with, damaged};
pub use reshard::reshard;
pub use residual::Unsent;
pub use snapshot::{snapshot, Snapshot};

use crate::disk::{self, Disk};
use generation::FileSet;
use nearfield_model::optimizer::{BetaPowers, Hyper};
use nearfield_model::scale::LossScale;
use std::any::Any;
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
    /// Whether it goes back to a step while the one on the disk does not yet.
    unsettled: bool,
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
            unsettled: false,
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

    /// Goes back to a step at which the store stands. On the disk what was done after it is forgotten with [`Store::settle`], or with the next change
    /// of the manifest.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchStep`].
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
        self.manifest = Manifest { generations: vec![older], accumulated: None, ..self.manifest.clone() };
        (self.sums, self.unsettled) = (sums, true);
        Ok(())
    }

    /// Forgets on the disk too what was done after the step that [`Store::back_to`] went back to: before anything is written over it.
    ///
    /// # Errors
    ///
    /// As [`Store::commit`].
    pub fn settle(&mut self) -> Result<(), StoreError> {
        match self.unsettled {
            true => self.rename_manifest(self.manifest.clone()),
            false => Ok(()),
        }
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
    /// `sums` are the checksums it was given. `unsent` is what was written into [`Store::keeping`]'s files; without, the residual stays as it was.
    ///
    /// # Panics
    ///
    /// If there are more or fewer parts than devices.
    ///
    /// # Errors
    ///
    /// [`StoreError::Write`]: the store is then what it was before. [`StoreError::Unsynced`] if only the last sync failed,
    /// [`StoreError::Unknown`] if it cannot be told whether the step is in the store.
    pub fn commit(
        &mut self,
        next: Next,
        parts: Vec<u32>,
        sums: Vec<Sums>,
        unsent: Option<Unsent>,
    ) -> Result<(), StoreError> {
        assert_eq!((parts.len(), sums.len()), (self.folders.len(), self.folders.len()), "a part a device");
        let current = self.manifest.current().clone();
        let record = next.record.map_or_else(|| current.record.clone(), |bytes| create::hexadecimal(&bytes));
        let generation = Generation {
            set: 1 - current.set,
            parts,
            record,
            progress: Progress::of(&next.powers),
            loss_scale: next.loss_scale.map(LossScaleEntry::from).or(current.loss_scale),
            residual: unsent.map(|unsent| self.residual_of(next.powers.step, unsent)).or(current.residual.clone()),
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
                    (self.manifest, self.unsettled) = (next, false);
                    StoreError::Unsynced { folder: home, source }
                }
                Ok(_) => StoreError::Write { path: folder::manifest_path(&home), source },
                Err(again) => StoreError::Unknown { folder: home, source, again: Box::new(again) },
            });
        }
        (self.manifest, self.unsettled) = (next, false);
        Ok(())
    }
}

/// The folders of a store as a person names them.
pub(crate) fn name(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests;
