use super::bench::{Bench, Outcome, Paces, SWIFT};
use super::records::{aggregate, any, bitmap, lay, pack, pairs, raw, row, Frame, Line, Operation, Record};
use nearfield_tests::rng::{long, seed, Rng};
use std::collections::BTreeMap;

const NAME: &str = "sgcn_datapath";

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

/// Frames of rows with places of their own in memory, some of which straddle a border of 1 KiB.
fn frames(words: usize, n: usize, rng: &mut Rng) -> Vec<Frame> {
    let segments = if rng.one_in(2) { 2 * words } else { 1 + rng.below(2 * words) };
    let base = rng.word() as u32 & 0xffff;
    let frame = |i: usize| {
        let out = base + (i * segments) as u32;
        Frame { words, segments, context: 0, out, row: rng.word() as u32 & 0x7fff_ffff }
    };
    (0..n).map(frame).collect()
}

fn expected(rows: &[Vec<Record>]) -> BTreeMap<u32, Line> {
    let lines = |records: &Vec<Record>| {
        let out = records[0].out;
        aggregate(records).into_iter().enumerate().map(move |(i, line)| (out + i as u32, line))
    };
    rows.iter().flat_map(lines).collect()
}

fn agree(outcome: &Outcome, rows: &[Vec<Record>]) {
    assert_eq!(outcome.fault, None);
    let right = expected(rows);
    assert_eq!(outcome.memory.len(), right.len(), "lines written");
    for (at, line) in &right {
        assert_eq!(outcome.memory.get(at), Some(line), "line {at:x}");
    }
    assert_eq!(outcome.ops, rows.iter().flatten().map(|record| record.operations().len()).sum::<usize>());
}

#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed(NAME, 0x6461_7461));
    let mut bench = Bench::new();
    for words in [1, 3, 4, 8] {
        for n in [1, 2, 9, 60] {
            let rows: Vec<_> = frames(words, n, &mut rng)
                .into_iter()
                .map(|frame| match rng.below(12) {
                    0 => row(frame, 0, &mut rng, any),
                    1 => row(frame, 40, &mut rng, any),
                    2 => row(frame, 1, &mut rng, |frame, rng| bitmap(frame, 1000, rng)),
                    _ => {
                        let records = rng.below(7);
                        row(frame, records, &mut rng, any)
                    }
                })
                .collect();
            let outcome = bench.run(words, rows.clone(), SWIFT, false, &mut rng);
            agree(&outcome, &rows);
        }
    }
}

#[test]
fn a_lone_hub_waits_for_itself() {
    let mut rng = Rng::new(seed(NAME, 0x6875_6273));
    let mut bench = Bench::new();
    for words in [1, 8] {
        for per_mille in [30, 300, 1000] {
            let frame = frames(words, 1, &mut rng)[0];
            let rows = vec![row(frame, 200, &mut rng, |frame, rng| match rng.below(4) {
                0 => raw(frame, rng),
                1 => pairs(frame, per_mille, rng),
                _ => bitmap(frame, per_mille, rng),
            })];
            let outcome = bench.run(words, rows.clone(), SWIFT, false, &mut rng);
            agree(&outcome, &rows);
            assert!(words > 1 || outcome.hazards > 0, "one window can only go every 15 cycles");
        }
    }
}

#[test]
fn survives_stalls() {
    let mut rng = Rng::new(seed(NAME, 0x7374_616c));
    let mut bench = Bench::new();
    for _ in 0..if long() { 400 } else { 24 } {
        let words = 1 + rng.below(8);
        let rows: Vec<_> = frames(words, 30, &mut rng)
            .into_iter()
            .map(|frame| {
                let records = rng.below(6);
                row(frame, records, &mut rng, any)
            })
            .collect();
        let paces = Paces::draw(&mut rng);
        let outcome = bench.run(words, rows.clone(), paces, false, &mut rng);
        agree(&outcome, &rows);
    }
}

