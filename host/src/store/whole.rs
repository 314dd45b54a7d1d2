//! Whether folders are those of one whole store, and who holds it.

use super::part::Part;
use super::{folder, Layout, Manifest, Series, StoreError, Sums};
use crate::disk::{Disk, Open};
use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};

pub(super) type Locks = Vec<Box<dyn Any + Send + Sync>>;

/// Takes the locks of a store's folders and reads its manifest.
pub(super) fn take(disk: &dyn Disk, folders: &[PathBuf]) -> Result<(Manifest, Locks), StoreError> {
    let locks = lock(disk, folders)?;
    Ok((read_home(disk, folders)?, locks))
}

/// Reads the manifest of a store, whether it is held or not.
pub(super) fn read_home(disk: &dyn Disk, folders: &[PathBuf]) -> Result<Manifest, StoreError> {
    let Some(home) = folders.first() else {
        return Err(StoreError::Folders { what: "no folder is named; name one".into() });
    };
    let manifest = folder::read_manifest(disk, home).map_err(|error| match error {
        StoreError::Missing { .. } if folder::has_manifest_before(disk, home) => {
            StoreError::Damaged { path: folder::manifest_path(home), what: "it is missing".into() }
        }
        StoreError::Missing { .. } if folder::any_part(disk, home) => {
            let what =
                format!("{} is not the first folder of its store; name its folders in their order", home.display());
            StoreError::Folders { what }
        }
        other => other,
    })?;
    refuse_number(&manifest, folders)?;
    Ok(manifest)
}

/// Takes the locks of a store's folders, of which there is at least one.
pub(super) fn lock(disk: &dyn Disk, folders: &[PathBuf]) -> Result<Locks, StoreError> {
    if folders.is_empty() {
        return Err(StoreError::Folders { what: "no folder is named; name one".into() });
    }
    let mut locks = Locks::new();
    for (number, folder) in folders.iter().enumerate() {
        if folders[..number].contains(folder) {
            let what = format!("{} is named twice; every device of a store has a folder of its own", folder.display());
            return Err(StoreError::Folders { what });
        }
        folder::check_private(disk, folder)?;
        let missing = |source| StoreError::Missing { folder: folder.clone(), source };
        match disk.lock(&folder.join(folder::LOCK)).map_err(missing)? {
            Some(lock) => locks.push(lock),
            None => return Err(StoreError::Held { folder: folder.clone() }),
        }
    }
    Ok(locks)
}

pub(super) fn refuse_number(manifest: &Manifest, folders: &[PathBuf]) -> Result<(), StoreError> {
    if manifest.devices != folders.len() {
        let (has, given) = (manifest.devices, folders.len());
        let what = format!(
            "the store in {} has {has} folders, but {given} were named; name all of them, in their order, with commas between",
            folders[0].display()
        );
        return Err(StoreError::Folders { what });
    }
    Ok(())
}

/// Whether files are those that a manifest speaks of.
pub(super) struct Whole<'a> {
    pub disk: &'a dyn Disk,
    pub manifest: &'a Manifest,
    pub layout: &'a Layout,
}

impl Whole<'_> {
    /// What a device's files have to add up to, if its part is the one that the manifest means and they have the right lengths.
    pub fn sums(
        &self,
        series: &Series,
        (device, folder): (usize, &Path),
        (set, step): (u8, u64),
        checksum: u32,
    ) -> Result<Sums, StoreError> {
        let path = series.part_path(folder, set);
        let (part, found) = folder::read_part(self.disk, &path).or_else(|error| {
            // The part of the other set still tells whose folder it is.
            if let Ok((other, _)) = folder::read_part(self.disk, &series.part_path(folder, 1 - set)) {
                self.refuse_stranger(&other, device, folder)?;
            }
            Err(error)
        })?;
        self.refuse_stranger(&part, device, folder)?;
        let damaged = |what: String| StoreError::Damaged { path: path.clone(), what };
        if (part.set, part.step, found) != (set, step, checksum) {
            let (is, step_is) = (part.set, part.step);
            return Err(damaged(format!(
                "it is of step {step_is} in set {is} with checksum {found:08x}, but the manifest means step {step} in set {set} \
                 with {checksum:08x}"
            )));
        }
        let sums = part.sums(&series.runs, self.layout.of_device(device));
        let sums = sums.ok_or_else(|| damaged("its subgroups are not those of the manifest".into()))?;
        for run in 0..series.runs.len() {
            let path = series.run_path(folder, run, set);
            let open = |source: io::Error| StoreError::Damaged {
                path: path.clone(),
                what: format!("it cannot be opened ({source})"),
            };
            let bytes = self.disk.open(&path, Open::Read).and_then(|file| file.length()).map_err(open)?;
            let expected = self.layout.file_bytes(device);
            if bytes != expected {
                let what = format!("it has {bytes} bytes, but its subgroups take {expected}");
                return Err(StoreError::Damaged { path, what });
            }
        }
        Ok(sums)
    }

    fn refuse_stranger(&self, part: &Part, device: usize, folder: &Path) -> Result<(), StoreError> {
        if part.store != self.manifest.id {
            let what = format!("{} is a folder of another store; name the folders of one store", folder.display());
            return Err(StoreError::Folders { what });
        }
        if part.device != device {
            let what = format!(
                "{} is device {} of its store, not device {device}; name the folders in their order",
                folder.display(),
                part.device
            );
            return Err(StoreError::Folders { what });
        }
        Ok(())
    }
}
