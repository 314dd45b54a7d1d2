//! Features as the aggregation kernel reads them: records compressed by a bitmap, the layouts they are compared with, and
//! where in memory each piece lies.
//!
//! A feature matrix of `rows` vertices and `width` columns is cut into slices of `C` columns, the last one narrower where `C`
//! does not divide the width. Row `row` of slice `slice` is record `slice · rows + row`; all records of a layout have the same
//! number of lines of [`LINE_BYTES`], however full they are:
//!
//! | layout | bytes of record r | length |
//! |---|---|---|
//! | BEICSR | `C/32` bitmap words, then the values that are not ±0, packed; or, in dense escape, the `C` values as they are | table, u8 at r: lines used, [`EMPTY`], [`ESCAPE`] |
//! | published | bitmap and values, always | in the bitmap; the table is optional, without escape |
//! | pairs | `{column u32, value f32}` a value that is not ±0, packed over all records | table, [`PAIR_ENTRY_BYTES`] at 8 · r: first pair u32, count u32 |
//! | dense | rows of `width` values, each padded to a line | none |
//!
//! All numbers are little-endian. `docs/formats.md` has the rules and an example. Sizes here are for shapes that
//! [`fits`] says are built; nothing overflows for those.

/// Bytes of a line, which is a beat and what a cache keeps.
pub const LINE_BYTES: u64 = 64;
/// 32-bit words of a line.
pub const LINE_WORDS: u64 = 16;
/// Columns that one word of the bitmap says something of.
pub const WORD_COLUMNS: u64 = 32;
/// The widest slice; the narrowest is [`WORD_COLUMNS`], and all are multiples of that.
pub const SLICE_MOST: u64 = 256;
/// The most columns of a matrix.
pub const WIDTH_MOST: u64 = 4096;
/// The most rows of a matrix: ids of vertices lie below [`BYPASS`].
pub const ROWS_MOST: u64 = (1 << 31) - 1;
/// Length of a record without values: none of its lines is read.
pub const EMPTY: u8 = 0;
/// Length of a record in dense escape: all its lines are values.
pub const ESCAPE: u8 = 255;
/// Bytes of a pair: column within the slice u32, value f32.
pub const PAIR_BYTES: u64 = 8;
/// Bytes of a record's entry in the table of pairs: first pair, counted from the region's start, u32; number of pairs u32.
pub const PAIR_ENTRY_BYTES: u64 = 8;
/// Bit of a column id: the vertex's record is not worth a place in the cache after this use.
pub const BYPASS: u32 = 1 << 31;
/// Bytes of a region that lie in one memory port before the next port's turn.
pub const STRIPE_BYTES: u64 = 1024;

/// Whether slices of this many columns are built.
pub const fn slice_is_built(slice: u64) -> bool {
    slice >= WORD_COLUMNS && slice <= SLICE_MOST && slice.is_multiple_of(WORD_COLUMNS)
}

/// Whether a matrix of this shape in slices of this many columns is built.
pub const fn fits(rows: u64, width: u64, slice: u64) -> bool {
    rows >= 1 && rows <= ROWS_MOST && width >= 1 && width <= WIDTH_MOST && slice_is_built(slice)
}

/// Slices of a row.
pub const fn slices(width: u64, slice: u64) -> u64 {
    width.div_ceil(slice)
}

/// Words of a record's bitmap.
pub const fn bitmap_words(slice: u64) -> u64 {
    slice / WORD_COLUMNS
}

/// Lines of a BEICSR record.
pub const fn record_lines(slice: u64) -> u64 {
    slice / LINE_WORDS
}

/// Values that a BEICSR record holds beside its bitmap. With more it is in dense escape.
pub const fn capacity(slice: u64) -> u64 {
    LINE_WORDS * record_lines(slice) - bitmap_words(slice)
}

/// Lines of a record in the published layout: room for the bitmap and all values.
pub const fn published_lines(slice: u64) -> u64 {
    (bitmap_words(slice) + slice).div_ceil(LINE_WORDS)
}

/// Lines of a record that bitmap and this many values use.
pub const fn used_lines(slice: u64, nonzeros: u64) -> u64 {
    (bitmap_words(slice) + nonzeros).div_ceil(LINE_WORDS)
}

/// What the length table of BEICSR says of a record with this many values.
pub const fn length(slice: u64, nonzeros: u64) -> u8 {
    if nonzeros == 0 {
        EMPTY
    } else if nonzeros > capacity(slice) {
        ESCAPE
    } else {
        // At most 16 lines.
        used_lines(slice, nonzeros) as u8
    }
}

