use super::{matches, measure_latency, random_cases, Reference};
use nearfield_tests::binary32::{corners, Operands};
use nearfield_tests::rng::seed;
use softfloat_wrapper::{Float, RoundingMode};

const NAME: &str = "fp32_add";
const REFERENCE: Reference<2> = Reference { native: |[a, b]| a + b, soft: |[a, b]| a.add(b, RoundingMode::TiesToEven) };

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

#[test]
fn matches_reference() {
    let corners = corners();
    let crossed = corners.iter().flat_map(|&a| corners.iter().map(move |&b| [a, b]));
    assert_eq!(matches(NAME, &REFERENCE, crossed), corners.len().pow(2));

    let mut operands = Operands::new(seed("float::add", 0x6164_6401));
    let random = (0..random_cases()).map(|_| operands.two());
    assert_eq!(matches(NAME, &REFERENCE, random), random_cases());
}

#[test]
fn latency_is_as_declared() {
    measure_latency(NAME, &REFERENCE, [0x3f80_0000, 0x3f80_0000], [0x4000_0000, 0x4040_0000]);
}
