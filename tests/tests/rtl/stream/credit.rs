use super::cell;
use nearfield_tests::rng::{seed, Rng};

const NAME: &str = "stream_credit";

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed(NAME, 6));
    let mut cell = cell(NAME);
    let mut available = 512;
    for cycle in 0..100_000 {
        cell.settle();
        assert_eq!(cell.get("available"), available, "cycle {cycle}");
        let amount = rng.below(65) as u64;
        let take = rng.one_in(8) && amount <= available;
        let give = available < 512 && !rng.one_in(4);
        let reset = rng.one_in(1000);
        cell.set("amount", amount);
        cell.set("take", take.into());
        cell.set("give", give.into());
        cell.set("reset", reset.into());
        available = match reset {
            true => 512,
            false => available - if take { amount } else { 0 } + u64::from(give),
        };
        cell.tick();
    }
}
