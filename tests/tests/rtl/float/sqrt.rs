use super::{matches, measure_latency, random_cases, Reference};
use nearfield_tests::binary32::{corners, Operands};
use nearfield_tests::rng::{long, seed};
use softfloat_wrapper::{Float, RoundingMode};

const NAME: &str = "fp32_sqrt";
const REFERENCE: Reference<1> = Reference { native: |[a]| a.sqrt(), soft: |[a]| a.sqrt(RoundingMode::TiesToEven) };

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

#[test]
fn matches_reference() {
    let corners = corners();
    assert_eq!(matches(NAME, &REFERENCE, corners.iter().map(|&a| [a])), corners.len());

    let mut operands = Operands::new(seed("float::sqrt", 0x7371_7201));
    let random = (0..random_cases()).map(|_| [operands.any()]);
    assert_eq!(matches(NAME, &REFERENCE, random), random_cases());
}

/// An even and an odd exponent are all there is: another pair only moves the result's exponent.
#[test]
fn matches_reference_on_every_mantissa_of_two_exponents() {
    let (first, last) = (0x3f80_0000, 0x407f_ffff);
    assert_eq!(matches(NAME, &REFERENCE, (first..=last).map(|a| [a])), 2 << 23);
}

/// Every subnormal in the long run, every 16th (and both ends) otherwise.
#[test]
fn matches_reference_on_subnormals() {
    let step = if long() { 1 } else { 16 };
    let subnormals = (1..=0x7f_ffff).step_by(step).chain([0x7f_ffff]);
    assert_eq!(matches(NAME, &REFERENCE, subnormals.map(|a| [a])), 0x80_0000 / step + usize::from(step > 1));
}

#[test]
fn latency_is_as_declared() {
    measure_latency(NAME, &REFERENCE, [0x3f80_0000], [0x4000_0000]);
}
