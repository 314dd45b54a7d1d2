//! Ids of `gradient_norm`'s arguments.

use super::gradients::{ELEMENTS_DOC, GRAD_BYTES_DOC, GRAD_FORMAT_DOC};
use super::{pointer, ArgumentKind, Master, Stream};
use ArgumentKind::U32;

pub use super::gradients::{grad_format, MAX_TOPK_ELEMENTS};

/// Gradients, in `grad_format`.
pub const GRADS: usize = 0;
/// Number of elements, at least 1.
pub const ELEMENTS: usize = 1;
/// See [`grad_format`].
pub const GRAD_FORMAT: usize = 2;
/// Bytes of a Top-K stream, a multiple of 64; of no account for dense gradients.
pub const GRAD_BYTES: usize = 3;

pub(super) const LIST: [(&str, ArgumentKind, &str); 4] = [
    pointer("grads", 0, "gradients, read"),
    ("elements", U32, ELEMENTS_DOC),
    ("grad_format", U32, GRAD_FORMAT_DOC),
    ("grad_bytes", U32, GRAD_BYTES_DOC),
];

pub(super) const MASTERS: [Master; 1] = [Master { name: "gmem0", data_bits: super::AXI_DATA_BITS, id_bits: 0 }];

pub(super) const STREAMS: [Stream; 1] = [Stream { name: "grads_read", read: true, master: 0 }];
