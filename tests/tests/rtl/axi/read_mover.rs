use super::slave::{content, Manner, ReadSlave};
use super::{cell, cut, runs, Cell};
use nearfield_tests::rng::{seed, Rng};
use nearfield_tests::stream::{Pace, Sink, Wires};

const NAME: &str = "axi_read_mover";
const DEPTH: u64 = 512;

struct Outcome {
    slave: ReadSlave,
    taken: Vec<Vec<u32>>,
    cycles: u64,
}

/// One run to its end.
fn run(block: &mut Cell, range: (u64, u64), manner: Manner, pace: Pace, rng: &mut Rng) -> Outcome {
    run_and_stop(block, range, manner, pace, None, rng)
}

/// One run to its end; `stop` rises in that cycle of it.
fn run_and_stop(
    block: &mut Cell,
    (address, bytes): (u64, u64),
    manner: Manner,
    pace: Pace,
    stop: Option<u64>,
    rng: &mut Rng,
) -> Outcome {
    let mut slave = ReadSlave::new(manner);
    let mut sink = Sink::new(Wires::new(&block.instance, "axi_read_mover_m"), pace);
    block.set("address", address);
    block.set("bytes", bytes);
    block.set("start", 1);
    block.set("axi_arready", 0);
    block.set("axi_rvalid", 0);
    sink.refuse(&mut block.instance);
    block.tick();
    block.set("start", 0);
    let wanted = bytes.div_ceil(64) as usize;
    let mut cycles = 0;
    let mut asked_at_stop = None;
    let bound = 2000 + 200 * wanted as u64;
    block.settle();
    let owed = |slave: &ReadSlave, taken: usize| match stop {
        None => manner.error.is_none() && taken < wanted,
        Some(_) => (taken as u64) < slave.delivered,
    };
    while block.get("busy") == 1 || owed(&slave, sink.taken.len()) {
        if stop == Some(cycles) {
            block.set("stop", 1);
            asked_at_stop = Some(slave.asked.len());
        }
        let idle = block.get("axi_arvalid") == 0;
        slave.drive(block, idle, rng);
        sink.drive(&mut block.instance, rng);
        block.settle();
        slave.sample(block);
        assert!(slave.outstanding() <= DEPTH, "more was asked for than there is room for");
        sink.sample(&mut block.instance);
        block.tick();
        block.settle();
        cycles += 1;
        assert!(cycles < bound, "{address:#x} + {bytes}: still busy after {cycles} cycles with {manner:?}");
    }
    assert_eq!(slave.outstanding(), 0, "done with beats outstanding");
    if let Some(before) = asked_at_stop {
        // An address that stood when it rose must stand until it is taken.
        assert!(slave.asked.len() <= before + 1, "{} bursts after stop", slave.asked.len() - before);
    }
    block.set("stop", 0);
    Outcome { slave, taken: sink.taken, cycles }
}

#[test]
fn matches_reference_and_survives_stalls() {
    let mut rng = Rng::new(seed("axi::read_mover", 31));
    let mut block = cell(NAME);
    block.reset();
    for (address, bytes) in runs(&mut rng, 60) {
        let manner = Manner { slow: [1, 2, 5][rng.below(3)], hoards: 1 + rng.below(6), error: None };
        let pace = Pace::ALL[rng.below(3)];
        let outcome = run(&mut block, (address, bytes), manner, pace, &mut rng);
        assert_eq!(outcome.slave.asked, cut(address, bytes), "{address:#x} + {bytes}");
        for (beat, words) in outcome.taken.iter().enumerate() {
            let expected: Vec<u32> = (0..16).map(|i| content(address + 64 * beat as u64, i)).collect();
            assert_eq!(words, &expected, "beat {beat} of {address:#x} + {bytes}");
        }
        assert_eq!(outcome.taken.len() as u64, bytes.div_ceil(64));
        assert_eq!(block.get("beats"), bytes.div_ceil(64));
        assert_eq!(block.get("failed"), 0);
    }
}

