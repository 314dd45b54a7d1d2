//! An open file of the double.

use super::{put, stopped, Double, Fault};
use crate::disk::DiskFile;
use std::fs::File;
use std::io;
use std::path::PathBuf;

#[derive(Debug)]
pub(super) struct Opened {
    pub disk: Double,
    pub path: PathBuf,
    pub file: usize,
}

impl DiskFile for Opened {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let mut inner = self.disk.inner();
        let fault = inner.begin()?;
        let mut file = self.file;
        match fault {
            Some(Fault::Stop) => return Err(stopped()),
            Some(Fault::Cut) => {
                let half = inner.files[file].seen.len() / 2;
                inner.files[file].seen.truncate(half);
            }
            Some(Fault::Swap) => {
                let name = self.path.file_name();
                let other = inner.seen.iter().find(|(path, _)| path.file_name() == name && **path != self.path);
                file = other.and_then(|(_, file)| *file).unwrap_or(file);
            }
            _ => {}
        }
        let content = &inner.files[file].seen;
        let from = content.len().min(at as usize);
        let mut bytes = into.len().min(content.len() - from);
        if fault == Some(Fault::Short) && bytes > 1 {
            bytes /= 2;
        }
        into[..bytes].copy_from_slice(&content[from..from + bytes]);
        if fault == Some(Fault::Flip) && bytes > 0 {
            into[bytes / 2] ^= 0x10;
        }
        Ok(bytes)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<usize> {
        let mut inner = self.disk.inner();
        let fault = inner.begin()?;
        let content = &mut inner.files[self.file];
        let mut bytes = bytes.to_vec();
        match fault {
            Some(Fault::Short) if bytes.len() > 1 => bytes.truncate(bytes.len() / 2),
            Some(Fault::Stop) => bytes.truncate(bytes.len() / 2),
            Some(Fault::Flip) if !bytes.is_empty() => {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 0x10;
            }
            Some(Fault::Cut) => {
                let half = content.seen.len() / 2;
                content.seen.truncate(half);
            }
            _ => {}
        }
        put(&mut content.seen, at as usize, &bytes);
        let length = bytes.len();
        content.unsynced.push((at as usize, bytes));
        match fault {
            Some(Fault::Stop) => Err(stopped()),
            _ => Ok(length),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let mut inner = self.disk.inner();
        inner.simple()?;
        let content = &mut inner.files[self.file];
        content.unsynced.clear();
        content.kept = content.seen.clone();
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        let mut inner = self.disk.inner();
        inner.simple()?;
        Ok(inner.files[self.file].seen.len() as u64)
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        let mut inner = self.disk.inner();
        inner.simple()?;
        let content = &mut inner.files[self.file];
        content.seen.resize(bytes as usize, 0);
        content.kept.resize(bytes as usize, 0);
        Ok(())
    }

    fn is_direct(&self) -> bool {
        false
    }

    fn file(&self) -> Option<&File> {
        None
    }
}