#[test]
fn an_operation_a_cycle() {
    let mut rng = Rng::new(seed(NAME, 0x7370_6565));
    let mut bench = Bench::new();
    for (per_mille, least) in [(100, 0.85), (300, 0.9), (500, 0.9), (700, 0.9)] {
        let rows: Vec<_> = (0..16)
            .map(|i| {
                let frame = Frame { words: 8, segments: 16, context: 0, out: 16 * i, row: i };
                row(frame, 20, &mut rng, |frame, rng| bitmap(frame, per_mille, rng))
            })
            .collect();
        let outcome = bench.run(8, rows.clone(), SWIFT, true, &mut rng);
        agree(&outcome, &rows);
        let rate = outcome.ops as f64 / outcome.cycles as f64;
        let values: usize = rows.iter().flatten().map(|record| record.values.len()).sum();
        println!(
            "{NAME}: density {:.1}, 256 columns, 8 rows in turns: {} operations in {} cycles, {rate:.3} a cycle, \
             {:.2} values a cycle; waits {} for an operation, {} for a line",
            per_mille as f64 / 1000.0,
            outcome.ops,
            outcome.cycles,
            values as f64 / outcome.cycles as f64,
            outcome.hazards,
            outcome.starved
        );
        assert!(rate >= least, "{rate:.3} operations a cycle at {per_mille} per mille");
    }
}

/// Pairs of every column of some segments: operations of one record on one segment, two of them or three.
fn crowded(frame: Frame, entry: u32, rng: &mut Rng) -> Record {
    let mut record = pairs(frame, 1000, rng);
    record.values.iter_mut().for_each(|(_, x)| *x = *x & 0x807f_ffff | 0x3f80_0000);
    record.entry = entry;
    lay(&mut record, rng);
    record
}

fn segment(operation: &Operation) -> (usize, bool) {
    let (upper, _) = operation.lanes.iter().flatten().next().expect("an operation has lanes");
    (operation.window, *upper)
}

#[test]
fn a_record_of_pairs_does_not_wait_for_itself() {
    let mut rng = Rng::new(seed(NAME, 0x6167_6169));
    let mut bench = Bench::new();
    for entry in 0..8 {
        let frame = Frame { words: 8, segments: 16, context: 0, out: 16, row: 5 };
        let record = Record { last: true, ..crowded(frame, entry, &mut rng) };
        let segments: Vec<_> = record.operations().iter().map(segment).collect();
        let most = segments.chunk_by(|a, b| a == b).map(<[_]>::len).max();
        assert_eq!(most, Some(if entry == 0 { 2 } else { 3 }), "operations on a segment");
        let rows = vec![vec![record]];
        let outcome = bench.run(8, rows.clone(), SWIFT, false, &mut rng);
        agree(&outcome, &rows);
        // The first operation may have to wait for the one that cleared its accumulators.
        assert!(outcome.hazards <= 15, "pairs from number {entry} of a line on wait {} cycles", outcome.hazards);
    }
}

#[test]
fn the_next_record_waits_for_the_last_operation() {
    let mut rng = Rng::new(seed(NAME, 0x6e65_7874));
    let mut bench = Bench::new();
    for (segments, entry) in (1..=4).flat_map(|segments| (0..8).map(move |entry| (segments, entry))) {
        // On one segment the operations of a record follow each other, and the next record's come at once, or at any distance.
        for late in [false, false, true, true, true] {
            let frame = Frame { words: 2, segments, context: 0, out: 16, row: 5 };
            let mut records: Vec<Record> = (0..12)
                .map(|i| match i % 3 {
                    0 => bitmap(frame, 1000, &mut rng),
                    1 => crowded(frame, rng.below(8) as u32, &mut rng),
                    _ => crowded(frame, entry, &mut rng),
                })
                .collect();
            records.last_mut().unwrap().last = true;
            let rows = vec![records];
            let paces = if late { Paces::draw(&mut rng) } else { SWIFT };
            let outcome = bench.run(2, rows.clone(), paces, false, &mut rng);
            agree(&outcome, &rows);
        }
    }
}

