use super::{matches_with, measure_latency_with, random_cases};
use nearfield_tests::binary32::{corners, Operands};
use nearfield_tests::half::Half;
use nearfield_tests::rng::seed;

const NAME: &str = "fp32_to_bf16";

/// The nearest of all values.
fn reference(table: &Half, [a]: [u32; 1]) -> u32 {
    table.narrow(a).into()
}

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

#[test]
fn matches_reference() {
    let table = Half::bf16();
    let cases: Vec<u32> = Half::boundaries().chain(corners()).collect();
    assert!(cases.len() > 100_000, "{} boundaries", cases.len());
    assert_eq!(matches_with(NAME, |x| reference(&table, x), cases.iter().map(|&a| [a])), cases.len());

    let mut operands = Operands::new(seed("float::fp32_to_bf16", 0x6266_3136));
    let random = (0..random_cases()).map(|_| [operands.any()]);
    assert_eq!(matches_with(NAME, |x| reference(&table, x), random), random_cases());
}

/// What is narrowed after it was widened is what it was.
#[test]
fn matches_reference_on_its_own_values() {
    let table = Half::bf16();
    let widened = (0..=0xffff).map(|half| [table.widen(half)]);
    assert_eq!(matches_with(NAME, |x| reference(&table, x), widened), 1 << 16);
}

#[test]
fn latency_is_as_declared() {
    let table = Half::bf16();
    measure_latency_with(NAME, |x| reference(&table, x), [0x3f80_0000], [0xc000_8001]);
}
