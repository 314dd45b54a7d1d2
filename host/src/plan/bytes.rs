//! Bytes: what lies on the drives, and what a step moves.

use crate::store::SUBGROUP_ELEMENTS;
use nearfield_abi::topk::{chunk_bytes, chunks, format, table_bytes, HEADER_BYTES};
use serde::Serialize;

/// Bytes of a kept element in the published design: a u32 index and an f32 value, so that 1 % of the elements is 2 % of
/// the volume (Smart-Infinity, section VII-A).
pub const PUBLISHED_KEPT_BYTES: u64 = 8;

/// Bytes of an f32.
const FP32: u64 = 4;
/// Bytes of an element of the half copy.
const HALF: u64 = 2;

/// The bytes of a model, all devices together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bytes {
    /// Parameters.
    pub parameters: u64,
    /// The parameters in fp32.
    pub params: u64,
    /// The optimizer's states in fp32.
    pub states: u64,
    /// What a store holds on the drives: parameters and states, twice, for a step reads one generation and writes the other.
    pub store: u64,
    /// Gradients in fp32.
    pub gradients: u64,
    /// The half copy of the parameters.
    pub half_copy: u64,
    /// Kept gradients in the published format.
    pub published_top_k: Option<u64>,
    /// Kept gradients as this project's Top-K streams with fp16 values, spread evenly over the chunks.
    pub top_k: Option<u64>,
}

impl Bytes {
    /// Of a model with this many states a parameter (2 for Adam), of which so many gradients are kept.
    pub fn of(parameters: u64, states: u64, kept: Option<u64>) -> Bytes {
        let generation = FP32 * (1 + states) * parameters;
        Bytes {
            parameters,
            params: FP32 * parameters,
            states: FP32 * states * parameters,
            store: 2 * generation,
            gradients: FP32 * parameters,
            half_copy: HALF * parameters,
            published_top_k: kept.map(|kept| PUBLISHED_KEPT_BYTES * kept),
            top_k: kept.map(|kept| stream_bytes(parameters, kept)),
        }
    }
}

/// Bytes of Top-K streams with fp16 values, one a subgroup.
fn stream_bytes(elements: u64, kept: u64) -> u64 {
    let chunks = chunks(elements);
    let (each, more) = (kept / chunks, kept % chunks);
    // A chunk has 65,536 elements, so what it keeps fits; the format is one that there is; the most parameters fit the table.
    let chunk = |kept: u64| chunk_bytes(kept as u32, format::FP16).unwrap_or(0);
    let headers = HEADER_BYTES * elements.div_ceil(SUBGROUP_ELEMENTS);
    headers + table_bytes(elements).unwrap_or(0) + more * chunk(each + 1) + (chunks - more) * chunk(each)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topk::{encode, Kept, ValueFormat};

    #[test]
    fn two_generations_of_every_run() {
        let per_parameter = |states| Bytes::of(1000, states, None).store / 1000;
        assert_eq!((per_parameter(2), per_parameter(1), per_parameter(0)), (24, 16, 8));
    }

    #[test]
    fn a_stream_has_the_bytes_that_the_encoder_writes() {
        // Three chunks, one of them short, so many kept that the last group of each is not full.
        let (elements, kept) = (150_000_u64, 1_501_u64);
        let indices: Vec<u64> = (0..kept).map(|i| i * elements / kept).collect();
        let per_chunk: Vec<usize> = (0..3).map(|c| indices.iter().filter(|&&i| i >> 16 == c).count()).collect();
        let spread = Kept { values: vec![1.0; indices.len()], indices };
        let written = encode(elements, ValueFormat::Fp16, &spread).unwrap().len() as u64;
        // The short chunk has fewer, so its groups are filled worse than the even spread says: a group at most.
        assert!(per_chunk[2] < per_chunk[0]);
        assert!(stream_bytes(elements, kept).abs_diff(written) <= 128, "{written}");
        // All of whole chunks is even.
        let all = Kept { indices: (0..131_072).collect(), values: vec![1.0; 131_072] };
        assert_eq!(stream_bytes(131_072, 131_072), encode(131_072, ValueFormat::Fp16, &all).unwrap().len() as u64);
    }

    #[test]
    fn one_percent_costs_half_of_what_it_does_in_the_published_format() {
        let parameters = 1_u64 << 30;
        let bytes = Bytes::of(parameters, 2, Some(parameters / 100));
        let a_parameter = |bytes: Option<u64>| bytes.unwrap() as f64 / parameters as f64;
        assert!((a_parameter(bytes.top_k) - 0.04).abs() < 0.0015, "{}", a_parameter(bytes.top_k));
        assert!((a_parameter(bytes.published_top_k) - 0.08).abs() < 1e-6);
    }
}
