//! Matrix products on flat slices.
//!
//! `matrixmultiply` does them on the calling thread: an element of the result is a sum in an order that depends on the
//! matrices' sizes alone. It uses the widest vector unit there is, so the last digits may differ between processors.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

/// A slice as rows of `width` values.
pub(super) fn rows(elements: &[f32], width: usize) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((elements.len() / width, width), elements).expect("a slice is a whole number of rows")
}

/// A slice that is written, as rows of `width` values.
pub(super) fn rows_mut(elements: &mut [f32], width: usize) -> ArrayViewMut2<'_, f32> {
    ArrayViewMut2::from_shape((elements.len() / width, width), elements).expect("a slice is a whole number of rows")
}

/// `into` = `alpha` · `a` · `b` + `keep` · `into`; what was in `into` does not matter when `keep` is 0.
pub(super) fn product(
    alpha: f32,
    a: &ArrayView2<'_, f32>,
    b: &ArrayView2<'_, f32>,
    keep: f32,
    into: &mut ArrayViewMut2<'_, f32>,
) {
    general_mat_mul(alpha, a, b, keep, into);
}
