//! The files of a store's folders.

use super::part::{Origin, Part, Sums};
use super::{Manifest, StoreError, Subgroup};
use crate::disk::{self, Disk, DiskFile, Open, UNFINISHED};
use crate::durable;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) const MANIFEST: &str = "manifest.toml";
/// What the manifest was before the last step.
const MANIFEST_BEFORE: &str = "manifest-before.toml";
pub(super) const LOCK: &str = "lock";
/// The longest manifest, or part, that is read.
const TEXT_BYTES: u64 = 256 << 20;

/// Open files with their paths.
pub type Files = Vec<(PathBuf, Arc<dyn DiskFile>)>;

/// Files of one length that are written and checked together: the optimizer's state, accumulated gradients, or the residual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// What the file with their checksums is called after.
    pub name: &'static str,
    /// The flat runs, a file each.
    pub runs: Vec<&'static str>,
}

impl Series {
    /// Accumulated gradients.
    pub fn accumulated() -> Series {
        Series { name: "accumulated", runs: vec!["accumulated"] }
    }

    /// What steps have not sent of their gradients.
    pub fn residual() -> Series {
        Series { name: "residual", runs: vec!["residual"] }
    }

    /// Where a run of a set lies: `params-0.f32`.
    pub(super) fn run_path(&self, folder: &Path, run: usize, set: u8) -> PathBuf {
        folder.join(format!("{}-{set}.f32", self.runs[run]))
    }

    /// Where its checksums lie: `state-0.toml`.
    pub(super) fn part_path(&self, folder: &Path, set: u8) -> PathBuf {
        folder.join(format!("{}-{set}.toml", self.name))
    }

    /// Opens the files of a set.
    pub(super) fn open(&self, disk: &dyn Disk, folder: &Path, set: u8, how: Open) -> Result<Files, StoreError> {
        let open = |run| {
            let path = self.run_path(folder, run, set);
            match disk.open(&path, how) {
                Ok(file) => Ok((path, file)),
                Err(source) if how == Open::ReadDirect => Err(StoreError::Read { path, source }),
                Err(source) => Err(StoreError::Write { path, source }),
            }
        };
        (0..self.runs.len()).map(open).collect()
    }
}

/// A device's files of a set, being read.
#[derive(Debug)]
pub struct Reading {
    /// A file a run, with its path.
    pub files: Files,
    /// What they have to add up to.
    pub sums: Sums,
}

/// A device's files of the other set, being written. They count for nothing until [`Writing::finish`] and the commit.
#[derive(Debug)]
pub struct Writing {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) folder: PathBuf,
    pub(super) store: String,
    pub(super) device: usize,
    pub(super) set: u8,
    pub(super) step: u64,
    pub(super) series: Series,
    pub(super) subgroups: Vec<Subgroup>,
    /// A file a run, with its path.
    pub files: Files,
}

impl Writing {
    /// Makes the files durable and writes down what they add up to; gives the part's checksum, for the commit.
    ///
    /// # Errors
    ///
    /// [`StoreError::Write`].
    pub fn finish(self, sums: &Sums) -> Result<u32, StoreError> {
        for (path, file) in &self.files {
            file.sync().map_err(|source| StoreError::Write { path: path.clone(), source })?;
        }
        let origin = Origin { store: &self.store, device: self.device, set: self.set, step: self.step };
        let part = Part::new(origin, &self.series.runs, self.subgroups.iter(), sums);
        write_part(self.disk.as_ref(), &self.series.part_path(&self.folder, self.set), &part)
    }
}

pub(super) fn write_part(disk: &dyn Disk, path: &Path, part: &Part) -> Result<u32, StoreError> {
    let write = |source| StoreError::Write { path: path.into(), source };
    let (text, sum) = part.text().map_err(|error| write(io::Error::other(error)))?;
    disk::replace(disk, path, text.as_bytes()).map_err(write)?;
    Ok(sum)
}

/// Reads a part, and its checksum.
pub(super) fn read_part(disk: &dyn Disk, path: &Path) -> Result<(Part, u32), StoreError> {
    let bytes = disk::read(disk, path, TEXT_BYTES)
        .map_err(|source| StoreError::Damaged { path: path.into(), what: format!("it cannot be read ({source})") })?;
    Part::parse(&bytes).map_err(|what| StoreError::Damaged { path: path.into(), what })
}

