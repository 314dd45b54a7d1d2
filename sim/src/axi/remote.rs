//! Ranges of a board's memory that lie elsewhere: in a file that somebody has mapped, or with a host.

use std::collections::BTreeMap;
use std::io;

use nearfield_abi::kernel::{AXI_BEAT_BYTES, AXI_BURST_BEATS};

use super::memory::{merge, BEAT_WORDS};
use super::Response;

/// What is fetched at once: no burst of AXI crosses such a page.
pub const REMOTE_PAGE_BYTES: u64 = (AXI_BURST_BEATS * AXI_BEAT_BYTES) as u64;

const PAGE_BEATS: usize = AXI_BURST_BEATS as usize;
const PAGE_WORDS: usize = REMOTE_PAGE_BYTES as usize / 4;
const BEAT: u64 = AXI_BEAT_BYTES as u64;

/// Where the bytes of a remote range are.
pub trait Remote {
    /// Fills `into` with what lies `offset` bytes from the range's start.
    ///
    /// # Errors
    ///
    /// They cannot be had; whoever asked is answered with `SLVERR`, for the whole page, until the pages are settled.
    fn fetch(&mut self, offset: u64, into: &mut [u8]) -> io::Result<()>;

    /// Puts `bytes` at `offset` bytes from the range's start.
    ///
    /// # Errors
    ///
    /// They cannot be put there.
    fn store(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
}

/// What a kernel wrote does not reach the place where the memory lies.
#[derive(Debug, thiserror::Error)]
#[error("cannot bring {bytes} bytes that were written to {address:#x} to where that memory lies: {source}")]
pub struct RemoteError {
    /// The device's address.
    pub address: u64,
    /// How many.
    pub bytes: usize,
    /// Why.
    pub source: io::Error,
}

/// A page as it was fetched, and what has been written to it since.
struct Page {
    words: Box<[u32; PAGE_WORDS]>,
    /// A word a beat, one bit a byte: it has been written. Only such bytes go back, so that what others write beside them
    /// stays.
    written: [u64; PAGE_BEATS],
}

/// A remote range and the pages of it that have been touched.
pub(super) struct Window {
    base: u64,
    bytes: u64,
    remote: Box<dyn Remote + Send>,
    /// By number; nothing for a page that could not be fetched.
    pages: BTreeMap<u64, Option<Page>>,
}

impl Window {
    /// A range of whole pages.
    pub(super) fn new(base: u64, bytes: u64, remote: Box<dyn Remote + Send>) -> Window {
        assert!(
            base.is_multiple_of(REMOTE_PAGE_BYTES) && bytes.is_multiple_of(REMOTE_PAGE_BYTES),
            "a remote range consists of whole pages: {bytes:#x} bytes at {base:#x}"
        );
        Window { base, bytes, remote, pages: BTreeMap::new() }
    }

    pub(super) fn base(&self) -> u64 {
        self.base
    }

    /// Whether a beat, which lies in one page, lies here.
    pub(super) fn covers(&self, address: u64) -> bool {
        address.checked_sub(self.base).is_some_and(|offset| offset < self.bytes)
    }

    pub(super) fn overlaps(&self, base: u64, bytes: u64) -> bool {
        base < self.base + self.bytes && self.base < base + bytes
    }

    /// The page that holds an address, fetched if this is the first touch, and the beat's number in it.
    fn page(&mut self, address: u64) -> Option<(&mut Page, usize)> {
        let offset = address - self.base;
        let number = offset / REMOTE_PAGE_BYTES;
        let remote = &mut self.remote;
        let page = self.pages.entry(number).or_insert_with(|| {
            let mut bytes = [0; REMOTE_PAGE_BYTES as usize];
            if let Err(error) = remote.fetch(number * REMOTE_PAGE_BYTES, &mut bytes) {
                tracing::warn!(address = format!("{address:#x}"), %error, "remote memory cannot be read");
                return None;
            }
            let mut words: Box<[u32; PAGE_WORDS]> =
                vec![0; PAGE_WORDS].into_boxed_slice().try_into().expect("the length is the type's");
            for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
                *word = u32::from_le_bytes(bytes.try_into().expect("chunks of 4"));
            }
            Some(Page { words, written: [0; PAGE_BEATS] })
        });
        page.as_mut().map(|page| (page, (offset % REMOTE_PAGE_BYTES / BEAT) as usize))
    }

