//! Compressed features: the specification of the layouts in [`nearfield_abi::beicsr`], both ways.
//!
//! What is stored is the bits of every value that is not ±0, subnormals and NaNs as they are; a zero of either sign is not
//! stored and comes back as +0. A reader trusts nothing: it checks every record before it hands anything out.

mod malformed;
mod matrix;
mod pairs;
mod record;
mod shape;
#[cfg(test)]
mod tests;

pub use malformed::{Malformed, Rule};
pub use matrix::{check, decode, encode, Encoded};
pub use pairs::{check_pairs, decode_pairs, encode_pairs, Entry, Pair, Pairs};
pub use record::{check_record, decode_record, encode_record, nonzeros, Stored};
pub use shape::{Layout, Shape, ShapeError};