/// Whether nothing is there, or an empty folder.
pub(super) fn is_free(disk: &dyn Disk, folder: &Path) -> Result<bool, StoreError> {
    match disk.list(folder) {
        Ok(names) => Ok(names.is_empty()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(source) => Err(StoreError::Read { path: folder.into(), source }),
    }
}

/// Refuses a store that others could change under this process.
pub(super) fn check_private(disk: &dyn Disk, folder: &Path) -> Result<(), StoreError> {
    let mode = disk.mode(folder).map_err(|source| StoreError::Missing { folder: folder.into(), source })?;
    match mode & 0o022 {
        0 => Ok(()),
        _ => Err(StoreError::OpenToOthers { folder: folder.into() }),
    }
}

/// Whether a folder has files that a store has.
pub(super) fn is_store(folder: &Path) -> bool {
    folder.join(LOCK).is_file() && ["state-0.toml", "state-1.toml"].iter().any(|part| folder.join(part).is_file())
}

/// Removes unfinished files that a killed process left. Only the holder of the lock makes such files, so none of them is in use.
pub(super) fn sweep(disk: &dyn Disk, folder: &Path) -> Result<(), StoreError> {
    for name in disk.list(folder).map_err(|source| StoreError::Read { path: folder.into(), source })? {
        if name.as_os_str().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
            // What cannot be removed takes room and does no other harm.
            let _ = disk.remove(&folder.join(name));
        }
    }
    Ok(())
}

/// Where the manifest of a store lies.
pub(super) fn manifest_path(folder: &Path) -> PathBuf {
    folder.join(MANIFEST)
}

/// Replaces the manifest. After an error either the old or the new one is there: only syncing the folder may have failed.
pub(super) fn write_manifest(disk: &dyn Disk, folder: &Path, manifest: &Manifest) -> io::Result<()> {
    let text = manifest.text().map_err(io::Error::other)?;
    disk::replace(disk, &manifest_path(folder), text.as_bytes())
}

/// Keeps a manifest under another name, for [`super::repair`] should the next one be damaged.
pub(super) fn keep_manifest(disk: &dyn Disk, folder: &Path, manifest: &Manifest) -> io::Result<()> {
    let text = manifest.text().map_err(io::Error::other)?;
    disk::replace(disk, &folder.join(MANIFEST_BEFORE), text.as_bytes())
}

pub(super) fn read_manifest(disk: &dyn Disk, folder: &Path) -> Result<Manifest, StoreError> {
    read_manifest_at(disk, folder, manifest_path(folder))
}

/// Whether a folder has a manifest before the last one: only the first folder of a store does.
pub(super) fn has_manifest_before(disk: &dyn Disk, folder: &Path) -> bool {
    disk.open(&folder.join(MANIFEST_BEFORE), Open::Read).is_ok()
}

/// The manifest before the last one.
pub(super) fn read_manifest_before(disk: &dyn Disk, folder: &Path) -> Result<Manifest, StoreError> {
    read_manifest_at(disk, folder, folder.join(MANIFEST_BEFORE))
}

fn read_manifest_at(disk: &dyn Disk, folder: &Path, path: PathBuf) -> Result<Manifest, StoreError> {
    let bytes = disk::read(disk, &path, TEXT_BYTES).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => StoreError::Missing { folder: folder.into(), source },
        io::ErrorKind::InvalidData => StoreError::Damaged { path: path.clone(), what: source.to_string() },
        _ => StoreError::Read { path: path.clone(), source },
    })?;
    Manifest::parse(&bytes).map_err(|what| StoreError::Damaged { path, what })
}

/// The folder that a store's folder lies in, and the name of an unfinished one beside it.
pub(super) fn beside(folder: &Path, id: &str) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    durable::folder_of(folder).join(format!("{UNFINISHED}init-{name}-{id}"))
}

/// Whether a folder has a part of a store.
pub(super) fn any_part(disk: &dyn Disk, folder: &Path) -> bool {
    let names = disk.list(folder).unwrap_or_default();
    names.iter().any(|name| ["state-0.toml", "state-1.toml"].iter().any(|part| name == Path::new(part)))
}
