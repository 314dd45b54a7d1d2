use super::{matches, measure_latency, random_cases, Reference};
use nearfield_tests::binary32::{corners, Operands};
use nearfield_tests::rng::seed;
use softfloat_wrapper::{Float, RoundingMode};

const NAME: &str = "fp32_fma";
const REFERENCE: Reference<3> = Reference {
    native: |[a, b, c]| a.mul_add(b, c),
    soft: |[a, b, c]| a.fused_mul_add(b, c, RoundingMode::TiesToEven),
};

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

#[test]
fn matches_reference() {
    let corners = corners();
    let pairs: Vec<[u32; 2]> = corners.iter().flat_map(|&a| corners.iter().map(move |&b| [a, b])).collect();
    let crossed = pairs.iter().flat_map(|&[a, b]| corners.iter().map(move |&c| [a, b, c]));
    assert_eq!(matches(NAME, &REFERENCE, crossed), corners.len().pow(3));

    let mut operands = Operands::new(seed("float::fma", 0x666d_6101));
    let random = (0..random_cases()).map(|_| operands.three());
    assert_eq!(matches(NAME, &REFERENCE, random), random_cases());
}

#[test]
fn latency_is_as_declared() {
    measure_latency(NAME, &REFERENCE, [0x3f80_0000; 3], [0x4000_0000, 0x4040_0000, 0x3f80_0000]);
}
