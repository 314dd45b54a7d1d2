//! A file system in memory that fails, lies or stops at a chosen operation, and forgets what was not synced.
//!
//! It keeps two states: what a process sees, and what a drive has. A write reaches the drive when its file is synced, a name when its
//! folder is. When the power fails, each write that was not synced has reached the drive or not, or its first half has; of a folder's
//! changes some first ones have. When only the process is killed, everything it did stands.

mod file;

use super::{Disk, DiskFile, Open};
use file::Opened;
use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What happens at the chosen operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails with this error number.
    Error(i32),
    /// A transfer moves half of what it could.
    Short,
    /// A bit of what is read, or of what is written, is another one.
    Flip,
    /// Before it, the file loses its second half.
    Cut,
    /// What is read is read from the file of this name in another folder.
    Swap,
    /// It is half done, and it and all after it fail: the process is killed, or the power.
    Stop,
}

/// A file system in memory.
#[derive(Clone, Debug, Default)]
pub struct Double(Arc<Mutex<Inner>>);

#[derive(Clone, Debug, Default)]
struct Inner {
    seen: Names,
    kept: Names,
    /// Changes of names that no sync has made durable.
    unsynced: Vec<Change>,
    files: Vec<Content>,
    operations: u64,
    fault: Option<(u64, Fault)>,
    stopped: bool,
    locked: Vec<PathBuf>,
    shares: bool,
}

/// Paths of folders (`None`) and of files.
type Names = BTreeMap<PathBuf, Option<usize>>;

#[derive(Clone, Debug, Default)]
struct Content {
    seen: Vec<u8>,
    kept: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
}

#[derive(Clone, Debug)]
enum Change {
    Make(PathBuf, Option<usize>),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl Change {
    fn folder(&self) -> &Path {
        let (Change::Make(path, _) | Change::Rename(_, path) | Change::Remove(path)) = self;
        path.parent().unwrap()
    }

    fn apply(&self, names: &mut Names) {
        match self {
            Change::Make(path, node) => {
                names.insert(path.clone(), *node);
            }
            Change::Remove(path) => names.retain(|name, _| !name.starts_with(path)),
            Change::Rename(from, to) => {
                let moved: Vec<_> = names.keys().filter(|name| name.starts_with(from)).cloned().collect();
                for name in moved {
                    let node = names.remove(&name).unwrap();
                    let rest = name.strip_prefix(from).unwrap();
                    names.insert(if rest == Path::new("") { to.clone() } else { to.join(rest) }, node);
                }
            }
        }
    }
}

fn stopped() -> io::Error {
    io::Error::other("stopped")
}

impl Double {
    /// One with these folders.
    pub fn new(folders: &[&str]) -> Double {
        let double = Double::default();
        {
            let mut inner = double.inner();
            for folder in folders {
                inner.seen.insert(folder.into(), None);
                inner.kept.insert(folder.into(), None);
            }
        }
        double
    }

    /// Lets files share their bytes.
    pub fn that_shares(self) -> Double {
        self.inner().shares = true;
        self
    }

    /// As the store takes it.
    pub fn disk(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }

    /// Operations so far.
    pub fn operations(&self) -> u64 {
        self.inner().operations
    }

    /// A copy at which the operation of this number, counted from here on, goes wrong.
    pub fn with_fault(&self, operation: u64, fault: Fault) -> Double {
        let copy = self.copy();
        copy.inner().fault = Some((operation, fault));
        copy
    }

    /// What is there after the process was killed.
    pub fn copy(&self) -> Double {
        let mut inner = self.inner().clone();
        (inner.operations, inner.fault, inner.stopped) = (0, None, false);
        inner.locked.clear();
        Double(Arc::new(Mutex::new(inner)))
    }

    /// What is there after the power failed. What of it reached the drive is drawn by `seed`.
    pub fn after_power_failure(&self, seed: u64) -> Double {
        let copy = self.copy();
        {
            let inner = &mut *copy.inner();
            let mut random = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut draw = move || {
                random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                random >> 33
            };
            let mut folders: BTreeMap<PathBuf, bool> = BTreeMap::new();
            for change in std::mem::take(&mut inner.unsynced) {
                let reaches = folders.entry(change.folder().into()).or_insert(true);
                *reaches &= draw() % 3 != 0;
                if *reaches {
                    change.apply(&mut inner.kept);
                }
            }
            inner.seen = inner.kept.clone();
            for file in &mut inner.files {
                for (at, bytes) in std::mem::take(&mut file.unsynced) {
                    let reaches = match draw() % 3 {
                        0 => 0,
                        1 => bytes.len() / 2,
                        _ => bytes.len(),
                    };
                    put(&mut file.kept, at, &bytes[..reaches]);
                }
                file.seen = file.kept.clone();
            }
        }
        copy
    }

