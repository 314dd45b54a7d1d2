//! A copy of the state that counts, as a store of its own, while another process goes on with the steps.
//!
//! The store's lock is not taken. What makes that safe is the order in which a step works: before it writes into a set of files it
//! removes their part, durably. So a copy is whole if, after all of it was made, the parts are still there with the checksums that the
//! manifest had before. Otherwise the copy is made again of what counts by then.
//!
//! A snapshot has an id of its own, and parts that name it: a folder of the snapshot among those of the store is refused as what it is.

use super::check::Checker;
use super::folder::{self, write_part};
use super::part::{Origin, Part};
use super::site::Site;
use super::{read_home, FileSet, Generation, Layout, Manifest, ResidualEntry, StoreError, Sums, Whole};
use crate::disk::{read_exact, write_all, Aligned, Disk, Open};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes that are copied at once.
const PIECE: u64 = 8 << 20;
/// How often a copy is begun. Each time at least one step was done meanwhile, so that more would hardly help.
const ATTEMPTS: u32 = 8;

/// What a snapshot came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Its step.
    pub step: u64,
    /// Files that share their bytes with the store's until one of them is written.
    pub shared_files: u64,
    /// Files that were copied, because the file system cannot share.
    pub copied_files: u64,
    /// Bytes of these.
    pub copied_bytes: u64,
    /// How often it was begun.
    pub attempts: u32,
    /// Gradients that the store has accumulated for its next step; they are not in the snapshot.
    pub accumulated: u64,
}

/// Makes a snapshot of the store in `from` in `to`, as many folders. Its other set of files is made when its first step needs it.
/// `progress` hears how many bytes were copied and verified in this attempt.
///
/// # Errors
///
/// [`StoreError::Overtaken`] if steps are faster than copying, what opening a store and what [`super::create`] says, and
/// [`StoreError::Damaged`]; nothing is left then.
pub fn snapshot(
    disk: &Arc<dyn Disk>,
    from: &[PathBuf],
    to: &[PathBuf],
    progress: &mut dyn FnMut(u64),
) -> Result<Snapshot, StoreError> {
    for folder in from {
        folder::check_private(disk.as_ref(), folder)?;
    }
    read_home(disk.as_ref(), from)?;
    if from.len() != to.len() {
        let (has, given) = (from.len(), to.len());
        let what = format!(
            "the store has {has} folders, but {given} are named for its snapshot; name {has}, and reshard the snapshot later"
        );
        return Err(StoreError::Folders { what });
    }
    Site::new(disk, to)?.build(|site| {
        let mut doubted = false;
        for attempt in 1..=ATTEMPTS {
            let manifest = read_home(disk.as_ref(), from)?;
            let layout = manifest.layout();
            let sets = manifest.current().file_sets(&manifest.optimizer.hyper());
            let source = Source { disk: disk.as_ref(), from, manifest: &manifest, layout: &layout, sets };
            let mut done = 0;
            let mut count = |bytes| {
                done += bytes;
                progress(done);
            };
            if let Some((sums, copied)) = source.copy(site, &mut count)? {
                match source.finish(site, &sums, &mut count) {
                    // A step that went back and was done again leaves the same parts, and may have been writing while it was copied.
                    Err(StoreError::Damaged { path, what }) if !doubted => {
                        tracing::info!("{}: {what}; it is copied again", path.display());
                        doubted = true;
                        continue;
                    }
                    finished => finished?,
                }
                let step = manifest.current().progress.step;
                let accumulated = manifest.accumulated.as_ref().map_or(0, |accumulated| accumulated.count);
                return Ok(Snapshot { step, attempts: attempt, accumulated, ..copied });
            }
            tracing::info!(attempt, "a step has begun to write over what was being copied");
        }
        Err(StoreError::Overtaken { store: super::name(from), attempts: ATTEMPTS })
    })
}

/// The generation that is being copied.
struct Source<'a> {
    disk: &'a dyn Disk,
    from: &'a [PathBuf],
    manifest: &'a Manifest,
    layout: &'a Layout,
    sets: Vec<FileSet<'a>>,
}

/// What the files of a set add up to, a device each.
type SetSums = Vec<Vec<Sums>>;

