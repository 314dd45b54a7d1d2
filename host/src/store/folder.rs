//! The files of a store.

use super::{Manifest, StoreError};
use crate::durable;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const MANIFEST: &str = "manifest.toml";
const LOCK: &str = "lock";
/// The longest manifest that is read.
const MANIFEST_BYTES: u64 = 64 << 20;

/// A held lock; the system gives it back when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Drop for Lock {
    /// Closing alone would not do: a child process that another thread is just starting has the file open too, until it
    /// runs its own program.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

impl Lock {
    /// Makes the file that is locked.
    pub(super) fn create(folder: &Path) -> Result<(), StoreError> {
        let path = folder.join(LOCK);
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        made.map(drop).map_err(|source| StoreError::Write { path, source })
    }

    /// Takes the lock or says that another has it.
    pub(super) fn take(folder: &Path) -> Result<Lock, StoreError> {
        let missing = |source| StoreError::Missing { folder: folder.into(), source };
        let file = OpenOptions::new().write(true).open(folder.join(LOCK)).map_err(missing)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Held { folder: folder.into() }),
            Err(TryLockError::Error(source)) => Err(StoreError::Read { path: folder.join(LOCK), source }),
        }
    }
}

/// Whether nothing is there, or an empty folder.
pub(super) fn is_free(folder: &Path) -> Result<bool, StoreError> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(source) => Err(StoreError::Read { path: folder.into(), source }),
    }
}

/// A folder of the owner's beside `folder`; it vanishes unless it is renamed into place.
pub(super) fn temporary_beside(folder: &Path) -> Result<TempDir, StoreError> {
    tempfile::Builder::new()
        .prefix(".nearfield-init-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(durable::folder_of(folder))
        .map_err(|source| StoreError::Write { path: folder.into(), source })
}

pub(super) fn rename_into_place(from: TempDir, to: &Path) -> Result<(), StoreError> {
    let renamed = durable::sync_folder(from.path()).and_then(|()| fs::rename(from.path(), to));
    renamed.map_err(|source| StoreError::Write { path: to.into(), source })?;
    // Renamed away: there is nothing left to clean up.
    let _ = from.keep();
    durable::sync_folder(durable::folder_of(to)).map_err(|source| StoreError::Unsynced { folder: to.into(), source })
}

/// Refuses a store that others could change under this process.
pub(super) fn check_private(folder: &Path) -> Result<(), StoreError> {
    let about = fs::metadata(folder).map_err(|source| StoreError::Missing { folder: folder.into(), source })?;
    if about.permissions().mode() & 0o022 != 0 {
        return Err(StoreError::OpenToOthers { folder: folder.into() });
    }
    Ok(())
}

/// The file of a flat run: `params-0.f32`.
pub(super) fn run_name(run: &str, generation: u8) -> String {
    format!("{run}-{generation}.f32")
}

/// Writes one set of flat runs; on an error none of it is left.
pub(super) fn write_set(folder: &Path, generation: u8, runs: &[(&str, &[f32])]) -> Result<(), StoreError> {
    for (run, data) in runs {
        let path = folder.join(run_name(run, generation));
        if let Err(source) = super::write_run(&path, data) {
            remove_set(folder, generation, runs.iter().map(|(run, _)| *run));
            return Err(StoreError::Write { path, source });
        }
    }
    Ok(())
}

/// Removes a set that does not count.
pub(super) fn remove_set<'a>(folder: &Path, generation: u8, runs: impl Iterator<Item = &'a str>) {
    for run in runs {
        // A file that cannot be removed is overwritten by the next step.
        let _ = fs::remove_file(folder.join(run_name(run, generation)));
    }
}

/// Whether a folder has the files that every store has.
pub(super) fn is_store(folder: &Path) -> bool {
    folder.join(MANIFEST).is_file() && folder.join(LOCK).is_file()
}

/// Removes what a killed process left: unfinished files and the set that does not count. Only the holder of the lock makes
/// such files, so none of them is in use.
pub(super) fn sweep(folder: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    remove_set(folder, 1 - manifest.generation, super::run_names(&manifest.optimizer.hyper()));
    let read = |source| StoreError::Read { path: folder.into(), source };
    for entry in fs::read_dir(folder).map_err(read)? {
        let entry = entry.map_err(read)?;
        if entry.file_name().as_encoded_bytes().starts_with(durable::TEMPORARY.as_bytes()) {
            // What cannot be removed takes room and does no other harm.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

/// Where the manifest of a store lies.
pub(super) fn manifest_path(folder: &Path) -> PathBuf {
    folder.join(MANIFEST)
}

/// Replaces the manifest. After an error either the old or the new one is there: only syncing the folder may have failed.
pub(super) fn write_manifest(folder: &Path, manifest: &Manifest) -> io::Result<()> {
    let text = toml::to_string(manifest).map_err(io::Error::other)?;
    durable::replace(&manifest_path(folder), durable::Access::Owner, |f| f.write_all(text.as_bytes()))
}

pub(super) fn read_manifest(folder: &Path) -> Result<Manifest, StoreError> {
    let path = manifest_path(folder);
    let file = File::open(&path).map_err(|source| StoreError::Missing { folder: folder.into(), source })?;
    let damaged = |what: String| StoreError::Damaged { path: path.clone(), what };
    let mut text = String::new();
    file.take(MANIFEST_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|source| StoreError::Read { path: path.clone(), source })?;
    if text.len() as u64 > MANIFEST_BYTES {
        return Err(damaged(format!("it is longer than {MANIFEST_BYTES} bytes")));
    }
    Manifest::parse(&text).map_err(damaged)
}

/// Refuses a flat run of another length than the manifest says, before anything is allocated for it.
pub(super) fn check_length(path: &PathBuf, elements: u64) -> Result<(), StoreError> {
    let bytes = fs::metadata(path).map_err(|source| StoreError::Read { path: path.clone(), source })?.len();
    if bytes != 4 * elements {
        let what = format!("it has {bytes} bytes, but the manifest says {}", 4 * elements);
        return Err(StoreError::Damaged { path: path.clone(), what });
    }
    Ok(())
}

pub(super) fn read_run(path: &PathBuf, elements: u64) -> Result<Vec<f32>, StoreError> {
    check_length(path, elements)?;
    let mut data = vec![0f32; elements as usize];
    File::open(path)
        .and_then(|mut file| file.read_exact(bytemuck::cast_slice_mut(&mut data)))
        .map_err(|source| StoreError::Read { path: path.clone(), source })?;
    Ok(data)
}