#[test]
fn a_beat_a_cycle_with_several_bursts_outstanding() {
    let mut rng = Rng::new(32);
    let mut block = cell(NAME);
    block.reset();
    let manner = Manner { slow: 1, hoards: 4, error: None };
    let outcome = run(&mut block, (0x4000, 512 * 1024), manner, Pace::ALL[0], &mut rng);
    assert!(outcome.slave.most >= 256, "{} beats outstanding", outcome.slave.most);
    assert!(outcome.cycles < 8192 + 100, "8192 beats in {} cycles", outcome.cycles);
}

#[test]
fn an_error_ends_the_run() {
    let mut rng = Rng::new(seed("axi::read_mover error", 33));
    let mut block = cell(NAME);
    block.reset();
    for (address, bytes) in runs(&mut rng, 30) {
        let bursts = cut(address, bytes);
        let at = [0, bursts.len() / 2, bursts.len() - 1][rng.below(3)];
        let manner = Manner { slow: [1, 3][rng.below(2)], hoards: 1 + rng.below(3), error: Some(at) };
        let outcome = run(&mut block, (address, bytes), manner, Pace::ALL[rng.below(3)], &mut rng);
        assert_eq!((block.get("failed"), block.get("failed_address")), (1, bursts[at].0), "{address:#x} + {bytes}");
        assert_eq!(outcome.slave.asked, bursts[..outcome.slave.asked.len()]);
        // Bursts asked for before the error came are all there may be: no more than the buffer's places.
        let past: u64 = outcome.slave.asked[at..].iter().map(|b| b.1).sum();
        assert!(past <= DEPTH + 64, "{past} beats were asked for from the error on");
        block.reset();
        let after = run(&mut block, (0x1_0040, 999), Manner { error: None, ..manner }, Pace::ALL[0], &mut rng);
        assert_eq!((after.taken.len(), block.get("failed")), (16, 0));
    }
}

#[test]
fn stop_ends_the_run() {
    let mut rng = Rng::new(34);
    let mut block = cell(NAME);
    block.reset();
    block.set("stop", 1);
    let manner = Manner { slow: 1, hoards: 1, error: Some(usize::MAX) };
    let outcome = run(&mut block, (0, 1 << 20), manner, Pace::ALL[0], &mut rng);
    assert_eq!(outcome.slave.asked, []);
    assert_eq!(block.get("failed"), 0);
}

#[test]
fn stop_at_any_cycle_delivers_what_was_asked_for() {
    let mut rng = Rng::new(seed("axi::read_mover stop", 35));
    let mut block = cell(NAME);
    block.reset();
    let mut cut_short = 0;
    for (address, bytes) in runs(&mut rng, 60) {
        let manner = Manner { slow: [1, 2, 5][rng.below(3)], hoards: 1 + rng.below(6), error: None };
        let at = rng.below(300) as u64;
        let outcome = run_and_stop(&mut block, (address, bytes), manner, Pace::ALL[rng.below(3)], Some(at), &mut rng);
        let (bursts, asked) = (cut(address, bytes), &outcome.slave.asked);
        assert_eq!(asked[..], bursts[..asked.len()], "{address:#x} + {bytes}, stop in cycle {at}");
        cut_short += usize::from(asked.len() < bursts.len());
        assert_eq!(outcome.taken.len() as u64, asked.iter().map(|b| b.1).sum::<u64>());
        for (beat, words) in outcome.taken.iter().enumerate() {
            let expected: Vec<u32> = (0..16).map(|i| content(address + 64 * beat as u64, i)).collect();
            assert_eq!(words, &expected, "beat {beat} of {address:#x} + {bytes}, stop in cycle {at}");
        }
        assert_eq!(block.get("failed"), 0);
        let after = run(&mut block, (0x1_0040, 999), manner, Pace::ALL[0], &mut rng);
        assert_eq!((after.slave.asked, after.taken.len()), (cut(0x1_0040, 999), 16));
    }
    assert!(cut_short > 10, "only {cut_short} runs were cut short");
}
