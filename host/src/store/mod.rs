//! The optimizer state of a model, in one folder.
//!
//! ```text
//! manifest.toml               what the state is; renamed into place, and with it a step is committed
//! lock                        held by the process that has the store open
//! params-0.f32 …              one flat run a tensor kind, little-endian, in the order of the manifest's tensors;
//! exp_avg-0.f32 …             -0 and -1 take turns: the manifest names the set that counts
//! exp_avg_sq-0.f32 …
//! ```
//!
//! Which runs there are besides the parameters is the optimizer's: none, or any of exp_avg, exp_avg_sq, momentum_buffer.
//!
//! A step reads one set, writes the other, syncs it and commits by renaming the manifest, so a step that fails at any
//! moment leaves the state before it. This is the seam for a store on several devices: [`Store::load`] and
//! [`Store::commit`] are all that the rest of the program knows. Tensor names never become file names.

mod entry;
mod error;
mod folder;
mod manifest;

pub use entry::OptimizerEntry;
pub use error::StoreError;
pub use manifest::{by_tensor, LossScaleEntry, Manifest, Progress, TensorEntry};

use crate::durable;
use folder::Lock;
use nearfield_model::optimizer::{BetaPowers, Hyper};
use nearfield_model::scale::LossScale;
use std::path::{Path, PathBuf};

/// The flat runs of a store.
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

    /// Every flat run with its name.
    fn runs(&self, hyper: &Hyper) -> Vec<(&'static str, &[f32])> {
        let runs = [self.params.as_slice()].into_iter().chain(self.states.iter().map(Vec::as_slice));
        run_names(hyper).zip(runs).collect()
    }
}

/// The names of a store's flat runs: the parameters, then the optimizer's states.
fn run_names(hyper: &Hyper) -> impl Iterator<Item = &'static str> {
    [PARAMS].into_iter().chain(hyper.states().iter().copied())
}

const PARAMS: &str = "params";

/// An open store. No other process can open it while this one lives.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    manifest: Manifest,
    _lock: Lock,
}

impl Store {
    /// Makes a store at `folder`, which must not exist yet or be empty. On any error but the last one below nothing is left.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`], [`StoreError::NoParent`], [`StoreError::Write`] when the disk is full or the parent cannot
    /// be written, or [`StoreError::Unsynced`] if the store is made and only the last sync failed.
    pub fn create(folder: &Path, tensors: Vec<TensorEntry>, hyper: &Hyper, state: &State) -> Result<(), StoreError> {
        if !folder::is_free(folder)? {
            return Err(StoreError::Exists { folder: folder.into() });
        }
        if !durable::folder_of(folder).is_dir() {
            return Err(StoreError::NoParent { folder: folder.into() });
        }
        let manifest = Manifest::new(tensors, hyper);
        assert_eq!(manifest.elements(), Some(state.params.len() as u64), "tensors and state have one length");
        assert_eq!(state.states.len(), hyper.states().len(), "the states are the optimizer's");
        // Built beside the final place and renamed, so that there is never half a store.
        let beside = folder::temporary_beside(folder)?;
        folder::write_set(beside.path(), manifest.generation, &state.runs(hyper))?;
        folder::write_manifest(beside.path(), &manifest)
            .map_err(|source| StoreError::Write { path: folder::manifest_path(folder), source })?;
        Lock::create(beside.path())?;
        folder::rename_into_place(beside, folder)
    }

    /// Whether a folder looks like a store, so that nothing else is written there.
    pub fn is_at(folder: &Path) -> bool {
        folder::is_store(folder)
    }

    /// Opens a store, checks its manifest and the lengths of its files, and holds it. What a killed process left in it is
    /// removed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`], [`StoreError::Held`], [`StoreError::OpenToOthers`] and [`StoreError::Damaged`].
    pub fn open(folder: &Path) -> Result<Store, StoreError> {
        folder::check_private(folder)?;
        let lock = Lock::take(folder)?;
        let manifest = folder::read_manifest(folder)?;
        let store = Store { folder: folder.into(), manifest, _lock: lock };
        for run in run_names(&store.hyper()) {
            folder::check_length(&store.run_path(run), store.elements())?;
        }
        folder::sweep(folder, &store.manifest)?;
        tracing::info!(step = store.manifest.progress.step, elements = store.elements(), "opened {}", folder.display());
        Ok(store)
    }

