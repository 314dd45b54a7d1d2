//! What the banks of a board hold: sparse, so that 4 GiB cost what is written of them.

use nearfield_abi::board::Board;
use nearfield_abi::kernel::AXI_BEAT_BYTES;

use super::random::Random;
use super::remote::{Remote, RemoteError, Window};
use super::Response;

/// 32-bit words of one beat.
pub const BEAT_WORDS: usize = AXI_BEAT_BYTES as usize / 4;

const PAGE_WORDS: usize = 1 << 14;
const PAGE_BYTES: u64 = PAGE_WORDS as u64 * 4;

/// A range of device addresses that is not within one bank.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes at {address:#x} do not lie in one bank; the banks are {banks}")]
pub struct OutsideBanks {
    /// The first address.
    pub address: u64,
    /// How many.
    pub bytes: u64,
    /// The banks' ranges.
    pub banks: String,
}

struct Bank {
    base: u64,
    bytes: u64,
    pages: Vec<Option<Box<[u32; PAGE_WORDS]>>>,
}

/// The memory of a board. What was never written reads as noise, as it does after power-on.
///
/// A kernel's ports may also see ranges that lie elsewhere ([`Memory::attach`]), in place of what a bank holds there. Their
/// pages are fetched when a beat of them is first touched and kept until [`Memory::settle`].
pub struct Memory {
    banks: Vec<Bank>,
    noise: Box<[u32; PAGE_WORDS]>,
    windows: Vec<Window>,
}

fn page() -> Box<[u32; PAGE_WORDS]> {
    vec![0; PAGE_WORDS].into_boxed_slice().try_into().expect("the length is the type's")
}

impl Memory {
    /// The memory of `board`, with noise drawn from `seed`.
    pub fn new(board: &Board, seed: u64) -> Memory {
        let bank = |i| Bank {
            base: board.bank_base(i),
            bytes: board.bank_bytes,
            pages: vec![None; board.bank_bytes.div_ceil(PAGE_BYTES) as usize],
        };
        let mut random = Random::new(seed, 0x6e_6f69_7365);
        let mut noise = page();
        noise.iter_mut().for_each(|w| *w = random.next() as u32);
        Memory { banks: (0..board.banks).map(bank).collect(), noise, windows: Vec::new() }
    }

    /// Lets ports find `bytes` bytes from `base` on in `remote`. [`Memory::read`] and [`Memory::write`] know nothing of it.
    ///
    /// # Panics
    ///
    /// The range is not made of pages of [`super::REMOTE_PAGE_BYTES`], or meets one that is attached.
    pub fn attach(&mut self, base: u64, bytes: u64, remote: Box<dyn Remote + Send>) {
        assert!(!self.windows.iter().any(|w| w.overlaps(base, bytes)), "a remote range at {base:#x} meets another");
        self.windows.push(Window::new(base, bytes, remote));
    }

    /// Takes a remote range away; what was written to it goes to where it lies first. Nothing happens if there is none at
    /// `base`.
    ///
    /// # Errors
    ///
    /// As [`Memory::settle`].
    pub fn detach(&mut self, base: u64) -> Result<(), RemoteError> {
        let Some(index) = self.windows.iter().position(|w| w.base() == base) else { return Ok(()) };
        self.windows.swap_remove(index).settle()
    }

    /// Brings what was written to remote ranges to where they lie, and forgets their pages: what is touched next is
    /// fetched again.
    ///
    /// # Errors
    ///
    /// Some of it could not be brought there, and is lost; the rest was.
    pub fn settle(&mut self) -> Result<(), RemoteError> {
        let mut result = Ok(());
        for window in &mut self.windows {
            // Also after one that failed.
            result = result.and(window.settle());
        }
        result
    }

    /// The remote range that holds a beat. On a board without any, this costs a look at a length.
    #[inline]
    fn window(&self, address: u64) -> Option<usize> {
        self.windows.iter().position(|w| w.covers(address))
    }

    /// The bank that holds all of `bytes` bytes at `address`, and the offset in it.
    fn locate(&self, address: u64, bytes: u64) -> Option<(usize, u64)> {
        self.banks.iter().enumerate().find_map(|(i, b)| {
            let offset = address.checked_sub(b.base)?;
            (bytes <= b.bytes && offset <= b.bytes - bytes).then_some((i, offset))
        })
    }

