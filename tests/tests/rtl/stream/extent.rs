use super::cell;
use nearfield_tests::rng::{seed, Rng};

const NAME: &str = "stream_extent";
/// Bytes of a word, as the unit is printed.
const WORD: u64 = 16;

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed(NAME, 7));
    let mut cell = cell(NAME);
    // Words left, and cycles since the start: the first word comes two later.
    let (mut left, mut since) = (0, 2);
    let (mut lasts, mut beyond) = (0, 0);
    for cycle in 0..200_000 {
        let start = left == 0 && rng.one_in(20) || rng.one_in(500);
        let bytes = match rng.below(3) {
            0 => rng.below(4 * WORD as usize) as u64,
            1 => rng.below(2000) as u64,
            // More than any run has, which must not wrap.
            _ => (1 << 34) - 1 - rng.below(40) as u64,
        };
        let step = since >= 2 && !rng.one_in(3);
        cell.set("start", start.into());
        cell.set("bytes", bytes);
        cell.set("step", step.into());
        cell.settle();
        if since >= 2 {
            let expected = (u64::from(left > 0), u64::from(left == 1));
            assert_eq!((cell.get("belongs"), cell.get("last")), expected, "cycle {cycle}");
        }
        since = if start { 1 } else { since + 1 };
        lasts += u64::from(left == 1 && step);
        beyond += u64::from(left == 0 && step);
        left = match start {
            true => bytes.div_ceil(WORD),
            false => u64::saturating_sub(left, step.into()),
        };
        cell.tick();
    }
    assert!(lasts > 300 && beyond > 1000, "{lasts} last words, {beyond} beyond");
}
