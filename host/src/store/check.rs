//! Whether a store is whole, and the way back to its older generation.

use super::reader::{add, damaged};
use super::{folder, lock, refuse_number, take, Accumulated, FileSet, Generation, Layout, Manifest, StoreError, Whole};
use crate::disk::{read_exact, Aligned, Disk, Open};
use nearfield_abi::checksum::Checksum;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes that are read at once.
const PIECE: u64 = 8 << 20;

/// What was found of a store.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Checked {
    /// The newest generation, and the older one while it stands.
    pub generations: Vec<Found>,
    /// Gradients that wait for a step, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accumulated: Option<FoundAccumulated>,
}

/// What was found of accumulated gradients.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FoundAccumulated {
    /// How many were added.
    pub count: u64,
    /// What is wrong with them; nothing, if they are whole.
    pub damage: Vec<Finding>,
}

/// What was found of one generation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// Its step.
    pub step: u64,
    /// Whether it is the state that counts.
    pub current: bool,
    /// What is wrong with it; nothing, if it is whole.
    pub damage: Vec<Finding>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The device.
    pub device: usize,
    /// What is wrong, with the file.
    pub what: String,
}

impl Finding {
    /// Without the advice that the error has for whoever meets it elsewhere: to run the check that found it.
    fn new(device: usize, error: StoreError) -> Finding {
        let what = match error {
            StoreError::Damaged { path, what } => format!("{}: {what}", path.display()),
            other => other.to_string(),
        };
        Finding { device, what }
    }
}

/// Reads every file of a store and compares it with its checksum, of both generations. The older one is gone as soon as a step has
/// begun to write over it: it is not told of then. Accumulated gradients are read too. `progress` hears how many bytes were read.
///
/// # Errors
///
/// When the store cannot be opened at all; damage is no error, but what is found.
pub fn check(disk: &Arc<dyn Disk>, folders: &[PathBuf], progress: &mut dyn FnMut(u64)) -> Result<Checked, StoreError> {
    let (manifest, _locks) = take(disk.as_ref(), folders)?;
    let layout = manifest.layout();
    let checker = Checker { disk: disk.as_ref(), folders, manifest: &manifest, layout: &layout };
    let mut generations = Vec::new();
    let mut done = 0;
    let mut count = |bytes| {
        done += bytes;
        progress(done);
    };
    for (number, generation) in manifest.generations.iter().enumerate() {
        let current = number == 0;
        if !current && !checker.stands(generation) {
            continue;
        }
        let damage = checker.damage(generation, &mut count)?;
        generations.push(Found { step: generation.progress.step, current, damage });
    }
    let accumulated = manifest.accumulated.as_ref().map(|accumulated| {
        let damage = checker.damage_in(&[accumulated.file_set()], &mut count)?;
        Ok(FoundAccumulated { count: accumulated.count, damage })
    });
    Ok(Checked { generations, accumulated: accumulated.transpose()? })
}

/// Bytes that [`check`] or [`repair`] reads at most, for a progress bar; 0 if no manifest can be read.
pub fn bytes_to_check(disk: &Arc<dyn Disk>, folders: &[PathBuf]) -> u64 {
    let Some(home) = folders.first() else { return 0 };
    let manifest = folder::read_manifest(disk.as_ref(), home);
    let Ok(manifest) = manifest.or_else(|_| folder::read_manifest_before(disk.as_ref(), home)) else { return 0 };
    let hyper = manifest.optimizer.hyper();
    let sets = manifest.generations.iter().flat_map(|generation| generation.file_sets(&hyper));
    let waiting = manifest.accumulated.iter().map(Accumulated::file_set);
    let runs: u64 = sets.chain(waiting).map(|files| files.series.runs.len() as u64).sum();
    4 * manifest.elements().unwrap_or(0) * runs
}

