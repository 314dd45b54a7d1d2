//! Any bytes as a Top-K stream: read or refused, and laid out, without a panic.
#![no_main]

use nearfield::topk::Stream;
use nearfield_abi::checksum::Checksum;
use nearfield_abi::topk::{chunk_bytes, chunks, table_bytes, ENTRY_BYTES, HEADER_BYTES, MAGIC};

/// The longest run that is laid out.
const DENSE: u64 = 1 << 20;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    seal(&mut bytes);
    if let Ok(stream) = Stream::parse(&bytes) {
        let pairs = stream.pairs();
        assert_eq!(pairs.len() as u64, stream.kept());
        assert!(pairs.indices.last().is_none_or(|&last| last < stream.elements()));
        if stream.elements() <= DENSE {
            stream.expand_into(&mut vec![1.0; stream.elements() as usize]);
        }
    }
});

/// Sets magic and checksums right as far as the table makes sense, so that the search is not spent on them.
fn seal(bytes: &mut [u8]) -> Option<()> {
    bytes.get_mut(..MAGIC.len())?.copy_from_slice(&MAGIC);
    let format = u32::from_le_bytes(bytes.get(8..12)?.try_into().ok()?);
    let elements = u64::from_le_bytes(bytes.get(16..24)?.try_into().ok()?);
    let mut at = HEADER_BYTES.checked_add(table_bytes(elements)?)? as usize;
    bytes.get(..at)?;
    for chunk in 0..chunks(elements) {
        let entry = (HEADER_BYTES + chunk * ENTRY_BYTES) as usize;
        let kept = u32::from_le_bytes(bytes.get(entry..entry + 4)?.try_into().ok()?);
        let end = at.checked_add(chunk_bytes(kept, format)? as usize)?;
        let sum = Checksum::of(bytes.get(at..end)?).folded();
        bytes.get_mut(entry + 8..entry + 16)?.copy_from_slice(&sum.to_le_bytes());
        at = end;
    }
    Some(())
}
