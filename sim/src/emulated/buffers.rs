//! The buffers that the host has allocated, and the files behind those that others map.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nearfield_abi::board::Board;
use tempfile::NamedTempFile;

use crate::axi::{Remote, REMOTE_PAGE_BYTES};

/// One buffer.
pub(super) struct Buffer {
    /// How long it is.
    pub bytes: u64,
    /// Where its bytes lie if not in the board's memory. The file is deleted with it.
    pub file: Option<NamedTempFile>,
}

/// All buffers, by address.
pub(super) struct Buffers {
    board: &'static Board,
    folder: PathBuf,
    buffers: BTreeMap<u64, Buffer>,
}

impl Buffers {
    /// None so far; files will lie in `folder`.
    pub(super) fn new(board: &'static Board, folder: PathBuf) -> Buffers {
        Buffers { board, folder, buffers: BTreeMap::new() }
    }

    /// Notes a buffer, which lies in one bank and meets no other; or says why not.
    pub(super) fn allocate(&mut self, address: u64, bytes: u64, in_file: bool) -> Result<&Buffer, String> {
        // The host hands out whole pages, whatever size it was asked for; a file has them all, for it to map.
        let extent = bytes.checked_next_multiple_of(if in_file { REMOTE_PAGE_BYTES } else { 1 });
        let end = extent.and_then(|extent| address.checked_add(extent));
        let (Some(extent), Some(end), true) = (extent, end, bytes > 0) else {
            return Err(format!("a buffer of {bytes} bytes at {address:#x} is impossible"));
        };
        let banks = (0..self.board.banks).map(|bank| self.board.bank_base(bank));
        if !banks.into_iter().any(|base| address >= base && end <= base + self.board.bank_bytes) {
            return Err(format!("{extent} bytes at {address:#x} lie in no bank of {}", self.board.name));
        }
        if let Some((other, buffer)) = self.buffers.range(..end).next_back() {
            if other + extent_of(buffer) > address {
                return Err(format!("{extent} bytes at {address:#x} meet the buffer at {other:#x}"));
            }
        }
        let file = match in_file {
            true if !address.is_multiple_of(REMOTE_PAGE_BYTES) => {
                return Err(format!("a peer-to-peer buffer at {address:#x} does not begin with a page"));
            }
            true => Some(make_file(&self.folder, extent).map_err(|error| {
                format!("no file of {extent} bytes in {} for a peer-to-peer buffer: {error}", self.folder.display())
            })?),
            false => None,
        };
        Ok(self.buffers.entry(address).or_insert(Buffer { bytes, file }))
    }

    /// Forgets the buffer at `address`, if there is one.
    pub(super) fn free(&mut self, address: u64) -> Option<Buffer> {
        self.buffers.remove(&address)
    }

    /// The buffer that holds all of a range, and the range's distance from its start.
    pub(super) fn find(&self, address: u64, bytes: u64) -> Option<(&Buffer, u64)> {
        let (base, buffer) = self.buffers.range(..=address).next_back()?;
        let offset = address - base;
        (offset <= buffer.bytes && bytes <= buffer.bytes - offset).then_some((buffer, offset))
    }
}

/// Bytes of device addresses that a buffer takes.
fn extent_of(buffer: &Buffer) -> u64 {
    buffer.bytes.next_multiple_of(if buffer.file.is_some() { REMOTE_PAGE_BYTES } else { 1 })
}

/// A file of zeros that only the owner may open, under a name that nobody guesses.
fn make_file(folder: &Path, bytes: u64) -> io::Result<NamedTempFile> {
    let file = tempfile::Builder::new().prefix("buffer-").tempfile_in(folder)?;
    file.as_file().set_len(bytes)?;
    Ok(file)
}

/// A file as memory.
pub(super) struct FileRange(pub File);

impl Remote for FileRange {
    fn fetch(&mut self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(into, offset)
    }

    fn store(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn buffers_lie_in_one_bank_and_meet_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let board = Board::from_name("ideal").unwrap();
        let mut buffers = Buffers::new(board, folder.path().to_owned());
        let mut refused = |address, bytes, in_file| buffers.allocate(address, bytes, in_file).err();
        assert_eq!(refused(0x1000, 100, false), None);
        assert_eq!(refused(0x1064, 100, false), None);
        assert!(refused(0x1000, 1, false).unwrap().contains("meet the buffer at 0x1000"));
        assert!(refused(0xfff, 2, false).unwrap().contains("meet"));
        assert!(refused(0x0, 0x10_0000, false).unwrap().contains("meet"));
        assert!(
            refused(board.bank_bytes - 1, 2, false).unwrap().contains("no bank"),
            "half of it lies in the next one"
        );
        assert!(refused(4 * board.bank_bytes - 1, 2, false).unwrap().contains("no bank of ideal"));
        assert!(refused(u64::MAX, 2, false).unwrap().contains("impossible"));
        assert!(refused(0x10_0000, u64::MAX, true).unwrap().contains("impossible"));
        assert!(refused(0x10_0000, 0, false).unwrap().contains("impossible"));
        assert!(refused(0x10_0040, 4096, true).unwrap().contains("begin with a page"));
        assert!(buffers.find(0x1010, 84).is_some());
        assert!(buffers.find(0x1010, 85).is_none(), "a range that two buffers share is in neither");
        assert!(buffers.find(0xfff, 1).is_none() && buffers.find(0x1000, u64::MAX).is_none());
        assert!(buffers.free(0x1001).is_none() && buffers.free(0x1000).is_some());
        assert!(buffers.find(0x1010, 84).is_none());
    }

    #[test]
    fn a_file_has_whole_pages_is_the_owners_and_ends_with_its_buffer() {
        let folder = tempfile::tempdir().unwrap();
        let mut buffers = Buffers::new(Board::from_name("ideal").unwrap(), folder.path().to_owned());
        let path = buffers.allocate(0x2000, 5000, true).unwrap().file.as_ref().unwrap().path().to_owned();
        let found = path.metadata().unwrap();
        assert_eq!((found.len(), found.permissions().mode() & 0o777), (8192, 0o600));
        assert!(buffers.allocate(0x3fff, 1, false).err().unwrap().contains("meet"), "the file's last page is taken");
        drop(buffers.free(0x2000));
        assert!(!path.exists());
        drop(folder);
        assert!(buffers.allocate(0x2000, 5000, true).err().unwrap().contains("no file"));
    }
}
