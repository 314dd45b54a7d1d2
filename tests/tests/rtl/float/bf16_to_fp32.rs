use super::{matches_with, measure_latency_with};
use nearfield_tests::binary32::canonical;
use nearfield_tests::half::Half;

const NAME: &str = "bf16_to_fp32";

/// The value by its place among all values; the upper half of a binary32 must be the same.
fn reference(table: &Half, [a]: [u32; 1]) -> u32 {
    let widened = table.widen(a as u16);
    assert_eq!(canonical(a << 16), widened, "upper half {a:04x}");
    widened
}

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

#[test]
fn matches_reference() {
    let table = Half::bf16();
    assert_eq!(matches_with(NAME, |x| reference(&table, x), (0..=0xffff).map(|a| [a])), 1 << 16);
}

#[test]
fn latency_is_as_declared() {
    let table = Half::bf16();
    measure_latency_with(NAME, |x| reference(&table, x), [0x3f80], [0xc001]);
}
