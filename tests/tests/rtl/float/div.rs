use super::{matches, measure_latency, random_cases, Reference};
use nearfield_tests::binary32::{corners, Operands};
use nearfield_tests::rng::{seed, Rng};
use softfloat_wrapper::{Float, RoundingMode};

const NAME: &str = "fp32_div";
const REFERENCE: Reference<2> = Reference { native: |[a, b]| a / b, soft: |[a, b]| a.div(b, RoundingMode::TiesToEven) };

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

#[test]
fn matches_reference() {
    let corners = corners();
    let crossed = corners.iter().flat_map(|&a| corners.iter().map(move |&b| [a, b]));
    assert_eq!(matches(NAME, &REFERENCE, crossed), corners.len().pow(2));

    let mut operands = Operands::new(seed("float::div", 0x6469_7601));
    let random = (0..random_cases()).map(|_| operands.two());
    assert_eq!(matches(NAME, &REFERENCE, random), random_cases());
}

/// A quotient can lie halfway between two results only where the result is subnormal, and random operands seldom have
/// such quotients.
#[test]
fn rounds_halfway_quotients_to_even() {
    let mut rng = Rng::new(seed("float::div halfway", 0x6469_7602));
    let halfway = (0..200_000).map(|_| {
        // (2n + 1) * 2^-150, with n of `bits` bits, times a divisor that leaves the product 24 bits.
        let bits = rng.below(23);
        let odd = rng.word() % (1 << bits) * 2 + 1;
        let factor = rng.word() % (1 << (23 - bits)) + 1;
        let exponent = 30 + rng.below(70) as i32;
        let b = factor as f64 * 2f64.powi(exponent);
        let a = odd as f64 * factor as f64 * 2f64.powi(exponent - 150);
        assert_eq!((f64::from(a as f32), f64::from(b as f32), a / b), (a, b, odd as f64 * 2f64.powi(-150)));
        [(a as f32).to_bits() | (rng.word() as u32 & 0x8000_0000), (b as f32).to_bits()]
    });
    assert_eq!(matches(NAME, &REFERENCE, halfway), 200_000);
}

#[test]
fn latency_is_as_declared() {
    measure_latency(NAME, &REFERENCE, [0x3f80_0000, 0x3f80_0000], [0x4000_0000, 0x4040_0000]);
}