/// Breaks one record of many; the row is told, nothing is computed after it, and everything ends.
fn breaks(what: &str, words: usize, segments: usize, spoil: impl Fn(Frame, &mut Rng) -> Record) {
    let mut rng = Rng::new(seed(what, 0x6661_756c));
    let mut bench = Bench::new();
    for swift in [true, false] {
        let frame = |i: u32| Frame { words, segments, context: 0, out: 16 * i, row: 0x4000_0000 + i };
        let mut rows: Vec<_> = (0..30).map(|i| row(frame(i), 3, &mut rng, any)).collect();
        let mut bad = spoil(frame(9), &mut rng);
        bad.last = false;
        rows[9].insert(1, bad);
        let paces = if swift { SWIFT } else { Paces::draw(&mut rng) };
        let outcome = bench.run(words, rows, paces, true, &mut rng);
        assert_eq!(outcome.fault, Some(0x4000_0009), "{what}");
        assert_eq!(outcome.late_ops, 0, "{what}: operations after the fault");
        assert!(outcome.ops > 0);
    }
}

#[test]
fn faults_are_told_and_end() {
    let many = |frame: Frame, rng: &mut Rng| loop {
        let record = bitmap(frame, 500, rng);
        if record.lines.len() >= 2 {
            return record;
        }
    };
    breaks("a line too many", 8, 16, |frame, rng| {
        let mut record = many(frame, rng);
        record.lines.push([0; 16]);
        record
    });
    breaks("a line too few", 8, 16, |frame, rng| {
        let mut record = many(frame, rng);
        record.lines.pop();
        record
    });
    breaks("one line of many", 8, 16, |frame, rng| {
        let mut record = many(frame, rng);
        record.lines.truncate(1);
        record
    });
    breaks("two lines for an empty bitmap", 8, 16, |frame, rng| {
        let mut record = bitmap(frame, 0, rng);
        record.lines.push([0; 16]);
        record
    });
    breaks("no line at all", 8, 16, |frame, rng| {
        let mut record = bitmap(frame, 0, rng);
        record.lines.clear();
        record
    });
    breaks("raw without lines", 8, 16, |frame, rng| {
        let mut record = raw(frame, rng);
        record.lines.clear();
        record
    });
    breaks("a bit past the row", 8, 13, |frame, rng| {
        let mut record = bitmap(frame, 300, rng);
        record.values.push((13 * 16, 0x3f80_0000));
        pack(&mut record, frame, rng);
        record
    });
    let spoiled = |frame: Frame, rng: &mut Rng, at: usize, column: u32| loop {
        let mut record = pairs(frame, 500, rng);
        if record.values.len() > at {
            let place = record.entry as usize + at;
            record.lines[place / 8][2 * (place % 8)] = column;
            return record;
        }
    };
    breaks("a column past the row", 8, 13, |frame, rng| spoiled(frame, rng, 0, 13 * 16));
    breaks("a column past the slice", 8, 16, |frame, rng| spoiled(frame, rng, 20, 256));
    breaks("a column far off", 8, 16, |frame, rng| spoiled(frame, rng, 3, 0x8000_0003));
    breaks("columns that do not ascend", 8, 16, |frame, rng| spoiled(frame, rng, 5, 0));
    for at in 1..9 {
        breaks("a column twice", 8, 16, |frame, rng| {
            let record = pairs(frame, 500, rng);
            let mut record = if record.values.len() > 20 { record } else { spoiled(frame, rng, 20, 255) };
            let (one, two) = (record.entry as usize + at - 1, record.entry as usize + at);
            record.lines[two / 8][2 * (two % 8)] = record.lines[one / 8][2 * (one % 8)];
            record
        });
    }
}