    pub(super) fn beat(&mut self, address: u64) -> Result<&[u32; BEAT_WORDS], Response> {
        let (page, beat) = self.page(address).ok_or(Response::SlaveError)?;
        let words = &page.words[beat * BEAT_WORDS..][..BEAT_WORDS];
        Ok(words.try_into().expect("the length is the type's"))
    }

    pub(super) fn write_beat(&mut self, address: u64, data: &[u32; BEAT_WORDS], strobe: u64) {
        let Some((page, beat)) = self.page(address) else { return };
        merge(&mut page.words[beat * BEAT_WORDS..][..BEAT_WORDS], data, strobe);
        page.written[beat] |= strobe;
    }

    /// Stores every run of written bytes, and forgets all pages, also where that fails.
    pub(super) fn settle(&mut self) -> Result<(), RemoteError> {
        let mut result = Ok(());
        for (number, page) in std::mem::take(&mut self.pages) {
            let Some(page) = page else { continue };
            let bytes: Vec<u8> = page.words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let written = |byte: &usize| page.written[byte / 64] >> (byte % 64) & 1 == 1;
            let mut from = 0;
            while let Some(begin) = (from..bytes.len()).find(written) {
                let end = (begin..bytes.len()).find(|byte| !written(byte)).unwrap_or(bytes.len());
                let offset = number * REMOTE_PAGE_BYTES + begin as u64;
                if let Err(source) = self.remote.store(offset, &bytes[begin..end]) {
                    result = Err(RemoteError { address: self.base + offset, bytes: end - begin, source });
                }
                from = end;
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::super::Memory;
    use super::*;
    use nearfield_abi::board::Board;
    use std::sync::{Arc, Mutex};

    /// What a remote place holds, and what was asked of it.
    #[derive(Default)]
    struct Place {
        bytes: Vec<u8>,
        calls: Vec<(char, u64, usize)>,
    }

    struct Shared(Arc<Mutex<Place>>);

    impl Remote for Shared {
        fn fetch(&mut self, offset: u64, into: &mut [u8]) -> io::Result<()> {
            let mut place = self.0.lock().unwrap();
            place.calls.push(('f', offset, into.len()));
            let found = place.bytes.get(offset as usize..offset as usize + into.len());
            into.copy_from_slice(found.ok_or_else(|| io::Error::other("not there"))?);
            Ok(())
        }

        fn store(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
            let mut place = self.0.lock().unwrap();
            place.calls.push(('s', offset, bytes.len()));
            let target = place.bytes.get_mut(offset as usize..offset as usize + bytes.len());
            target.ok_or_else(|| io::Error::other("not there"))?.copy_from_slice(bytes);
            Ok(())
        }
    }

    /// Four pages at `base`, the last of which are not there.
    fn attached(base: u64, there: usize) -> (Memory, Arc<Mutex<Place>>) {
        let place = Arc::new(Mutex::new(Place { bytes: vec![7; there], calls: Vec::new() }));
        let mut memory = Memory::new(Board::from_name("ideal").unwrap(), 1);
        memory.attach(base, 4 * REMOTE_PAGE_BYTES, Box::new(Shared(place.clone())));
        (memory, place)
    }

    #[test]
    fn pages_are_fetched_once_and_only_written_bytes_go_back() {
        let base = 1 << 40;
        let (mut memory, place) = attached(base, 8192);
        assert_eq!(memory.beat(base + 64), Ok(&[0x0707_0707; BEAT_WORDS]));
        for beat in [2, 3, 63] {
            memory.write_beat(base + beat * 64, &[1; BEAT_WORDS], u64::MAX);
        }
        memory.write_beat(base + 4096 + 64, &[u32::MAX; BEAT_WORDS], 0b10);
        assert_eq!(memory.beat(base + 128), Ok(&[1; BEAT_WORDS]));
        // What a host writes beside them in the meantime stays.
        place.lock().unwrap().bytes[0] = 9;
        memory.settle().unwrap();
        let place = place.lock().unwrap();
        let stores = [('s', 128, 128), ('s', 63 * 64, 64), ('s', 4096 + 65, 1)];
        assert_eq!(place.calls, [&[('f', 0, 4096), ('f', 4096, 4096)][..], &stores].concat());
        assert_eq!(place.bytes[..3], [9, 7, 7]);
        assert_eq!(place.bytes[128..132], [1, 0, 0, 0]);
        assert_eq!(place.bytes[4160..4163], [7, 255, 7]);
    }

    #[test]
    fn settling_forgets() {
        let base = 1 << 40;
        let (mut memory, place) = attached(base, 4096);
        memory.beat(base).unwrap();
        place.lock().unwrap().bytes.fill(8);
        assert_eq!(memory.beat(base), Ok(&[0x0707_0707; BEAT_WORDS]));
        memory.settle().unwrap();
        assert_eq!(memory.beat(base), Ok(&[0x0808_0808; BEAT_WORDS]));
        assert_eq!(place.lock().unwrap().calls.len(), 2, "a page that was only read is not stored");
    }

    #[test]
    fn what_cannot_be_fetched_is_a_slave_error_until_settled() {
        let base = 1 << 40;
        let (mut memory, place) = attached(base, 4096);
        assert_eq!(memory.beat(base + 4096), Err(Response::SlaveError));
        memory.write_beat(base + 4096, &[1; BEAT_WORDS], u64::MAX);
        assert_eq!(place.lock().unwrap().calls.len(), 1);
        memory.settle().unwrap();
        place.lock().unwrap().bytes.resize(8192, 3);
        assert_eq!(memory.beat(base + 4096), Ok(&[0x0303_0303; BEAT_WORDS]));
        assert_eq!(memory.beat(base + 4 * 4096), Err(Response::DecodeError), "behind the range there is nothing");
    }

    #[test]
    fn what_cannot_be_stored_is_an_error_and_the_rest_is_stored() {
        let base = 1 << 40;
        let (mut memory, place) = attached(base, 8192);
        memory.write_beat(base, &[1; BEAT_WORDS], u64::MAX);
        memory.write_beat(base + 4096, &[2; BEAT_WORDS], u64::MAX);
        place.lock().unwrap().bytes.truncate(4096);
        let error = memory.settle().unwrap_err().to_string();
        assert!(error.contains("64 bytes") && error.contains("0x10000001000"), "{error}");
        assert_eq!(place.lock().unwrap().bytes[0], 1);
        memory.settle().unwrap();
    }

    #[test]
    fn a_range_hides_a_bank_until_it_is_detached() {
        let (mut memory, place) = attached(0x10_0000, 4 * 4096);
        memory.write(0x10_0000, &[5; 64]).unwrap();
        assert_eq!(memory.beat(0x10_0000), Ok(&[0x0707_0707; BEAT_WORDS]));
        memory.write_beat(0x10_0000, &[6; BEAT_WORDS], u64::MAX);
        memory.detach(0x10_0000).unwrap();
        assert_eq!(memory.beat(0x10_0000), Ok(&[0x0505_0505; BEAT_WORDS]));
        assert_eq!(place.lock().unwrap().bytes[0], 6, "what was written went back first");
    }

    #[test]
    #[should_panic(expected = "meets another")]
    fn ranges_do_not_meet() {
        let (mut memory, place) = attached(1 << 40, 0);
        memory.attach((1 << 40) + 3 * 4096, 4096, Box::new(Shared(place)));
    }
}
