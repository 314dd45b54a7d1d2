use super::{matches_with, measure_latency_with};
use nearfield_tests::binary32::soft;
use nearfield_tests::half::Half;
use softfloat_wrapper::{Float, RoundingMode, F16};

const NAME: &str = "fp16_to_fp32";

/// The value by its place among all values; SoftFloat must agree.
fn reference(table: &Half, [a]: [u32; 1]) -> u32 {
    let widened = table.widen(a as u16);
    assert_eq!(soft(F16::from_bits(a as u16).to_f32(RoundingMode::TiesToEven)), widened, "SoftFloat of {a:04x}");
    widened
}

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

#[test]
fn matches_reference() {
    let table = Half::fp16();
    assert_eq!(matches_with(NAME, |x| reference(&table, x), (0..=0xffff).map(|a| [a])), 1 << 16);
}

#[test]
fn latency_is_as_declared() {
    let table = Half::fp16();
    measure_latency_with(NAME, |x| reference(&table, x), [0x3c00], [0xc001]);
}
