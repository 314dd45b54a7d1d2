//! The files of a store, and the one place where they are read and written.
//!
//! [`Disk`] and [`DiskFile`] are the whole of what the store and the transfer handler ask of a file system, so that a double can stand
//! behind them which fails, lies or stops at any operation. [`system`] is the real one. What every caller wants besides (whole
//! transfers, replacing a file) is made of those operations here, so that a double sees every one of them.

mod aligned;
#[cfg(test)]
pub mod double;
mod real;

pub use aligned::{Aligned, BLOCK};
pub use real::system;

use std::any::Any;
use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// To be read.
    Read,
    /// To be read past the page cache where the file system can, in whole blocks.
    ReadDirect,
    /// To be written past the page cache where the file system can, in whole blocks.
    WriteDirect,
    /// New and empty, to be written, the owner's only; a file of that name is emptied.
    Create,
}

/// A file system.
pub trait Disk: Debug + Send + Sync {
    /// Opens a file.
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>>;

    /// Makes a folder, the owner's only.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;

    /// Removes a folder and what is in it.
    fn remove_folder(&self, folder: &Path) -> io::Result<()>;

    /// Gives a file or a folder another name; a file or an empty folder that had that name is gone.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes new names, renames and removals in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// The names in a folder, in no order.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;

    /// Makes `to` share the bytes of `from` until one of them is written. An error if the file system cannot.
    fn share(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Locks a file that exists, until the lock is dropped or the process ends; `None` if another process has it.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Any + Send + Sync>>>;

    /// Permission bits of a path.
    fn mode(&self, path: &Path) -> io::Result<u32>;
}

/// An open file.
pub trait DiskFile: Debug + Send + Sync {
    /// Reads some bytes from `at` on; 0 at the file's end.
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize>;

    /// Writes some bytes from `at` on.
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<usize>;

    /// Makes what was written durable.
    fn sync(&self) -> io::Result<()>;

    /// Its length in bytes.
    fn length(&self) -> io::Result<u64>;

    /// Makes room for `bytes` bytes and gives it that length, so that writing them cannot find the disk full.
    fn allocate(&self, bytes: u64) -> io::Result<()>;

    /// Whether it is read and written past the page cache.
    fn is_direct(&self) -> bool;

    /// The file itself, for a device that reads and writes it without the host; `None` where there is none.
    fn file(&self) -> Option<&File>;
}

/// Reads all of `into`, however short the transfers are.
///
/// # Errors
///
/// What the file says, or [`io::ErrorKind::UnexpectedEof`] where it ends.
pub fn read_exact(file: &dyn DiskFile, into: &mut [u8], at: u64) -> io::Result<()> {
    let mut done = 0;
    while done < into.len() {
        match file.read_at(&mut into[done..], at + done as u64) {
            Ok(0) => {
                let what = format!("it ends at byte {}, where {} more are due", at + done as u64, into.len() - done);
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
            }
            Ok(some) => done = whole(file, done + some, into.len()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes all of `bytes`, however short the transfers are.
///
/// # Errors
///
/// What the file says; [`io::ErrorKind::WriteZero`] if it takes nothing.
pub fn write_all(file: &dyn DiskFile, bytes: &[u8], at: u64) -> io::Result<()> {
    let mut done = 0;
    // A transfer that takes less than a block is tried again from the block's start, but not for ever.
    let mut idle = 0;
    while done < bytes.len() {
        match file.write_at(&bytes[done..], at + done as u64) {
            Ok(some) => {
                let next = whole(file, done + some, bytes.len());
                idle = if next == done { idle + 1 } else { 0 };
                done = next;
                if idle == 16 {
                    return Err(io::ErrorKind::WriteZero.into());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// How much of a transfer counts: past the page cache the next one has to begin on a block again.
fn whole(file: &dyn DiskFile, done: usize, all: usize) -> usize {
    match file.is_direct() && done < all {
        true => done / BLOCK * BLOCK,
        false => done,
    }
}

/// How the names of unfinished files begin; a process that is killed leaves them.
pub const UNFINISHED: &str = ".nearfield-";

/// Puts `bytes` in the place of the file at `path`: whatever happens, the old ones or the new ones are there.
///
/// # Errors
///
/// The old file is still there, unless only the last operation failed, syncing the folder.
pub fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!("{UNFINISHED}{name}"));
    let written = (|| {
        let file = disk.open(&beside, Open::Create)?;
        write_all(file.as_ref(), bytes, 0)?;
        file.sync()?;
        disk.rename(&beside, path)
    })();
    if written.is_err() {
        let _ = disk.remove(&beside);
    }
    written?;
    disk.sync_folder(folder)
}

/// The bytes of a file, which may have `most`.
pub fn read(disk: &dyn Disk, path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = disk.open(path, Open::Read)?;
    let length = file.length()?;
    if length > most {
        let what = format!("it has {length} bytes, and such a file at most {most}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    let mut bytes = vec![0; length as usize];
    read_exact(file.as_ref(), &mut bytes, 0)?;
    Ok(bytes)
}

/// The folder a path lies in.
fn folder_of(path: &Path) -> &Path {
    crate::durable::folder_of(path)
}