    /// The bytes of a file, for a test that changes them.
    pub fn change(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut inner = self.inner();
        let file = inner.seen[path].unwrap();
        change(&mut inner.files[file].seen);
        inner.files[file].kept = inner.files[file].seen.clone();
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    content.resize(content.len().max(at + bytes.len()), 0);
    content[at..at + bytes.len()].copy_from_slice(bytes);
}

impl Inner {
    /// Counts an operation; gives what goes wrong with it.
    fn begin(&mut self) -> io::Result<Option<Fault>> {
        if self.stopped {
            return Err(stopped());
        }
        let number = self.operations;
        self.operations += 1;
        match self.fault.filter(|(at, _)| *at == number) {
            Some((_, Fault::Error(code))) => Err(io::Error::from_raw_os_error(code)),
            Some((_, Fault::Stop)) => {
                self.stopped = true;
                Ok(Some(Fault::Stop))
            }
            found => Ok(found.map(|(_, fault)| fault)),
        }
    }

    /// An operation that is done or not.
    fn simple(&mut self) -> io::Result<()> {
        match self.begin()? {
            // Half of it: not done, and nobody hears of it.
            Some(Fault::Stop) => Err(stopped()),
            _ => Ok(()),
        }
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        self.seen.get(path).copied().flatten().ok_or(io::ErrorKind::NotFound.into())
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.unsynced.push(change);
    }
}

impl Disk for Double {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        let mut inner = self.inner();
        inner.simple()?;
        if how == Open::Create {
            if !inner.seen.contains_key(path.parent().unwrap()) {
                return Err(io::ErrorKind::NotFound.into());
            }
            let file = inner.files.len();
            inner.files.push(Content::default());
            inner.change(Change::Make(path.into(), Some(file)));
        }
        let file = inner.file(path)?;
        Ok(Arc::new(Opened { disk: self.clone(), path: path.into(), file }))
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        inner.simple()?;
        inner.change(Change::Make(folder.into(), None));
        Ok(())
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        self.remove(folder)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        inner.simple()?;
        if !inner.seen.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        inner.change(Change::Rename(from.into(), to.into()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        inner.simple()?;
        if !inner.seen.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        inner.change(Change::Remove(path.into()));
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        inner.simple()?;
        let (now, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut inner.unsynced).into_iter().partition(|change| change.folder() == folder);
        now.iter().for_each(|change| change.apply(&mut inner.kept));
        inner.unsynced = later;
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let mut inner = self.inner();
        inner.simple()?;
        if !inner.seen.contains_key(folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = inner.seen.keys().filter(|name| name.parent() == Some(folder));
        Ok(inside.map(|name| name.file_name().unwrap().into()).collect())
    }

    fn share(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        inner.simple()?;
        if !inner.shares {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let bytes = inner.files[inner.file(from)?].seen.clone();
        let file = inner.files.len();
        inner.files.push(Content { unsynced: vec![(0, bytes.clone())], seen: bytes, kept: Vec::new() });
        inner.change(Change::Make(to.into(), Some(file)));
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Any + Send + Sync>>> {
        struct Held(Double, PathBuf);
        impl Drop for Held {
            fn drop(&mut self) {
                self.0.inner().locked.retain(|path| *path != self.1);
            }
        }
        let mut inner = self.inner();
        inner.simple()?;
        inner.file(path)?;
        if inner.locked.iter().any(|locked| locked == path) {
            return Ok(None);
        }
        inner.locked.push(path.into());
        Ok(Some(Box::new(Held(self.clone(), path.into()))))
    }

    fn mode(&self, path: &Path) -> io::Result<u32> {
        let mut inner = self.inner();
        inner.simple()?;
        match inner.seen.contains_key(path) {
            true => Ok(0o700),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

#[cfg(test)]
mod tests;
