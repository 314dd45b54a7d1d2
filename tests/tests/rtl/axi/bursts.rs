use super::{cell, cut, runs};
use nearfield_tests::rng::{seed, Rng};

#[test]
fn matches_reference_and_survives_stalls() {
    let mut rng = Rng::new(seed("axi::bursts", 51));
    let mut block = cell("axi_bursts");
    block.reset();
    for (address, bytes) in runs(&mut rng, 300) {
        block.set("address", address);
        block.set("bytes", bytes);
        block.set("start", 1);
        block.settle();
        assert_eq!(block.get("total"), bytes.div_ceil(64));
        block.tick();
        block.set("start", 0);
        let mut got = Vec::new();
        let (mut permit, mut claims, mut cycles) = (false, 0, 0);
        block.settle();
        while block.get("busy") == 1 {
            permit = permit || rng.one_in(3);
            let ready = rng.one_in(3);
            block.set("permit", permit.into());
            block.set("ready", ready.into());
            block.settle();
            if block.get("claim") == 1 {
                assert!(permit, "a claim without a permit");
                permit = false;
                claims += 1;
            }
            if block.get("valid") == 1 && ready {
                got.push((block.get("burst"), block.get("beats")));
                assert_eq!(claims, got.len(), "a burst without a claim");
            }
            block.tick();
            block.settle();
            cycles += 1;
            assert!(cycles < 100_000);
        }
        assert_eq!(got, cut(address, bytes), "{address:#x} + {bytes}");
    }
}
