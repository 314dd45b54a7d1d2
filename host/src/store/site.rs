//! Where a store is built: beside its place, and renamed when it is whole, the first folder last. So there is never half a store.

use super::folder::{self, LOCK};
use super::layout::MOST_DEVICES;
use super::StoreError;
use crate::disk::{Disk, DiskFile, Open};
use crate::durable;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folders of a store that is being built.
pub(super) struct Site<'a> {
    pub disk: Arc<dyn Disk>,
    /// Where it is to lie.
    pub folders: &'a [PathBuf],
    /// Where it lies meanwhile.
    pub places: Vec<PathBuf>,
    /// The store's id, drawn.
    pub id: String,
}

impl<'a> Site<'a> {
    /// Of folders that must not exist yet, or be empty. Nothing is written.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`], [`StoreError::NoParent`] and [`StoreError::Folders`].
    pub fn new(disk: &Arc<dyn Disk>, folders: &'a [PathBuf]) -> Result<Site<'a>, StoreError> {
        let wrong = |what: String| Err(StoreError::Folders { what });
        if folders.is_empty() || folders.len() > MOST_DEVICES {
            return wrong(format!("{} folders are named; a store has 1 to {MOST_DEVICES}", folders.len()));
        }
        for (number, folder) in folders.iter().enumerate() {
            if folders[..number].contains(folder) {
                return wrong(format!("{} is named twice; every device has a folder of its own", folder.display()));
            }
            if !folder::is_free(disk.as_ref(), folder)? {
                return Err(StoreError::Exists { folder: folder.clone() });
            }
            if disk.list(durable::folder_of(folder)).is_err() {
                return Err(StoreError::NoParent { folder: folder.clone() });
            }
        }
        let id = format!("{:016x}", rand::random::<u64>());
        let places = folders.iter().map(|folder| folder::beside(folder, &id)).collect();
        Ok(Site { disk: disk.clone(), folders, places, id })
    }

    /// Makes the folders, has them filled, and renames them into place. Nothing is left after an error, unless only the last sync failed.
    pub fn build<T, E: From<StoreError>>(&self, fill: impl FnOnce(&Site<'a>) -> Result<T, E>) -> Result<T, E> {
        let built = self.make_folders().map_err(E::from).and_then(|()| {
            let filled = fill(self)?;
            self.rename_into_place()?;
            Ok(filled)
        });
        if built.is_err() {
            for place in &self.places {
                let _ = self.disk.remove_folder(place);
            }
        }
        built
    }

    /// A new file of `bytes` bytes.
    pub fn empty(&self, path: &Path, bytes: u64) -> Result<Arc<dyn DiskFile>, StoreError> {
        let made = self.disk.open(path, Open::Create).and_then(|file| file.allocate(bytes).map(|()| file));
        made.map_err(|source| StoreError::Write { path: path.into(), source })
    }

    fn make_folders(&self) -> Result<(), StoreError> {
        for place in &self.places {
            self.disk.make_folder(place).map_err(|source| StoreError::Write { path: place.clone(), source })?;
            self.empty(&place.join(LOCK), 0)?;
        }
        Ok(())
    }

    /// The first folder last: with its manifest the store is there.
    fn rename_into_place(&self) -> Result<(), StoreError> {
        let disk = self.disk.as_ref();
        let mut renamed = Vec::new();
        for (place, folder) in self.places.iter().zip(self.folders).rev() {
            let done = disk.sync_folder(place).and_then(|()| disk.rename(place, folder));
            if let Err(source) = done {
                for folder in renamed {
                    let _ = disk.remove_folder(folder);
                }
                return Err(StoreError::Write { path: folder.clone(), source });
            }
            renamed.push(folder);
        }
        for folder in self.folders {
            let synced = disk.sync_folder(durable::folder_of(folder));
            synced.map_err(|source| StoreError::Unsynced { folder: folder.clone(), source })?;
        }
        Ok(())
    }
}
