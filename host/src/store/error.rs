//! What can go wrong with a store.

use std::io;
use std::path::PathBuf;

/// An error of a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is something at the place where a store is to be made.
    #[error("{} exists already; name a new folder, or remove this one", folder.display())]
    Exists {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder that the store is to lie in does not exist.
    #[error("{} cannot be made, because the folder it lies in does not exist; make that first", folder.display())]
    NoParent {
        /// The store's folder.
        folder: PathBuf,
    },
    /// There is no store.
    #[error("{} is no store ({source}); make one with `nearfield init`", folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("the store {} is held by another process; wait until that one has ended", folder.display())]
    Held {
        /// The folder.
        folder: PathBuf,
    },
    /// Other users can change it.
    #[error("the store {0} can be written by other users; run `chmod 700 {0}`", folder.display())]
    OpenToOthers {
        /// The folder.
        folder: PathBuf,
    },
    /// The folders are not those of one store, in their order.
    #[error("{what}")]
    Folders {
        /// What is wrong with them and what to do.
        what: String,
    },
    /// The store does not stand at this step.
    #[error(
        "{store} cannot be opened at step {step}: it stands at {}; a step before the last one is gone when the next begins",
        stands.iter().map(u64::to_string).collect::<Vec<_>>().join(" and ")
    )]
    NoSuchStep {
        /// The store.
        store: String,
        /// The step that was asked for.
        step: u64,
        /// The steps at which it stands.
        stands: Vec<u64>,
    },
    /// It has gradients that wait for a step.
    #[error("{store} has {count} accumulated gradients, which would be lost; do their step first, `nearfield step --accumulated`")]
    Accumulated {
        /// The store.
        store: String,
        /// How many were added.
        count: u64,
    },
    /// Steps wrote over what a snapshot was copying.
    #[error(
        "{store} did two steps while it was copied, {attempts} times in a row; make the snapshot between steps, or let store \
         and snapshot lie on a file system whose files can share bytes (XFS, Btrfs)"
    )]
    Overtaken {
        /// The store.
        store: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// The older generation is not whole either.
    #[error("{store} has no older generation that is whole; restore it from a snapshot, or import exported tensors")]
    NoWayBack {
        /// The store.
        store: String,
    },
    /// A file is not what the manifest says, or the manifest is broken.
    #[error(
        "{} is damaged: {what}; see with `nearfield check` whether the step before is whole, else restore the store from a \
         snapshot or import exported tensors",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Reading failed.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Writing failed; what was there before is still there.
    #[error("cannot write {}: {source}; nothing was changed", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The change is made, but the system could not say that it is on the disk.
    #[error(
        "{} was changed, but the change may not be on the disk ({source}); do not repeat it, and check the disk before you \
         go on",
        folder.display()
    )]
    Unsynced {
        /// The store.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Writing the manifest failed, and so did looking which one is there now.
    #[error(
        "writing to {} failed ({source}), and whether the step is in it cannot be read back ({again}); check the disk, \
         then see with `nearfield export` which step the store is at",
        folder.display()
    )]
    Unknown {
        /// The store.
        folder: PathBuf,
        /// What the system said of writing.
        source: io::Error,
        /// Why the manifest cannot be read.
        again: Box<StoreError>,
    },
}

impl StoreError {
    /// Whether this was refused before anything was written (exit code 2).
    pub fn refused(&self) -> bool {
        !matches!(
            self,
            StoreError::Write { .. }
                | StoreError::Unsynced { .. }
                | StoreError::Unknown { .. }
                | StoreError::Overtaken { .. }
        )
    }
}