    /// What the state is.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Elements of each flat run.
    pub fn elements(&self) -> u64 {
        // `read_manifest` has refused a sum that overflows.
        self.manifest.elements().unwrap_or(0)
    }

    /// The optimizer's hyper-parameters.
    pub fn hyper(&self) -> Hyper {
        self.manifest.optimizer.hyper()
    }

    /// The beta products of the last step.
    pub fn powers(&self) -> BetaPowers {
        self.manifest.progress.powers(&self.hyper())
    }

    /// Reads the flat runs.
    pub fn load(&self) -> Result<State, StoreError> {
        let read = |run| folder::read_run(&self.run_path(run), self.elements());
        let states = self.hyper().states().iter().map(|run| read(run)).collect::<Result<_, _>>()?;
        Ok(State { params: read(PARAMS)?, states })
    }

    /// The dynamic loss scale of the next gradients: the initial one before a step used it.
    pub fn loss_scale(&self) -> LossScale {
        self.manifest.loss_scale.map(LossScale::from).unwrap_or_default()
    }

    /// Keeps another loss scale, after a step that was skipped.
    ///
    /// # Errors
    ///
    /// [`StoreError::Write`], or [`StoreError::Unsynced`] if only the last sync failed.
    pub fn keep_loss_scale(&mut self, loss_scale: LossScale) -> Result<(), StoreError> {
        let mut next = self.manifest.clone();
        next.loss_scale = Some(loss_scale.into());
        if let Err(source) = folder::write_manifest(&self.folder, &next) {
            let (folder, path) = (self.folder.clone(), folder::manifest_path(&self.folder));
            return Err(match folder::read_manifest(&folder) {
                Ok(found) if found == next => StoreError::Unsynced { folder, source },
                _ => StoreError::Write { path, source },
            });
        }
        self.manifest = next;
        Ok(())
    }

    /// Replaces the state by the one after the step that `powers` belongs to, and the loss scale, if there is one.
    ///
    /// # Panics
    ///
    /// If `state` has not as many runs, or not as long ones, as the store.
    ///
    /// # Errors
    ///
    /// [`StoreError::Write`], a full disk for example: the store is then what it was before. [`StoreError::Unsynced`] if only
    /// the last sync failed, [`StoreError::Unknown`] if it cannot be told whether the step is in the store.
    pub fn commit(
        &mut self,
        state: &State,
        powers: &BetaPowers,
        loss_scale: Option<LossScale>,
    ) -> Result<(), StoreError> {
        let (elements, states) = (self.elements(), self.hyper().states().len());
        let fits = state.runs(&self.hyper()).iter().all(|(_, run)| run.len() as u64 == elements);
        assert!(fits && state.states.len() == states, "the state is that of another store");
        let next = self.manifest.after(powers, loss_scale);
        folder::write_set(&self.folder, next.generation, &state.runs(&self.hyper()))?;
        if let Err(source) = folder::write_manifest(&self.folder, &next) {
            // Which set counts is what the manifest on the disk says: its renaming may have been done before the error.
            let folder = self.folder.clone();
            return Err(match folder::read_manifest(&folder) {
                Ok(found) if found == next => {
                    self.manifest = next;
                    StoreError::Unsynced { folder, source }
                }
                Ok(_) => {
                    folder::remove_set(&folder, next.generation, run_names(&next.optimizer.hyper()));
                    StoreError::Write { path: folder::manifest_path(&folder), source }
                }
                Err(again) => StoreError::Unknown { folder, source, again: Box::new(again) },
            });
        }
        // What was read for this step counts no longer; a crash before this line leaves it to the next commit.
        folder::remove_set(&self.folder, self.manifest.generation, run_names(&self.hyper()));
        self.manifest = next;
        Ok(())
    }

    fn run_path(&self, run: &str) -> PathBuf {
        self.folder.join(folder::run_name(run, self.manifest.generation))
    }
}

/// Writes and syncs a flat run; `path` is replaced when it is whole.
fn write_run(path: &Path, data: &[f32]) -> std::io::Result<()> {
    durable::replace(path, durable::Access::Owner, |file| file.write_all(bytemuck::cast_slice(data)))
}

#[cfg(test)]
mod tests;
