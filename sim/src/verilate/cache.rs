//! The folder of built designs: one entry a key, built once, published by an atomic rename.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::{io, BuildError};

/// How long a caller waits for another one's build. The largest kernel takes about a minute on an idle machine.
const LOCK_WAIT: Duration = Duration::from_secs(15 * 60);

/// 128-bit FNV-1a of everything an entry is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(u128);

impl Key {
    /// Hashes the parts with their lengths, so that no two lists of parts run into each other.
    pub(super) fn of<'a>(parts: impl IntoIterator<Item = &'a str>) -> Key {
        let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        let mut feed = |bytes: &[u8]| {
            for &byte in bytes {
                hash = (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
            }
        };
        for part in parts {
            feed(&(part.len() as u64).to_le_bytes());
            feed(part.as_bytes());
        }
        Key(hash)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Where built designs are kept: `verilated/` under `NEARFIELD_CACHE`, `$XDG_CACHE_HOME/nearfield` or
/// `~/.cache/nearfield`.
///
/// # Errors
///
/// [`BuildError::NoCache`] if none of the three variables is set.
pub fn folder() -> Result<PathBuf, BuildError> {
    let set = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    set("NEARFIELD_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|p| p.join("nearfield")))
        .or_else(|| set("HOME").map(|p| p.join(".cache/nearfield")))
        .map(|root| root.join("verilated"))
        .ok_or(BuildError::NoCache)
}

/// The root under which entries lie.
pub(super) struct Cache {
    root: PathBuf,
}

impl Cache {
    /// The cache at [`folder`], made if it is missing.
    pub(super) fn open() -> Result<Cache, BuildError> {
        Cache::at(&folder()?)
    }

    /// A cache at `root`, whose entries only the owner can have written.
    pub(super) fn at(root: &Path) -> Result<Cache, BuildError> {
        DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(io("cannot make the folder", root))?;
        let root = root.canonicalize().map_err(io("cannot resolve", root))?;
        let folder = fs::metadata(&root).map_err(io("cannot inspect", &root))?;
        if folder.mode() & 0o077 != 0 {
            return Err(BuildError::OpenCache(root));
        }
        // A file just made here belongs to this process' user; a folder that does not is somebody else's.
        let probe = tempfile::NamedTempFile::new_in(&root).map_err(io("cannot write into", &root))?;
        let owner = probe.as_file().metadata().map_err(io("cannot inspect", probe.path()))?.uid();
        if owner != folder.uid() {
            return Err(BuildError::OpenCache(root));
        }
        Ok(Cache { root })
    }

    /// The folder of entry `name`; if there is none, `make` fills one. Whoever comes while it is made waits.
    pub(super) fn entry(
        &self,
        name: &str,
        make: impl FnOnce(&Path) -> Result<(), BuildError>,
    ) -> Result<PathBuf, BuildError> {
        let entry = self.root.join(name);
        if entry.is_dir() {
            return Ok(entry);
        }
        let path = self.root.join(format!("{name}.lock"));
        let _lock = lock(&path)?;
        if entry.is_dir() {
            return Ok(entry);
        }
        let folder = tempfile::Builder::new()
            .prefix("build-")
            .tempdir_in(&self.root)
            .map_err(io("cannot make a folder in", &self.root))?;
        make(folder.path())?;
        fs::rename(folder.path(), &entry).map_err(io("cannot rename a built design to", &entry))?;
        // It has moved: there is nothing left for the guard to delete.
        let _ = folder.keep();
        Ok(entry)
    }
}

/// Waits for the exclusive lock of `path`. It is held until the file is dropped, and ends with its process. The file
/// stays: deleting it would let two callers hold locks of two files under one name.
fn lock(path: &Path) -> Result<File, BuildError> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(io("cannot open the lock file", path))?;
    let end = Instant::now() + LOCK_WAIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(Duration::from_millis(20)),
            Err(TryLockError::WouldBlock) => {
                return Err(BuildError::Locked { path: path.to_owned(), minutes: LOCK_WAIT.as_secs() / 60 })
            }
            Err(TryLockError::Error(e)) => return Err(io("cannot lock", path)(e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn twenty_callers_make_an_entry_once() {
        let folder = tempfile::tempdir().unwrap();
        let made = AtomicU32::new(0);
        std::thread::scope(|s| {
            for _ in 0..20 {
                s.spawn(|| {
                    let cache = Cache::at(&folder.path().join("cache")).unwrap();
                    let entry = cache
                        .entry("one", |f| {
                            made.fetch_add(1, Ordering::SeqCst);
                            std::thread::sleep(Duration::from_millis(100));
                            fs::write(f.join("content"), "whole").map_err(io("cannot write", f))
                        })
                        .unwrap();
                    assert_eq!(fs::read_to_string(entry.join("content")).unwrap(), "whole");
                });
            }
        });
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_failed_make_leaves_no_entry() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("cache");
        let cache = Cache::at(&root).unwrap();
        assert!(cache.entry("one", |_| Err(BuildError::NoCache)).is_err());
        let left: Vec<_> = fs::read_dir(&root).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["one.lock"]);
        let entry = cache.entry("one", |f| fs::write(f.join("x"), "").map_err(io("cannot write", f))).unwrap();
        assert!(entry.join("x").is_file());
    }

    #[test]
    fn a_folder_open_to_others_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("cache");
        Cache::at(&root).unwrap();
        assert_eq!(fs::metadata(&root).unwrap().mode() & 0o777, 0o700);
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
        let error = Cache::at(&root).err().expect("must be refused").to_string();
        assert!(error.contains("chmod 700"), "{error}");
    }

    #[test]
    fn keys_tell_parts_apart() {
        assert_ne!(Key::of(["ab", "c"]), Key::of(["a", "bc"]));
        assert_ne!(Key::of(["a"]), Key::of(["a", ""]));
        assert_eq!(Key::of(["a", "b"]), Key::of(["a", "b"]));
    }
}
