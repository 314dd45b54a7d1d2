//! The Top-K compressed gradient: layout of a stream.
//!
//! One stream holds one flat run of elements (a subgroup), front to back, all numbers little-endian:
//!
//! | bytes | content |
//! |---|---|
//! | 0–7 | [`MAGIC`] |
//! | 8–11 | the [`mod@format`] of the values, u32 |
//! | 12–15 | 0 |
//! | 16–23 | elements, u64 |
//! | 24–31 | kept elements, u64 |
//! | 32–63 | 0 |
//! | table | an entry of [`ENTRY_BYTES`] a chunk of [`CHUNK_ELEMENTS`] elements, the last chunk short: kept count u32 (0 to 65,536), 0 u32, checksum u64 of the chunk's bytes ([`crate::checksum::Checksum::folded`]); zeros up to a multiple of [`ALIGNMENT`] |
//! | chunks | groups of up to [`GROUP`] kept elements: [`INDEX_BYTES`] of u16 indices local to the chunk, ascending, padded with [`PADDING`]; then their values, padded with zeros |
//!
//! A chunk that keeps nothing has no bytes.

/// The first eight bytes.
pub const MAGIC: [u8; 8] = *b"NFTOPK01";
/// Bytes before the table.
pub const HEADER_BYTES: u64 = 64;
/// Elements of a chunk: a local index fits 16 bits.
pub const CHUNK_ELEMENTS: u64 = 1 << 16;
/// Bytes of the table's entry for a chunk.
pub const ENTRY_BYTES: u64 = 16;
/// Table and chunks begin on a multiple of this, which is a beat.
pub const ALIGNMENT: u64 = 64;
/// The most kept elements of a group.
pub const GROUP: u64 = 32;
/// Bytes of a group's indices.
pub const INDEX_BYTES: u64 = 2 * GROUP;
/// What stands behind a group's last index. The table's counts say where it begins, for 65,535 is an index too.
pub const PADDING: u16 = 0xffff;

/// Formats of values.
pub mod format {
    /// IEEE 754 binary32.
    pub const FP32: u32 = 0;
    /// IEEE 754 binary16.
    pub const FP16: u32 = 1;
    /// The upper half of a binary32.
    pub const BF16: u32 = 2;
}

/// What a decompressor finds wrong with a stream.
pub mod fault {
    /// Nothing.
    pub const NONE: u32 = 0;
    /// The header: its magic, format, element count or a byte that has to be 0.
    pub const HEADER: u32 = 1;
    /// The table: a count above the chunk's elements, a sum that is not the header's, a byte that has to be 0.
    pub const COUNT: u32 = 2;
    /// An index that is not above the one before it.
    pub const ORDER: u32 = 3;
    /// An index past the last element.
    pub const RANGE: u32 = 4;
    /// A chunk's checksum.
    pub const CHECKSUM: u32 = 5;
    /// The stream ends too early.
    pub const TRUNCATED: u32 = 6;
    /// Something follows the last chunk.
    pub const SURPLUS: u32 = 7;
}

/// Bytes of a value, or `None` for an unknown format.
pub const fn value_bytes(format: u32) -> Option<u64> {
    match format {
        format::FP32 => Some(4),
        format::FP16 | format::BF16 => Some(2),
        _ => None,
    }
}

/// Chunks of a run of `elements`.
pub const fn chunks(elements: u64) -> u64 {
    elements.div_ceil(CHUNK_ELEMENTS)
}

/// Bytes of the table, padding included, or `None` where they do not fit 64 bits.
pub const fn table_bytes(elements: u64) -> Option<u64> {
    match chunks(elements).checked_mul(ENTRY_BYTES) {
        Some(bytes) => bytes.checked_next_multiple_of(ALIGNMENT),
        None => None,
    }
}

/// Bytes of a chunk that keeps `kept` elements, or `None` for an unknown format.
pub const fn chunk_bytes(kept: u32, format: u32) -> Option<u64> {
    match value_bytes(format) {
        Some(bytes) => Some((kept as u64).div_ceil(GROUP) * (INDEX_BYTES + GROUP * bytes)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_table_above() {
        assert_eq!((value_bytes(format::FP32), value_bytes(format::BF16), value_bytes(3)), (Some(4), Some(2), None));
        assert_eq!((chunks(0), chunks(1), chunks(65_536), chunks(65_537)), (0, 1, 1, 2));
        assert_eq!((table_bytes(1), table_bytes(4 << 16), table_bytes((4 << 16) + 1)), (Some(64), Some(64), Some(128)));
        assert_eq!(chunk_bytes(0, format::FP16), Some(0));
        assert_eq!((chunk_bytes(1, format::FP16), chunk_bytes(32, format::FP32)), (Some(128), Some(192)));
        assert_eq!(chunk_bytes(33, format::FP32), Some(384));
        assert!(table_bytes(u64::MAX).is_some());
    }
}
