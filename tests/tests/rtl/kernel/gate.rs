//! The gate before the lanes: no buffer behind it ever gets a beat it has no place for, and none stands empty for nothing.

use nearfield_hdl::emit::emit;
use nearfield_hdl::kernel::smartupdate::Gate;
use nearfield_sim::verilate::{build, Options};
use nearfield_tests::lint::assert_clean;
use nearfield_tests::rng::{seed, Rng};

const BUFFERS: usize = 4;
/// Of a beat, by buffer: the last one's elements are half as large.
const GROUPS: [u64; BUFFERS] = [4, 4, 4, 8];
const DEPTH: u64 = 6;

#[test]
fn matches_reference() {
    check([true; BUFFERS]);
}

/// A moment that an optimizer does not have: nothing is written there, and nothing ever leaves.
#[test]
fn a_buffer_that_takes_no_part_holds_nobody_up() {
    check([true, false, true, true]);
    check([true, true, true, false]);
    check([true, false, false, false]);
}

fn check(takes_part: [bool; BUFFERS]) {
    let design = emit(&Gate::<BUFFERS, 2, 3, 10, DEPTH>::default(), "gate", "gate").unwrap_or_else(|e| panic!("{e}"));
    assert_clean(&design);
    let mut gate = build(&design, &Options::default()).unwrap_or_else(|e| panic!("{e}")).instance();
    let port = |name: &str| gate.port(name).unwrap_or_else(|e| panic!("{e}"));
    let (clock, reset, valid) = (port("clock"), port("reset"), port("s_valid"));
    let (ready, enter) = (port("s_ready"), port("enter"));
    let freed: [_; BUFFERS] = std::array::from_fn(|i| port(&format!("freed_{i}")));
    let used: [_; BUFFERS] = std::array::from_fn(|i| port(&format!("used_{i}")));
    used.into_iter().zip(takes_part).for_each(|(port, on)| gate.set(port, on.into()));
    let mut rng = Rng::new(seed("kernel::gate", 91));
    let (mut entered, mut left) = (0u64, [0u64; BUFFERS]);
    let mut full = 0;
    for cycle in 0..200_000 {
        // Buffers empty at changing rates; for long stretches one of them does not at all.
        let stuck = (cycle / 500) % 6;
        for (i, port) in freed.into_iter().enumerate() {
            let beats = entered / GROUPS[i] - left[i];
            let frees = takes_part[i] && beats > 0 && i != stuck && !rng.one_in(3);
            gate.set(port, frees.into());
            left[i] += u64::from(frees);
        }
        let offered = !rng.one_in(4);
        gate.set(valid, offered.into());
        gate.set(clock, 0);
        gate.eval();
        // Places are counted from the beat's first group on; one that is freed in this cycle counts in the next.
        let before = |i: usize| left[i] - gate.get(freed[i]);
        let has_place = |i: usize| entered % GROUPS[i] != 0 || entered / GROUPS[i] - before(i) < DEPTH;
        let room = (0..BUFFERS).all(|i| !takes_part[i] || has_place(i));
        assert_eq!(gate.get(ready) == 1, room, "cycle {cycle}");
        assert_eq!(gate.get(enter) == 1, room && offered, "cycle {cycle}");
        full += u64::from(!room);
        entered += u64::from(room && offered);
        let forget = rng.one_in(20_000);
        gate.set(reset, forget.into());
        gate.tick(clock);
        gate.set(reset, 0);
        if forget {
            (entered, left) = (0, [0; BUFFERS]);
        }
    }
    assert!(full > 10_000, "the buffers were full in {full} cycles only");
}
