use super::slave::{content, Manner, WriteSlave};
use super::{cell, cut, runs, Cell};
use nearfield_tests::rng::{seed, Rng};
use nearfield_tests::stream::{Pace, Source, Wires};

const NAME: &str = "axi_write_mover";

/// One run to its end: what memory saw, and the cycles.
fn run(
    block: &mut Cell,
    (address, bytes): (u64, u64),
    mut slave: WriteSlave,
    fails: bool,
    pace: Pace,
    rng: &mut Rng,
) -> (WriteSlave, u64) {
    let wanted = bytes.div_ceil(64);
    let beat = |b: u64| (0..16).map(|i| content(address + 64 * b, i)).collect();
    let mut source = Source::new(Wires::new(&block.instance, "axi_write_mover_s"), (0..wanted).map(beat), pace);
    block.set("address", address);
    block.set("bytes", bytes);
    block.set("start", 1);
    for quiet in ["s_valid", "axi_awready", "axi_wready", "axi_bvalid"] {
        block.set(quiet, 0);
    }
    block.tick();
    block.set("start", 0);
    let mut cycles = 0;
    let mut quiet = 0;
    block.settle();
    while block.get("busy") == 1 {
        source.drive(&mut block.instance, rng);
        slave.drive(block, quiet > 20, rng);
        block.settle();
        let moves = block.get("axi_wvalid") == 1 || block.get("axi_awvalid") == 1;
        quiet = if moves { 0 } else { quiet + 1 };
        source.sample(&block.instance);
        slave.sample(block);
        block.tick();
        block.settle();
        cycles += 1;
        assert!(cycles < 5000 + 300 * wanted, "{address:#x} + {bytes}: still busy after {cycles} cycles");
    }
    assert_eq!(slave.outstanding(), 0, "done with answers outstanding");
    assert!(fails || source.is_done(), "done before everything was sent");
    (slave, cycles)
}

fn check(address: u64, bytes: u64, slave: &WriteSlave) {
    let place = format!("{address:#x} + {bytes}");
    assert_eq!(slave.announced, cut(address, bytes), "{place}");
    let last: Vec<bool> = slave.announced.iter().flat_map(|b| (1..=b.1).map(|i| i == b.1)).collect();
    assert_eq!(slave.beats.len(), last.len(), "{place}");
    for (b, (words, strobe, is_last)) in slave.beats.iter().enumerate() {
        let expected: Vec<u32> = (0..16).map(|i| content(address + 64 * b as u64, i)).collect();
        assert_eq!(words, &expected, "beat {b} of {place}");
        assert_eq!(*is_last, last[b], "wlast of beat {b} of {place}");
        let left = bytes - 64 * b as u64;
        let whole = if left >= 64 { u64::MAX } else { (1 << left) - 1 };
        assert_eq!(*strobe, whole, "wstrb of beat {b} of {place}");
    }
}

#[test]
fn matches_reference_and_survives_stalls() {
    let mut rng = Rng::new(seed("axi::write_mover", 41));
    let mut block = cell(NAME);
    block.reset();
    for (i, (address, bytes)) in runs(&mut rng, 60).into_iter().enumerate() {
        let manner = Manner { slow: [1, 2, 5][rng.below(3)], hoards: 1 + rng.below(6), error: None };
        let slave = WriteSlave::new(manner, i % 3 == 0);
        let pace = Pace::ALL[rng.below(3)];
        let (slave, _) = run(&mut block, (address, bytes), slave, false, pace, &mut rng);
        check(address, bytes, &slave);
        assert_eq!((block.get("beats"), block.get("failed")), (bytes.div_ceil(64), 0));
    }
}

#[test]
fn a_beat_a_cycle_with_several_bursts_outstanding() {
    let mut rng = Rng::new(42);
    let mut block = cell(NAME);
    block.reset();
    let slave = WriteSlave::new(Manner { slow: 1, hoards: 8, error: None }, false);
    let (slave, cycles) = run(&mut block, (0x8000, 512 * 1024), slave, false, Pace::ALL[0], &mut rng);
    check(0x8000, 512 * 1024, &slave);
    assert!(slave.most >= 8 && slave.most <= 33, "{} bursts without an answer", slave.most);
    assert!(cycles < 8192 + 200, "8192 beats in {cycles} cycles");
}

/// Beats of a burst follow each other without a gap, however slowly they are made.
#[test]
fn a_burst_never_waits_for_its_data() {
    let mut rng = Rng::new(43);
    let mut block = cell(NAME);
    block.reset();
    let (address, bytes) = (0x2_0000, 8 * 4096);
    let beat = |b: u64| (0..16).map(|i| content(address + 64 * b, i)).collect();
    let wires = Wires::new(&block.instance, "axi_write_mover_s");
    let mut source = Source::new(wires, (0..bytes / 64).map(beat), Pace::ALL[2]);
    let mut slave = WriteSlave::new(Manner { slow: 1, hoards: 1, error: None }, false);
    block.set("address", address);
    block.set("bytes", bytes);
    block.set("start", 1);
    block.tick();
    block.set("start", 0);
    block.settle();
    let (mut within, mut cycles) = (false, 0);
    while block.get("busy") == 1 {
        source.drive(&mut block.instance, &mut rng);
        slave.drive(&mut block, true, &mut rng);
        block.settle();
        source.sample(&block.instance);
        let beats = slave.beats.len();
        slave.sample(&block);
        let came = slave.beats.len() > beats;
        assert!(came || !within, "a gap after beat {beats}, within a burst");
        within = came && !slave.beats[beats].2;
        block.tick();
        block.settle();
        cycles += 1;
        assert!(cycles < 20_000);
    }
    check(address, bytes, &slave);
}

#[test]
fn an_error_ends_the_run() {
    let mut rng = Rng::new(seed("axi::write_mover error", 44));
    let mut block = cell(NAME);
    block.reset();
    for (address, bytes) in runs(&mut rng, 30) {
        let bursts = cut(address, bytes);
        let at = [0, bursts.len() / 2, bursts.len() - 1][rng.below(3)];
        let manner = Manner { slow: [1, 3][rng.below(2)], hoards: 1, error: Some(at) };
        let slave = WriteSlave::new(manner, false);
        let (slave, _) = run(&mut block, (address, bytes), slave, true, Pace::ALL[rng.below(3)], &mut rng);
        assert_eq!((block.get("failed"), block.get("failed_address")), (1, bursts[at].0), "{address:#x} + {bytes}");
        assert_eq!(slave.announced, bursts[..slave.announced.len()]);
        let due: u64 = slave.announced.iter().map(|b| b.1).sum();
        assert_eq!(slave.beats.len() as u64, due, "announced beats must be written, others must not");
        block.reset();
        let slave = WriteSlave::new(Manner { error: None, ..manner }, false);
        let (slave, _) = run(&mut block, (0x1_0fc0, 999), slave, false, Pace::ALL[0], &mut rng);
        check(0x1_0fc0, 999, &slave);
        assert_eq!(block.get("failed"), 0);
    }
}
