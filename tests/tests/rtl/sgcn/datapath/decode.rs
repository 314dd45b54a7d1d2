use super::cell;
use super::records::{any, row, Frame, Operation, Record};
use nearfield_tests::rng::{seed, Rng};
use nearfield_tests::stream::{Pace, Source};

const NAME: &str = "sgcn_decode";

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

fn records(words: usize, rows: usize, rng: &mut Rng) -> Vec<Record> {
    let mut records = Vec::new();
    for number in 0..rows {
        let frame = Frame {
            words,
            segments: 1 + rng.below(2 * words),
            context: rng.below(16) as u32,
            out: rng.word() as u32,
            row: number as u32,
        };
        let n = rng.below(5);
        records.extend(row(frame, n, rng, any));
    }
    records
}

/// Every record becomes its operations, in order, and every row's end is told after them.
fn run(words: usize, rows: usize, paces: [Pace; 3], rng: &mut Rng) {
    let mut cell = cell(NAME);
    let records = records(words, rows, rng);
    let descriptors = records.iter().map(Record::descriptor);
    let mut descriptors = Source::new(cell.wires("descriptor"), descriptors, paces[0]);
    let lines = records.iter().flat_map(|record| record.lines.iter().map(|line| line.to_vec()));
    let mut lines = Source::new(cell.wires("line"), lines, paces[1]);
    let expected: Vec<Operation> = records.iter().flat_map(Record::operations).collect();
    let ends: Vec<_> = records.iter().filter(|record| record.last).collect();
    let (mut ended, mut found, mut under_way) = (0, 0, [0; 2]);
    cell.set("words", words as u64);
    cell.set("drain_place", rng.word() & 127);
    let mut idle = 0;
    let bound = 1000 + 400 * (records.len() + expected.len());
    for cycle in 0.. {
        assert!(cycle < bound, "{found} of {} operations", expected.len());
        descriptors.drive(&mut cell.instance, rng);
        lines.drive(&mut cell.instance, rng);
        let drain = !paces[2].draw(rng);
        cell.set("drain_want", drain.into());
        cell.set("drain_urgent", rng.word() & 1);
        cell.settle();
        if cell.get("ended") == 1 {
            let told = (cell.get("row_context"), cell.get("row"), cell.get("segments"));
            let right = (ends[ended].context.into(), ends[ended].out.into(), (ends[ended].segments & 15).into());
            assert_eq!(told, right, "end {ended}");
            ended += 1;
        }
        let drains = cell.get("drain_taken");
        assert!(drains == 0 || drain);
        // Two cycles from there to the lanes.
        let clears = under_way[0];
        under_way = [under_way[1], drains];
        assert_eq!(cell.get("clear"), clears);
        let lanes = cell.get("lanes");
        if clears == 1 {
            assert_eq!(lanes, 0xffff);
        } else if lanes != 0 {
            let (half, place) = (cell.get("half"), cell.get("place"));
            let x = cell.instance.words(cell.port("x"));
            let operation = Operation {
                context: (place >> 3) as u32,
                window: place as usize & 7,
                weight: cell.get("weight") as u32,
                lanes: (0..16).map(|i| (lanes >> i & 1 == 1).then_some((half >> i & 1 == 1, x[i]))).collect(),
            };
            assert_eq!(operation, expected[found], "operation {found}");
            found += 1;
        }
        descriptors.sample(&cell.instance);
        lines.sample(&cell.instance);
        idle = if cell.get("busy") == 1 { 0 } else { idle + 1 };
        assert_eq!(cell.get("fault"), 0, "row {}", cell.get("fault_row"));
        cell.tick();
        if descriptors.is_done() && idle > 10 {
            break;
        }
    }
    assert!(lines.is_done());
    assert_eq!((found, ended), (expected.len(), ends.len()));
}

#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed(NAME, 0x6465_636f));
    for words in 1..=8 {
        run(words, 120, [Pace::ALL[0]; 3], &mut rng);
    }
}

#[test]
fn survives_stalls() {
    let mut rng = Rng::new(seed(NAME, 0x7374_616c));
    for descriptors in Pace::ALL {
        for lines in Pace::ALL {
            for free in Pace::ALL {
                let words = 1 + rng.below(8);
                run(words, 20, [descriptors, lines, free], &mut rng);
            }
        }
    }
}
