//! The file system of this machine.

use super::{Disk, DiskFile, Open};
use rustix::fs::{fallocate, ioctl_ficlone, FallocateFlags, OFlags};
use rustix::io::Errno;
use std::any::Any;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file system of this machine.
pub fn system() -> Arc<dyn Disk> {
    Arc::new(System)
}

#[derive(Debug)]
struct System;

impl Disk for System {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        match how {
            Open::Read | Open::ReadDirect => options.read(true),
            Open::WriteDirect => options.read(true).write(true),
            Open::Create => options.read(true).write(true).create(true).truncate(true).mode(0o600),
        };
        if matches!(how, Open::ReadDirect | Open::WriteDirect) {
            let direct = OFlags::DIRECT.bits() as i32;
            match options.clone().custom_flags(direct).open(path) {
                Ok(file) => return Ok(Arc::new(Opened { file, direct: true })),
                // What a file system says that has no such transfers; it is opened with the page cache then.
                Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Arc::new(Opened { file: options.open(path)?, direct: false }))
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(folder)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        fs::remove_dir_all(folder)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        crate::durable::sync_folder(folder)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| Ok(PathBuf::from(entry?.file_name()))).collect()
    }

    fn share(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (File::open(from)?, OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?);
        Ok(ioctl_ficlone(&to, &from)?)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Any + Send + Sync>>> {
        let file = OpenOptions::new().write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(Lock(file)))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn mode(&self, path: &Path) -> io::Result<u32> {
        Ok(fs::metadata(path)?.permissions().mode())
    }
}

/// A held lock; the system gives it back when the process ends, however it ends.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    /// Closing alone would not do: a child process that another thread is just starting has the file open too, until it
    /// runs its own program.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

#[derive(Debug)]
struct Opened {
    file: File,
    direct: bool,
}

impl DiskFile for Opened {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        self.file.read_at(into, at)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<usize> {
        self.file.write_at(bytes, at)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        if bytes == 0 {
            return self.file.set_len(0);
        }
        match fallocate(&self.file, FallocateFlags::empty(), 0, bytes) {
            // A file system that cannot promise room gives the length at least.
            Err(Errno::OPNOTSUPP) => self.file.set_len(bytes),
            done => Ok(done?),
        }
    }

    fn is_direct(&self) -> bool {
        self.direct
    }

    fn file(&self) -> Option<&File> {
        Some(&self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{read, read_exact, replace, write_all, Aligned, BLOCK};
    use super::*;

    #[test]
    fn blocks_go_past_the_page_cache_or_through_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let disk = system();
        disk.open(&path, Open::Create).unwrap().allocate(3 * BLOCK as u64).unwrap();
        let mut block = Aligned::new(BLOCK).unwrap();
        block.bytes_mut().fill(7);
        let file = disk.open(&path, Open::WriteDirect).unwrap();
        write_all(file.as_ref(), block.bytes(), BLOCK as u64).unwrap();
        file.sync().unwrap();
        let bytes = read(disk.as_ref(), &path, 1 << 20).unwrap();
        assert_eq!((bytes.len(), bytes[BLOCK - 1], bytes[BLOCK], bytes[2 * BLOCK]), (3 * BLOCK, 0, 7, 0));
        let mut again = Aligned::new(BLOCK).unwrap();
        read_exact(disk.open(&path, Open::ReadDirect).unwrap().as_ref(), again.bytes_mut(), BLOCK as u64).unwrap();
        assert_eq!(again.bytes(), block.bytes());
        let end = read_exact(file.as_ref(), again.bytes_mut(), 3 * BLOCK as u64).unwrap_err();
        assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(read(disk.as_ref(), &path, 5).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_lock_is_held_once_and_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let disk = system();
        replace(disk.as_ref(), &path, b"").unwrap();
        let held = disk.lock(&path).unwrap();
        assert!(held.is_some() && disk.lock(&path).unwrap().is_none());
        drop(held);
        assert!(disk.lock(&path).unwrap().is_some());
        assert_eq!(disk.mode(&path).unwrap() & 0o777, 0o600);
        assert_eq!(disk.list(folder.path()).unwrap(), [PathBuf::from("lock")]);
    }
}
