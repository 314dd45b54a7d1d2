use super::cell;
use nearfield_tests::rng::{seed, Rng};

const NAME: &str = "stream_couple";

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed(NAME, 8));
    let mut cell = cell(NAME);
    let mut first: Option<u64> = None;
    let mut alone = 0;
    for cycle in 0..100_000 {
        let (start, valid, last) = (rng.one_in(50), !rng.one_in(3), rng.one_in(10));
        let word = rng.word() & 0xffff_ffff;
        cell.set("start", start.into());
        cell.set("valid", valid.into());
        cell.set("last", last.into());
        cell.set("data", word);
        cell.settle();
        let shown = valid && (first.is_some() || last);
        assert_eq!(cell.get("couple_valid"), u64::from(shown), "cycle {cycle}");
        match first.filter(|_| shown) {
            Some(first) => assert_eq!(cell.get("couple"), first | word << 32, "cycle {cycle}"),
            None if shown => {
                assert_eq!(cell.get("couple") & 0xffff_ffff, word, "cycle {cycle}");
                alone += 1;
            }
            None => {}
        }
        first = match (start, valid) {
            (true, _) => None,
            (false, true) => first.is_none().then_some(word),
            (false, false) => first,
        };
        cell.tick();
    }
    assert!(alone > 1000, "{alone} runs ended with a first word");
}
