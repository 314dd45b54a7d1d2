use super::{cell, cut};
use nearfield_tests::rng::{seed, Rng};

#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed("axi::failure", 71));
    let mut block = cell("axi_failure");
    for case in 0..300 {
        let base = match case % 3 {
            0 => (1 << 38) - 4096 * (1 + rng.below(4) as u64) + 64 * rng.below(64) as u64,
            _ => (rng.word() >> 4) & !63,
        };
        let bursts = cut(base, 1 + rng.below(60_000) as u64);
        let at = rng.below(bursts.len());
        block.set("base", base);
        block.set("ended", 0);
        block.set("error", 0);
        block.set("clear", 1);
        block.tick();
        block.set("clear", 0);
        for i in 0..bursts.len() {
            // Later errors change nothing.
            let error = i == at || (i > at && rng.one_in(2));
            block.set("ended", 1);
            block.set("error", error.into());
            block.tick();
            block.set("ended", 0);
            block.set("error", 0);
            let known = block.get("failed") == 1 || block.get("pending") == 1;
            assert_eq!(known, i >= at, "an error is pending or known from the next cycle on");
            (0..rng.below(3)).for_each(|_| block.tick());
        }
        (0..3).for_each(|_| block.tick());
        assert_eq!((block.get("failed"), block.get("pending")), (1, 0));
        assert_eq!(block.get("address"), bursts[at].0, "burst {at} from {base:#x}");
    }
}
