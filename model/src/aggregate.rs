//! Aggregation over a graph's neighbours: the specification.
//!
//! For a vertex and a column the accumulator starts at +0 and takes `acc = fma(weight, x, acc)` over the neighbours in the order of
//! the compressed rows; an `x` that is ±0 contributes nothing, so that the result does not depend on how features are stored. There is
//! one accumulator and no partial sums. A NaN becomes the canonical one, 0x7FC00000.

use crate::optimizer::canonical;
use nearfield_abi::beicsr::BYPASS;

/// The sums of a graph's rows over dense features `[vertices, width]`, row-major without padding; the result has the same shape.
/// `row_pointers` has an entry a vertex and one more; bit 31 of a column id, which is about caches, is passed over; without
/// weights each is 1.
///
/// # Panics
///
/// If these are not the compressed rows of a graph with as many vertices as there are rows of features.
pub fn aggregate(
    row_pointers: &[u32],
    columns: &[u32],
    weights: Option<&[f32]>,
    features: &[f32],
    width: usize,
) -> Vec<f32> {
    let vertices = row_pointers.len() - 1;
    assert_eq!(features.len(), vertices * width, "features of the graph's vertices");
    let mut sums = vec![0.0; vertices * width];
    for (ends, sums) in row_pointers.windows(2).zip(sums.chunks_exact_mut(width)) {
        for edge in ends[0] as usize..ends[1] as usize {
            let neighbour = (columns[edge] & !BYPASS) as usize;
            let weight = weights.map_or(1.0, |weights| weights[edge]);
            add(weight, &features[neighbour * width..][..width], sums);
        }
        sums.iter_mut().for_each(|sum| *sum = canonical(*sum));
    }
    sums
}

/// One neighbour: `acc = fma(weight, x, acc)` in every column whose `x` is not ±0.
fn add(weight: f32, features: &[f32], sums: &mut [f32]) {
    for (sum, &x) in sums.iter_mut().zip(features) {
        if x != 0.0 {
            *sum = weight.mul_add(x, *sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_fused_and_in_order() {
        // Vertex 0 has 1 and 2, vertex 1 nobody, vertex 2 itself twice; the bypass bit changes nothing.
        let (pointers, columns) = ([0, 2, 2, 4], [1, 2 | BYPASS, 2, 2 | BYPASS]);
        let weights = [0.1, 0.2, 3.0, 0.5];
        let features = [1.0, -0.0, 0.3, 7.0, 1e-3, 2.0];
        let sums = aggregate(&pointers, &columns, Some(&weights), &features, 2);
        let expected = [
            0.2f32.mul_add(1e-3, 0.1f32.mul_add(0.3, 0.0)),
            0.2f32.mul_add(2.0, 0.1f32.mul_add(7.0, 0.0)),
            0.0,
            0.0,
            0.5f32.mul_add(1e-3, 3.0f32.mul_add(1e-3, 0.0)),
            7.0,
        ];
        assert_eq!(sums.map_bits(), expected.to_vec().map_bits());
        let clear = [0.1 * 0.3 + 0.2 * 1e-3, 0.1 * 7.0 + 0.2 * 2.0, 0.0, 0.0, 3.5e-3, 7.0f64];
        assert!(sums.iter().zip(clear).all(|(&sum, clear)| (f64::from(sum) - clear).abs() <= 1e-6 * clear.abs()));
    }

    #[test]
    fn zeros_contribute_nothing() {
        // 0 · inf is not formed, nor is -0 + -0 anything but the +0 of the start.
        let sums = aggregate(
            &[0, 2, 4],
            &[0, 1, 1, 1],
            Some(&[f32::MAX, -1.0, -1.0, 1.0]),
            &[0.0, f32::INFINITY, -0.0, 0.0],
            2,
        );
        assert_eq!(sums.map_bits(), [0, f32::INFINITY.to_bits(), 0, 0]);
        // A subnormal counts. Its product may underflow to -0, and a zero behind that leaves the -0 as it is.
        let tiny = f32::from_bits(1);
        assert_eq!(aggregate(&[0, 1], &[0], None, &[tiny], 1), [tiny]);
        let sums = aggregate(&[0, 2, 2], &[0, 1], Some(&[-0.25, 1.0]), &[tiny, 0.0], 1);
        assert_eq!(sums.map_bits(), [0x8000_0000, 0]);
    }

    #[test]
    fn a_nan_is_the_canonical_one() {
        let odd = f32::from_bits(0xffc1_2345);
        let sums = aggregate(&[0, 1, 3], &[0, 1, 1], Some(&[2.0, 1.0, -1.0]), &[odd, f32::INFINITY], 1);
        assert_eq!(sums.map_bits(), [0x7fc0_0000, 0x7fc0_0000]);
    }

    trait MapBits {
        fn map_bits(&self) -> Vec<u32>;
    }

    impl MapBits for Vec<f32> {
        fn map_bits(&self) -> Vec<u32> {
            self.iter().map(|value| value.to_bits()).collect()
        }
    }
}