/// What the length table of the published layout says of it, where there is one.
pub const fn published_length(slice: u64, nonzeros: u64) -> u8 {
    if nonzeros == 0 {
        EMPTY
    } else {
        // At most 17 lines.
        used_lines(slice, nonzeros) as u8
    }
}

/// Records of a matrix, which is also the number of entries of its table.
pub const fn records(rows: u64, width: u64, slice: u64) -> u64 {
    rows * slices(width, slice)
}

/// Number of the record of a row and a slice.
pub const fn record(rows: u64, slice_index: u64, row: u64) -> u64 {
    slice_index * rows + row
}

/// First byte of a record of `lines` lines, from the start of its region.
pub const fn record_at(lines: u64, record: u64) -> u64 {
    LINE_BYTES * lines * record
}

/// The byte of the length table that is about a record, from the start of the table.
pub const fn length_at(record: u64) -> u64 {
    record
}

/// First byte of a record's entry in the table of pairs, from the start of the table.
pub const fn pair_entry_at(record: u64) -> u64 {
    PAIR_ENTRY_BYTES * record
}

/// First byte of a pair, from the start of the pairs.
pub const fn pair_at(pair: u64) -> u64 {
    PAIR_BYTES * pair
}

/// Lines of a row of dense features or of the output, whatever the slices are.
pub const fn row_lines(width: u64) -> u64 {
    width.div_ceil(LINE_WORDS)
}

/// First byte of a row of dense features or of the output, from the start of its region.
pub const fn row_at(width: u64, row: u64) -> u64 {
    LINE_BYTES * row_lines(width) * row
}

/// Bytes of whole lines that hold this many.
pub const fn padded(bytes: u64) -> u64 {
    bytes.div_ceil(LINE_BYTES) * LINE_BYTES
}

/// Which of the memory ports a byte of the arena lies in, and where in that port's memory.
pub const fn striped(byte: u64, ports: u64) -> (u64, u64) {
    let stripe = byte / STRIPE_BYTES;
    (stripe % ports, stripe / ports * STRIPE_BYTES + byte % STRIPE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_every_slice() {
        let built = (0..=512).filter(|&slice| slice_is_built(slice));
        let lines = built.map(|slice| (slice, record_lines(slice), capacity(slice), published_lines(slice)));
        let expected = [
            (32, 2, 31, 3),
            (64, 4, 62, 5),
            (96, 6, 93, 7),
            (128, 8, 124, 9),
            (160, 10, 155, 11),
            (192, 12, 186, 13),
            (224, 14, 217, 15),
            (256, 16, 248, 17),
        ];
        assert!(lines.eq(expected));
    }

    #[test]
    fn lengths_at_their_borders() {
        assert_eq!([0, 1, 8, 9, 24, 25, 248, 249, 256].map(|n| length(256, n)), [0, 1, 1, 2, 2, 3, 16, 255, 255]);
        assert_eq!([0, 15, 16, 31, 32].map(|n| length(32, n)), [0, 1, 2, 2, 255]);
        assert_eq!([0, 15, 16, 31, 32].map(|n| published_length(32, n)), [0, 1, 2, 2, 3]);
        assert_eq!(published_length(256, 256), 17);
    }

    #[test]
    fn places_in_memory() {
        assert_eq!((slices(256, 96), slices(1, 256), records(10, 256, 96)), (3, 1, 30));
        assert_eq!((record(10, 2, 3), record_at(6, 23), pair_entry_at(23), pair_at(5)), (23, 8832, 184, 40));
        assert_eq!((row_lines(1), row_lines(16), row_lines(17), row_at(17, 3)), (1, 1, 2, 384));
        assert_eq!((padded(0), padded(1), padded(64)), (0, 64, 64));
        assert_eq!(striped(5000, 1), (0, 5000));
        assert_eq!(
            [0, 1023, 1024, 8191, 8192].map(|b| striped(b, 8)),
            [(0, 0), (0, 1023), (1, 0), (7, 1023), (0, 1024)]
        );
        assert!(fits(1, 1, 32) && fits(ROWS_MOST, WIDTH_MOST, SLICE_MOST));
        assert!(!fits(0, 1, 32) && !fits(1, 0, 32) && !fits(1, 4097, 32) && !fits(1 << 31, 1, 32) && !fits(1, 1, 48));
        // The largest shape does not overflow.
        let records = records(ROWS_MOST, WIDTH_MOST, 32);
        assert_eq!(record_at(published_lines(32), records) / 192, records);
    }
}
