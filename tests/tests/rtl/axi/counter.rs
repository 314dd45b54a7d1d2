use super::cell;
use nearfield_tests::rng::{seed, Rng};

#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed("axi::counter", 61));
    let mut block = cell("axi_counter");
    block.set("clear", 1);
    block.tick();
    block.set("clear", 0);
    let mut count = 0;
    // Past the carry of the lower half, which is 24 bits, and then a clear.
    for _ in 0..(1u64 << 24) + 1000 {
        let more = count < (1 << 24) - 500 || rng.one_in(2);
        block.set("increment", more.into());
        block.tick();
        count += u64::from(more);
    }
    block.set("increment", 0);
    block.tick();
    block.tick();
    assert!(count > 1 << 24);
    assert_eq!(block.get("count"), count);
    block.set("clear", 1);
    block.set("increment", 1);
    block.tick();
    block.set("clear", 0);
    block.set("increment", 0);
    block.tick();
    assert_eq!(block.get("count"), 0);
}
