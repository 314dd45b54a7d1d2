//! What the gradient arguments of every kernel that reads gradients mean.

pub(super) const ELEMENTS_DOC: &str = "number of elements, at least 1; with a Top-K stream at most 2^25";
pub(super) const GRAD_FORMAT_DOC: &str = "0: fp32, 1: fp16, 2: bf16; 4, 5, 6: a Top-K stream with values like that";
pub(super) const GRAD_BYTES_DOC: &str = "bytes of a Top-K stream, a multiple of 64";

/// Values of the argument `grad_format`: dense, one of the first three; or a Top-K stream ([`crate::topk`]) with values in that
/// format.
pub mod grad_format {
    /// IEEE 754 binary32.
    pub const FP32: u32 = 0;
    /// IEEE 754 binary16.
    pub const FP16: u32 = 1;
    /// The upper half of a binary32.
    pub const BF16: u32 = 2;
    /// Added to the values' format where gradients are a Top-K stream.
    pub const TOPK: u32 = 4;

    /// Whether there is such a format.
    pub const fn is_known(format: u32) -> bool {
        format & !TOPK <= BF16
    }

    /// Bytes of an element of dense gradients, or of a value of a Top-K stream; `None` for an unknown format.
    pub const fn value_bytes(format: u32) -> Option<u64> {
        crate::topk::value_bytes(format & !TOPK)
    }
}

/// The most elements of a run with a Top-K stream: 512 chunks.
pub const MAX_TOPK_ELEMENTS: u32 = 1 << 25;
