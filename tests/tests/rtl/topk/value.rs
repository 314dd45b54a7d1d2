use super::cell;
use super::encode::binary32_of_half;
use nearfield_tests::rng::{seed, Rng};

const NAME: &str = "topk_value";

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

/// Every 16-bit value in both formats, with anything above it; random ones in fp32.
#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed(NAME, 0x7661_6c75));
    let mut cell = cell(NAME);
    for half in 0..=u16::MAX {
        let above = rng.word() & 0xffff_0000;
        for (format, right) in [(1, binary32_of_half(half)), (2, u32::from(half) << 16)] {
            cell.set("format", format);
            cell.set("x", above | u64::from(half));
            cell.settle();
            assert_eq!(cell.get("y") as u32, right, "{half:04x} in format {format}");
        }
        let word = rng.value(32);
        cell.set("format", 0);
        cell.set("x", word);
        cell.settle();
        assert_eq!(cell.get("y"), word);
    }
}
