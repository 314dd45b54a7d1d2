//! Memory that a program and its helper share: bulk data passes through it, in pieces of at most its length.

use memmap2::{MmapMut, MmapOptions};
use rustix::fs::{ftruncate, memfd_create, MemfdFlags};
use std::fs::File;
use std::io;

/// Length of the window: pieces of this size reach the full rate of the bus.
pub const BYTES: usize = 4 << 20;

/// A new window, as a file without a name. It lives as long as somebody has it open or mapped.
pub fn create() -> io::Result<File> {
    let file = memfd_create("nearfield-window", MemfdFlags::CLOEXEC)?;
    ftruncate(&file, BYTES as u64)?;
    Ok(File::from(file))
}

/// Maps a window.
///
/// # Errors
///
/// The file is not as long as a window.
pub fn map(file: &File) -> io::Result<MmapMut> {
    let length = file.metadata()?.len();
    if length != BYTES as u64 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a window of {length} bytes")));
    }
    // SAFETY: the file is an anonymous one of `create`, which nobody shortens. The two processes that map it take turns:
    // the program touches it before it sends a request and after the reply, the helper in between.
    unsafe { MmapOptions::new().len(BYTES).map_mut(file) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_see_the_same_bytes() {
        let file = create().unwrap();
        let (mut one, two) = (map(&file).unwrap(), map(&file).unwrap());
        one[BYTES - 1] = 7;
        assert_eq!((two[0], two[BYTES - 1]), (0, 7));
        file.set_len(5).unwrap();
        assert!(map(&file).is_err());
    }
}