    /// The first address of the bank that holds `address`.
    pub fn bank_base(&self, address: u64) -> Option<u64> {
        self.locate(address, 1).map(|(bank, _)| self.banks[bank].base)
    }

    fn outside(&self, address: u64, bytes: u64) -> OutsideBanks {
        let banks: Vec<_> = self.banks.iter().map(|b| format!("{:#x}..{:#x}", b.base, b.base + b.bytes)).collect();
        OutsideBanks { address, bytes, banks: banks.join(", ") }
    }

    fn page_mut(&mut self, bank: usize, offset: u64) -> &mut [u32; PAGE_WORDS] {
        self.banks[bank].pages[(offset / PAGE_BYTES) as usize].get_or_insert_with(|| self.noise.clone())
    }

    fn page(&self, bank: usize, offset: u64) -> &[u32; PAGE_WORDS] {
        self.banks[bank].pages[(offset / PAGE_BYTES) as usize].as_ref().unwrap_or(&self.noise)
    }

    /// Writes bytes anywhere in one bank.
    ///
    /// # Errors
    ///
    /// They do not lie in one bank; nothing is written then.
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), OutsideBanks> {
        let length = bytes.len() as u64;
        let (bank, mut offset) = self.locate(address, length).ok_or_else(|| self.outside(address, length))?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let at = offset % PAGE_BYTES;
            let (now, later) = rest.split_at(rest.len().min((PAGE_BYTES - at) as usize));
            let words = self.page_mut(bank, offset);
            // Bytes up to the first whole word, whole words, bytes after the last one.
            let head = now.len().min((at.wrapping_neg() % 4) as usize);
            let (head, body) = now.split_at(head);
            let mut single = |at: u64, bytes: &[u8]| {
                for (i, &byte) in (at..).zip(bytes) {
                    let (word, shift) = (&mut words[(i / 4) as usize], i % 4 * 8);
                    *word = *word & !(0xff << shift) | u32::from(byte) << shift;
                }
            };
            single(at, head);
            let whole = body.len() / 4 * 4;
            let from = (at as usize + head.len()) / 4;
            single(at + (head.len() + whole) as u64, &body[whole..]);
            for (word, bytes) in words[from.min(PAGE_WORDS)..].iter_mut().zip(body[..whole].chunks_exact(4)) {
                *word = u32::from_le_bytes(bytes.try_into().expect("chunks of 4"));
            }
            offset += now.len() as u64;
            rest = later;
        }
        Ok(())
    }

    /// Reads bytes from anywhere in one bank.
    ///
    /// # Errors
    ///
    /// They do not lie in one bank.
    pub fn read(&self, address: u64, into: &mut [u8]) -> Result<(), OutsideBanks> {
        let length = into.len() as u64;
        let (bank, mut offset) = self.locate(address, length).ok_or_else(|| self.outside(address, length))?;
        let mut rest = into;
        while !rest.is_empty() {
            let at = (offset % PAGE_BYTES) as usize;
            let words = self.page(bank, offset);
            let count = rest.len().min(PAGE_BYTES as usize - at);
            let (now, later) = rest.split_at_mut(count);
            if at.is_multiple_of(4) {
                for (bytes, word) in now.chunks_mut(4).zip(&words[at / 4..]) {
                    bytes.copy_from_slice(&word.to_le_bytes()[..bytes.len()]);
                }
            } else {
                for (i, byte) in (at..).zip(now) {
                    *byte = words[i / 4].to_le_bytes()[i % 4];
                }
            }
            offset += count as u64;
            rest = later;
        }
        Ok(())
    }

    /// The beat at an address that is a multiple of its size.
    ///
    /// # Errors
    ///
    /// What a port answers instead: [`Response::DecodeError`] if it lies in no bank and no remote range, and
    /// [`Response::SlaveError`] if a remote range could not be read.
    #[inline]
    pub fn beat(&mut self, address: u64) -> Result<&[u32; BEAT_WORDS], Response> {
        if let Some(window) = self.window(address) {
            return self.windows[window].beat(address);
        }
        let (bank, offset) = self.locate(address, u64::from(AXI_BEAT_BYTES)).ok_or(Response::DecodeError)?;
        let at = (offset % PAGE_BYTES) as usize / 4;
        Ok(self.page(bank, offset)[at..at + BEAT_WORDS].try_into().expect("the length is the type's"))
    }

    /// Writes those bytes of a beat whose bit in `strobe` is set; an address that cannot be written is left alone.
    #[inline]
    pub fn write_beat(&mut self, address: u64, data: &[u32; BEAT_WORDS], strobe: u64) {
        if let Some(window) = self.window(address) {
            return self.windows[window].write_beat(address, data, strobe);
        }
        let Some((bank, offset)) = self.locate(address, u64::from(AXI_BEAT_BYTES)) else { return };
        let at = (offset % PAGE_BYTES) as usize / 4;
        merge(&mut self.page_mut(bank, offset)[at..at + BEAT_WORDS], data, strobe);
    }
}

