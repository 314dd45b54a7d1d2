use super::{cell, line_of, pack, request, Place};
use nearfield_hdl::sgcn::layout::KIND_ROW;
use nearfield_tests::cell::Cell;
use nearfield_tests::rng::{seed, Rng};
use nearfield_tests::stream::{Pace, Sink};

const NAME: &str = "sgcn_rows";
const ROW_POINTERS: u32 = 0x0123_4567;
const RESULTS: u32 = 0xffff_ff00;

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

#[derive(Clone, Copy, Debug)]
struct Strip {
    row: u32,
    past: u32,
    base: u32,
    line: u32,
    segments: u32,
}

/// Row pointers that do not decrease.
fn pointers(rows: usize, rng: &mut Rng) -> Vec<u32> {
    let mut at = rng.below(3) as u32;
    let step = |rng: &mut Rng| if rng.one_in(3) { 0 } else { rng.below(1000) as u32 };
    let mut all = vec![at];
    for _ in 0..rows {
        at += step(rng);
        all.push(at);
    }
    all
}

fn strip(rows: u32, rng: &mut Rng) -> Strip {
    let row = rng.below(rows as usize) as u32;
    let past = row + 1 + rng.below((rows - row).min(40) as usize) as u32;
    Strip { row, past, base: rng.word() as u32, line: rng.below(256) as u32, segments: 1 + rng.below(16) as u32 }
}

fn expected(strip: Strip, pointers: &[u32], row_lines: u32) -> Vec<Vec<u32>> {
    let row = |row: u32| {
        let out = RESULTS.wrapping_add(strip.line).wrapping_add(row.wrapping_mul(row_lines));
        let place = Place { row, out, base: strip.base, line: strip.line, segments: strip.segments };
        let bounds = [0, 1].map(|i| (u64::from(pointers[row as usize + i]), 32));
        pack(&[&place.fields()[..], &bounds[..]].concat())
    };
    (strip.row..strip.past).map(row).collect()
}

/// Gives strips until all are read or a pointer is wrong; what was handed on, and the row of the fault.
fn run(
    strips: &[Strip],
    pointers: &[u32],
    edges: u32,
    row_lines: u32,
    paces: [Pace; 4],
    rng: &mut Rng,
) -> (Vec<Vec<u32>>, Option<u32>) {
    let [gives, asks, answers, takes] = paces;
    let mut cell: Cell = cell(NAME);
    for port in ["stop", "give", "arrive", "request_ready", "m_ready"] {
        cell.set(port, 0);
    }
    cell.reset();
    for (name, value) in
        [("row_pointers", ROW_POINTERS), ("results", RESULTS), ("edges", edges), ("row_lines", row_lines)]
    {
        cell.set(name, value.into());
    }
    let mut requests = Sink::new(cell.wires("request"), asks);
    let mut sink = Sink::new(cell.wires("m"), takes);
    let (mut next, mut answered, mut quiet) = (0, 0, 0);
    let data = cell.port("data");
    for cycle in 0.. {
        assert!(cycle < 3000 + 4000 * strips.len(), "{next} of {} strips", strips.len());
        requests.drive(&mut cell.instance, rng);
        sink.drive(&mut cell.instance, rng);
        let arrive = answered < requests.taken.len() && answers.draw(rng);
        cell.set("arrive", arrive.into());
        let mut line = super::noise(rng);
        if arrive {
            let (address, kind, slot, noalloc) = request(&requests.taken[answered]);
            assert_eq!((kind, slot, noalloc), (KIND_ROW, 0, false));
            let number = address.wrapping_sub(ROW_POINTERS) as usize;
            assert!(16 * number < pointers.len(), "line {number} of {} pointers", pointers.len());
            line = line_of(pointers, number, rng);
            answered += 1;
        }
        cell.instance.set_words(data, &line);
        cell.settle();
        let give = next < strips.len() && cell.get("want") == 1 && gives.draw(rng);
        cell.set("give", give.into());
        if give {
            let strip = strips[next];
            let said = [("row", strip.row), ("stop_at", strip.past), ("base", strip.base), ("line", strip.line)];
            said.iter().for_each(|(name, value)| cell.set(name, (*value).into()));
            cell.set("segments", strip.segments.into());
            next += 1;
        }
        cell.settle();
        requests.sample(&mut cell.instance);
        sink.sample(&mut cell.instance);
        let idle = cell.get("busy") == 0 && next == strips.len();
        let faulty = cell.get("fault") == 1;
        assert!(!faulty || cell.get("want") == 0);
        cell.tick();
        quiet = if idle || faulty { quiet + 1 } else { 0 };
        if quiet > 200 {
            break;
        }
    }
    let fault = (cell.get("fault") == 1).then(|| cell.get("fault_row") as u32);
    (sink.taken, fault)
}

fn check(paces: [Pace; 4], rng: &mut Rng) {
    let rows = 1 + rng.below(120) as u32;
    let pointers = pointers(rows as usize, rng);
    let edges = pointers[rows as usize] + rng.below(2) as u32;
    let row_lines = 1 + rng.below(256) as u32;
    let strips: Vec<Strip> = (0..6).map(|_| strip(rows, rng)).collect();
    let (found, fault) = run(&strips, &pointers, edges, row_lines, paces, rng);
    assert_eq!(fault, None);
    let right: Vec<Vec<u32>> = strips.iter().flat_map(|s| expected(*s, &pointers, row_lines)).collect();
    assert_eq!(found, right);
}

#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed(NAME, 0x726f_7773));
    for _ in 0..40 {
        check([Pace::ALL[0]; 4], &mut rng);
    }
}

#[test]
fn survives_stalls() {
    let mut rng = Rng::new(seed(NAME, 0x7374_616c));
    for _ in 0..40 {
        let paces = std::array::from_fn(|_| Pace::ALL[rng.below(3)]);
        check(paces, &mut rng);
    }
}

#[test]
fn a_wrong_pointer_is_told() {
    let mut rng = Rng::new(seed(NAME, 0x7772_6f6e));
    for i in 0..60 {
        let rows = 1 + rng.below(60) as u32;
        let mut pointers = pointers(rows as usize, &mut rng);
        let row = rng.below(rows as usize);
        let mut edges = pointers[rows as usize];
        if i % 2 == 0 {
            // The row's end lies behind all edges; so does what follows, or not.
            pointers[row + 1] = [edges + 1, u32::MAX][rng.below(2)];
        } else {
            pointers.iter_mut().for_each(|pointer| *pointer += 1);
            edges += 1;
            pointers[row + 1] = pointers[row] - 1;
        }
        // No pointer before the row's end is wrong.
        let strip = Strip { row: 0, past: rows, base: 5, line: 0, segments: 1 };
        let (found, fault) = run(&[strip], &pointers, edges, 16, [Pace::ALL[0]; 4], &mut rng);
        assert_eq!(fault, Some(row as u32));
        assert_eq!(found, expected(strip, &pointers, 16)[..row]);
    }
}
