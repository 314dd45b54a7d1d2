//! Where fields lie in the words that the front end's queues carry; a field's name says how wide it is there.
//!
//! | word | bits |
//! |---|---|
//! | place | row 31, out 32, base 32, line 9, segments 5: what is known of a row in a slice |
//! | row | place, begin 32, end 32 |
//! | edge | place, weight 32, column 31, bypass 1, context 4, last 1, hollow 1 |
//! | request | line address 32, tag 11 (kind 3 above slot 8), noalloc 1 |

/// Bits of a place.
pub const PLACE_BITS: usize = 109;
/// The row's number.
pub const PLACE_ROW: usize = 0;
/// Line address of the row's first output line of this slice.
pub const PLACE_OUT: usize = 31;
/// Number of the slice's record 0: slice times rows.
pub const PLACE_BASE: usize = 63;
/// Lines before the slice in a dense row.
pub const PLACE_LINE: usize = 95;
/// Segments of 16 columns in the slice, 1 to 16.
pub const PLACE_SEGMENTS: usize = 104;

/// Bits of a row.
pub const ROW_BITS: usize = 173;
/// Its first edge.
pub const ROW_BEGIN: usize = PLACE_BITS;
/// The edge after its last.
pub const ROW_END: usize = PLACE_BITS + 32;

/// Bits of an edge.
pub const EDGE_BITS: usize = 179;
/// The weight.
pub const EDGE_WEIGHT: usize = PLACE_BITS;
/// The neighbour.
pub const EDGE_COLUMN: usize = PLACE_BITS + 32;
/// Its lines are not worth a place in the cache.
pub const EDGE_BYPASS: usize = PLACE_BITS + 63;
/// The context that works at the row.
pub const EDGE_CONTEXT: usize = PLACE_BITS + 64;
/// It is the row's last.
pub const EDGE_LAST: usize = PLACE_BITS + 68;
/// It is no edge: the row has none.
pub const EDGE_HOLLOW: usize = PLACE_BITS + 69;

/// Bits of a request.
pub const REQUEST_BITS: usize = 44;
/// Where the tag lies in a request.
pub const REQUEST_TAG: usize = 32;
/// The line is not to be kept.
pub const REQUEST_NOALLOC: usize = 43;
/// Kind of a tag: a line of features, for the window.
pub const KIND_FEATURE: u64 = 0;
/// An entry of the length table, or a record's first line.
pub const KIND_LOOKUP: u64 = 1;
/// Column ids.
pub const KIND_COLUMN: u64 = 2;
/// Weights.
pub const KIND_WEIGHT: u64 = 3;
/// Row pointers.
pub const KIND_ROW: u64 = 4;

// A shift takes no constant of this kind, so the words are put together with these numbers.
const _: () = assert!(PLACE_OUT == 31 && PLACE_BASE == 63 && PLACE_LINE == 95 && PLACE_SEGMENTS == 104);
const _: () = assert!(ROW_BEGIN == 109 && ROW_END == 141 && REQUEST_TAG == 32 && REQUEST_NOALLOC == 43);
const _: () = assert!(EDGE_WEIGHT == 109 && EDGE_COLUMN == 141 && EDGE_BYPASS == 172);
const _: () = assert!(EDGE_CONTEXT == 173 && EDGE_LAST == 177 && EDGE_HOLLOW == 178);