impl Source<'_> {
    /// Copies the files of all devices; gives what they add up to, or nothing if a step has begun to write into them.
    fn copy(&self, site: &Site<'_>, count: &mut dyn FnMut(u64)) -> Result<Option<(SetSums, Snapshot)>, StoreError> {
        let copied = self.try_copy(site, count).and_then(|copied| {
            self.stand()?;
            Ok(copied)
        });
        match copied {
            Ok(copied) => Ok(Some(copied)),
            // Whatever is missing or other than expected: it is the steps' doing if another state counts now, and else damage.
            Err(StoreError::Damaged { .. } | StoreError::Read { .. }) if self.is_overtaken()? => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn try_copy(&self, site: &Site<'_>, count: &mut dyn FnMut(u64)) -> Result<(SetSums, Snapshot), StoreError> {
        let whole = Whole { disk: self.disk, manifest: self.manifest, layout: self.layout };
        let mut all = Vec::new();
        let mut copied = Snapshot::default();
        let mut memory = Aligned::new(PIECE as usize)
            .map_err(|source| StoreError::Write { path: site.places[0].clone(), source })?;
        for FileSet { series, set, step, parts } in &self.sets {
            let mut of_set = Vec::new();
            for (device, folder) in self.from.iter().enumerate() {
                of_set.push(whole.sums(series, (device, folder), (*set, *step), parts[device])?);
                for run in 0..series.runs.len() {
                    // Copying takes long; what is in vain is given up early.
                    self.stand()?;
                    let (from, to) =
                        (series.run_path(folder, run, *set), series.run_path(&site.places[device], run, 0));
                    // Of an attempt before.
                    let _ = self.disk.remove(&to);
                    match self.disk.share(&from, &to) {
                        Ok(()) => {
                            let synced = self.disk.open(&to, Open::WriteDirect).and_then(|file| file.sync());
                            synced.map_err(|source| StoreError::Write { path: to.clone(), source })?;
                            copied.shared_files += 1;
                        }
                        Err(_) => {
                            let bytes = self.layout.file_bytes(device);
                            self.copy_file(site, (&from, &to), bytes, &mut memory, count)?;
                            copied.copied_files += 1;
                            copied.copied_bytes += bytes;
                        }
                    }
                }
            }
            all.push(of_set);
        }
        Ok((all, copied))
    }

    fn copy_file(
        &self,
        site: &Site<'_>,
        (from, to): (&Path, &Path),
        bytes: u64,
        memory: &mut Aligned,
        count: &mut dyn FnMut(u64),
    ) -> Result<(), StoreError> {
        let read = |source| StoreError::Read { path: from.into(), source };
        let write = |source| StoreError::Write { path: to.into(), source };
        let source = self.disk.open(from, Open::ReadDirect).map_err(read)?;
        let target = site.empty(to, bytes)?;
        for first in (0..bytes).step_by(PIECE as usize) {
            let here = &mut memory.bytes_mut()[..(bytes - first).min(PIECE) as usize];
            read_exact(source.as_ref(), here, first).map_err(read)?;
            write_all(target.as_ref(), here, first).map_err(write)?;
            count(here.len() as u64);
        }
        target.sync().map_err(write)
    }

    /// An error if one of the parts is no longer there.
    fn stand(&self) -> Result<(), StoreError> {
        for FileSet { series, set, parts, .. } in &self.sets {
            for (folder, said) in self.from.iter().zip(*parts) {
                let path = series.part_path(folder, *set);
                let (_, found) = folder::read_part(self.disk, &path)?;
                if found != *said {
                    let what = format!("it has the checksum {found:08x}, but the manifest means {said:08x}");
                    return Err(StoreError::Damaged { path, what });
                }
            }
        }
        Ok(())
    }

    /// Whether another state counts now. A step removes a part only after the manifest has ceased to mean it.
    fn is_overtaken(&self) -> Result<bool, StoreError> {
        let (now, before) = (read_home(self.disk, self.from)?, self.manifest.current());
        Ok((now.current().set, &now.current().parts) != (before.set, &before.parts))
    }

    /// Writes the parts and the manifest, and compares the copies with their checksums.
    fn finish(&self, site: &Site<'_>, sums: &SetSums, count: &mut dyn FnMut(u64)) -> Result<(), StoreError> {
        let current = self.manifest.current();
        let mut parts = Vec::new();
        // The residual may be of an earlier step than the state.
        for (FileSet { series, step, .. }, sums) in self.sets.iter().zip(sums) {
            let mut of_set = Vec::new();
            for (device, (place, sums)) in site.places.iter().zip(sums).enumerate() {
                let origin = Origin { store: &site.id, device, set: 0, step: *step };
                let part = Part::new(origin, &series.runs, self.layout.of_device(device), sums);
                of_set.push(write_part(self.disk, &series.part_path(place, 0), &part)?);
            }
            parts.push(of_set);
        }
        let mut parts = parts.into_iter();
        let of_state = parts.next().unwrap_or_default();
        let residual = current.residual.clone().zip(parts.next());
        let residual = residual.map(|(residual, parts)| ResidualEntry { set: 0, parts, ..residual });
        let generation = Generation { set: 0, parts: of_state, residual, ..current.clone() };
        let manifest = Manifest {
            id: site.id.clone(),
            generations: vec![generation.clone()],
            accumulated: None,
            ..self.manifest.clone()
        };
        folder::write_manifest(self.disk, &site.places[0], &manifest)
            .map_err(|source| StoreError::Write { path: folder::manifest_path(&site.places[0]), source })?;
        let checker = Checker { disk: self.disk, folders: &site.places, manifest: &manifest, layout: self.layout };
        let found = checker.damage(&generation, count)?;
        match found.first() {
            None => Ok(()),
            Some(finding) => {
                let folder = self.from[finding.device].clone();
                let place = site.places[finding.device].display().to_string();
                // Of the copy, which is gone when this is read.
                let what = finding.what.replace(&place, "the copy");
                Err(StoreError::Damaged { path: folder, what })
            }
        }
    }
}