/// Takes over those bytes of a beat whose bit in `strobe` is set.
#[inline]
pub(super) fn merge(words: &mut [u32], data: &[u32; BEAT_WORDS], strobe: u64) {
    if strobe == u64::MAX {
        return words.copy_from_slice(data);
    }
    for (i, (word, &new)) in words.iter_mut().zip(data).enumerate() {
        let nibble = (strobe >> (4 * i)) as u32;
        let mask = (0..4).fold(0, |m, byte| m | ((((nibble >> byte) & 1) * 0xff) << (8 * byte)));
        *word = (*word & !mask) | (new & mask);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> (Memory, u64) {
        let board = Board::from_name("hostile").unwrap();
        (Memory::new(board, 1), board.bank_base(1))
    }

    #[test]
    fn bytes_come_back_wherever_they_lie() {
        let (mut memory, base) = memory();
        let mut random = Random::new(3, 0);
        let mut mirror = vec![0u8; 3 * PAGE_BYTES as usize];
        memory.write(base, &mirror).unwrap();
        for _ in 0..2000 {
            let from = random.below(mirror.len() as u32) as usize;
            let length = (random.below(300) as usize).min(mirror.len() - from);
            for byte in &mut mirror[from..from + length] {
                *byte = random.next() as u8;
            }
            memory.write(base + from as u64, &mirror[from..from + length]).unwrap();
            let from = random.below(mirror.len() as u32) as usize;
            let mut back = vec![0; (random.below(300) as usize).min(mirror.len() - from)];
            memory.read(base + from as u64, &mut back).unwrap();
            assert_eq!(back, mirror[from..from + back.len()]);
        }
        let mut all = vec![0; mirror.len()];
        memory.read(base, &mut all).unwrap();
        assert!(all == mirror);
    }

    #[test]
    fn strobes_choose_bytes() {
        let (mut memory, base) = memory();
        memory.write(base, &[0xaa; 64]).unwrap();
        memory.write_beat(base, &[0x1122_3344; BEAT_WORDS], 0b0110 | 1 << 63);
        let mut back = [0; 64];
        memory.read(base, &mut back).unwrap();
        assert_eq!(back[..5], [0xaa, 0x33, 0x22, 0xaa, 0xaa]);
        assert_eq!(back[62..], [0xaa, 0x11]);
        assert_eq!(memory.beat(base).unwrap()[0], 0xaa22_33aa);
    }

    #[test]
    fn what_lies_outside_is_refused() {
        let (mut memory, base) = memory();
        let end = base + (64 << 20);
        assert!(memory.write(end - 1, &[0]).is_ok());
        let error = memory.write(end - 1, &[0, 0]).unwrap_err().to_string();
        assert!(error.contains("2 bytes") && error.contains("0x1234500000"), "{error}");
        assert!(memory.read(u64::MAX, &mut [0; 8]).is_err());
        assert_eq!(memory.beat(end), Err(Response::DecodeError));
        assert_eq!(memory.bank_base(end - 1), Some(base));
    }

    #[test]
    fn what_was_never_written_is_noise() {
        let (memory, base) = memory();
        let mut bytes = [0; 64];
        memory.read(base, &mut bytes).unwrap();
        assert!(bytes.iter().any(|&b| b != 0));
    }
}
