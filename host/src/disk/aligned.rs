//! Memory for transfers past the page cache.

use memmap2::MmapMut;
use std::io;

/// What such transfers begin and end on, in memory and in files: the largest block that drives have.
pub const BLOCK: usize = 4096;

/// Memory that begins on a page. It is the system's until something is written into it.
///
/// It has huge pages where the system has them: a transfer of 4 MiB of small ones is a thousand pieces of memory, more than one request to a drive
/// takes.
#[derive(Debug)]
pub struct Aligned(MmapMut);

impl Aligned {
    /// `bytes` bytes of zeros, rounded up to whole blocks.
    ///
    /// # Errors
    ///
    /// When the system has no such memory.
    pub fn new(bytes: usize) -> io::Result<Aligned> {
        let memory = MmapMut::map_anon(bytes.max(1).next_multiple_of(BLOCK))?;
        // Only speed depends on it.
        #[cfg(target_os = "linux")]
        let _ = memory.advise(memmap2::Advice::HugePage);
        Ok(Aligned(memory))
    }

    /// All of it.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// All of it.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// All of it as numbers.
    pub fn floats(&self) -> &[f32] {
        bytemuck::cast_slice(&self.0)
    }

    /// All of it as numbers.
    pub fn floats_mut(&mut self) -> &mut [f32] {
        bytemuck::cast_slice_mut(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_and_ends_on_a_block() {
        for bytes in [0, 1, BLOCK, BLOCK + 1] {
            let mut memory = Aligned::new(bytes).unwrap();
            assert_eq!(memory.bytes().len(), bytes.max(1).next_multiple_of(BLOCK));
            assert_eq!(memory.bytes().as_ptr().align_offset(BLOCK), 0);
            memory.floats_mut()[0] = 1.0;
            assert_eq!(memory.floats()[0].to_bits().to_le_bytes(), memory.bytes()[..4]);
        }
    }
}