/// Makes the newest generation that is whole the one that counts; gives its step. For a store whose newest generation, or whose manifest, is
/// damaged: of the latter the one before is taken. Does nothing to a store that is whole.
///
/// # Errors
///
/// [`StoreError::NoWayBack`] if no generation is whole, and as [`check`].
pub fn repair(disk: &Arc<dyn Disk>, folders: &[PathBuf], progress: &mut dyn FnMut(u64)) -> Result<u64, StoreError> {
    let _locks = lock(disk.as_ref(), folders)?;
    let home = &folders[0];
    let mut done = 0;
    let mut count = |bytes| {
        done += bytes;
        progress(done);
    };
    let manifests = [folder::read_manifest(disk.as_ref(), home), folder::read_manifest_before(disk.as_ref(), home)];
    for (number, manifest) in manifests.into_iter().enumerate() {
        let Ok(manifest) = manifest else { continue };
        refuse_number(&manifest, folders)?;
        let layout = manifest.layout();
        let checker = Checker { disk: disk.as_ref(), folders, manifest: &manifest, layout: &layout };
        for (older, generation) in manifest.generations.iter().enumerate() {
            if !checker.stands(generation) || !checker.damage(generation, &mut count)?.is_empty() {
                continue;
            }
            if (number, older) != (0, 0) {
                let next = Manifest {
                    generations: manifest.generations[older..].into(),
                    accumulated: None,
                    ..manifest.clone()
                };
                let path = folder::manifest_path(home);
                folder::write_manifest(disk.as_ref(), home, &next)
                    .map_err(|source| StoreError::Write { path, source })?;
            }
            return Ok(generation.progress.step);
        }
    }
    Err(StoreError::NoWayBack { store: super::name(folders) })
}

/// Compares files with their checksums.
pub(super) struct Checker<'a> {
    pub disk: &'a dyn Disk,
    pub folders: &'a [PathBuf],
    pub manifest: &'a Manifest,
    pub layout: &'a Layout,
}

impl Checker<'_> {
    fn file_sets<'g>(&self, generation: &'g Generation) -> Vec<FileSet<'g>> {
        generation.file_sets(&self.manifest.optimizer.hyper())
    }

    /// Whether no step has begun to write over a generation.
    fn stands(&self, generation: &Generation) -> bool {
        self.file_sets(generation).iter().all(|files| {
            let parts = self.folders.iter().map(|folder| files.series.part_path(folder, files.set));
            parts.zip(files.parts).all(|(path, checksum)| {
                !matches!(folder::read_part(self.disk, &path), Ok((_, found)) if found != *checksum)
                    && self.disk.open(&path, Open::Read).is_ok()
            })
        })
    }

    /// What is wrong with a generation. `count` hears of bytes that were read.
    pub fn damage(&self, generation: &Generation, count: &mut dyn FnMut(u64)) -> Result<Vec<Finding>, StoreError> {
        self.damage_in(&self.file_sets(generation), count)
    }

    fn damage_in(&self, sets: &[FileSet<'_>], count: &mut dyn FnMut(u64)) -> Result<Vec<Finding>, StoreError> {
        let mut memory = Aligned::new(PIECE as usize)
            .map_err(|source| StoreError::Read { path: self.folders[0].clone(), source })?;
        let mut found = Vec::new();
        for files in sets {
            self.damage_of(files, &mut memory, &mut found, count)?;
        }
        Ok(found)
    }

    fn damage_of(
        &self,
        files: &FileSet<'_>,
        memory: &mut Aligned,
        found: &mut Vec<Finding>,
        count: &mut dyn FnMut(u64),
    ) -> Result<(), StoreError> {
        let whole = Whole { disk: self.disk, manifest: self.manifest, layout: self.layout };
        let FileSet { series, set, step, parts } = files;
        for (device, folder) in self.folders.iter().enumerate() {
            match whole.sums(series, (device, folder), (*set, *step), parts[device]) {
                Ok(sums) => {
                    for (subgroup, sums) in self.layout.of_device(device).zip(&sums) {
                        for (run, said) in sums.iter().enumerate() {
                            let path = series.run_path(folder, run, *set);
                            let seen = self.sum(&path, subgroup.offset, 4 * subgroup.elements, memory, count);
                            let wrong = match seen {
                                Ok(seen) if seen == *said => continue,
                                Ok(seen) => damaged(path, subgroup.number, *said, seen),
                                Err(source) => StoreError::Read { path, source },
                            };
                            found.push(Finding::new(device, wrong));
                        }
                    }
                }
                Err(error @ StoreError::Folders { .. }) => return Err(error),
                Err(error) => found.push(Finding::new(device, error)),
            }
        }
        Ok(())
    }

    fn sum(
        &self,
        path: &std::path::Path,
        offset: u64,
        bytes: u64,
        memory: &mut Aligned,
        count: &mut dyn FnMut(u64),
    ) -> std::io::Result<Checksum> {
        let file = self.disk.open(path, Open::ReadDirect)?;
        let mut sum = Checksum::default();
        for first in (0..bytes).step_by(PIECE as usize) {
            let here = (bytes - first).min(PIECE);
            let whole = here.next_multiple_of(crate::disk::BLOCK as u64) as usize;
            read_exact(file.as_ref(), &mut memory.bytes_mut()[..whole], offset + first)?;
            sum = add(sum, Checksum::of(&memory.bytes()[..here as usize]), first / 4);
            count(here);
        }
        Ok(sum)
    }
}
