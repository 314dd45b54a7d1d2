use super::{cell, field, line_of, noise, pack, request, Place};
use nearfield_hdl::sgcn::engine::CONTEXTS;
use nearfield_hdl::sgcn::layout::*;
use nearfield_tests::rng::{seed, Rng};
use nearfield_tests::stream::{Pace, Sink, Source};

const NAME: &str = "sgcn_edges";
const COLUMNS: u32 = 0x00ff_ff01;
const WEIGHTS: u32 = 0xffff_fff0;

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

#[derive(Clone, Debug)]
struct Case {
    weighted: bool,
    bypass: bool,
    vertices: u32,
    columns: Vec<u32>,
    weights: Vec<u32>,
    /// Rows with their first edge and the one after their last.
    rows: Vec<(Place, u32, u32)>,
}

impl Case {
    fn draw(rows: usize, rng: &mut Rng) -> Case {
        let edges = 400 + rng.below(40);
        let vertices = 1 + rng.below(1 << 20) as u32;
        let column = |rng: &mut Rng| match rng.below(8) {
            0 => vertices - 1,
            _ => rng.below(vertices as usize) as u32,
        };
        let bypassed = |rng: &mut Rng| (rng.word() as u32) << 31;
        let row = |number: usize, rng: &mut Rng| {
            let first = rng.below(edges);
            let length = [0, 1, 2, 16, 17, 30][rng.below(6)].min(edges - first);
            (Place::draw(0x7fff_ff00 + number as u32, rng), first as u32, (first + length) as u32)
        };
        Case {
            weighted: rng.one_in(2),
            bypass: rng.one_in(2),
            vertices,
            columns: (0..edges).map(|_| column(rng) | bypassed(rng)).collect(),
            weights: (0..edges).map(|_| rng.word() as u32).collect(),
            rows: (0..rows).map(|i| row(i, rng)).collect(),
        }
    }
}

/// How willing everybody is.
#[derive(Clone, Copy, Debug)]
struct Paces {
    rows: Pace,
    asks: Pace,
    answers: Pace,
    takes: Pace,
    frees: Pace,
}

const SWIFT: Paces =
    Paces { rows: Pace::ALL[0], asks: Pace::ALL[0], answers: Pace::ALL[0], takes: Pace::ALL[0], frees: Pace::ALL[0] };

/// Hands on all edges, or those before a fault; its row, and the cycles from the first edge to the last.
fn run(case: &Case, paces: Paces, rng: &mut Rng) -> (Option<u32>, usize) {
    let mut cell = cell(NAME);
    for port in ["stop", "freed", "column_arrive", "weight_arrive", "s_valid", "request_ready", "m_ready"] {
        cell.set(port, 0);
    }
    cell.reset();
    cell.set("columns", COLUMNS.into());
    cell.set("weights", WEIGHTS.into());
    cell.set("weighted", case.weighted.into());
    cell.set("bypass", case.bypass.into());
    cell.set("vertices", case.vertices.into());
    let words = case.rows.iter().map(|(place, first, past)| {
        pack(&[&place.fields()[..], &[((*first).into(), 32), ((*past).into(), 32)]].concat())
    });
    let mut source = Source::new(cell.wires("s"), words, paces.rows);
    let mut requests = Sink::new(cell.wires("request"), paces.asks);
    let mut sink = Sink::new(cell.wires("m"), paces.takes);
    let data = cell.port("data");
    let mut pending: Vec<(u32, u64, usize)> = Vec::new();
    let (mut asked, mut seen, mut quiet) = (0, 0, 0);
    // Of each context the row at which it works and the edge that comes next; contexts whose row has ended.
    let mut open: [Option<(usize, u32)>; CONTEXTS] = [None; CONTEXTS];
    let mut over: Vec<usize> = Vec::new();
    let mut done = vec![false; case.rows.len()];
    let (mut begun, mut ended) = (None, 0);
    let bound = 3000 + 100 * case.rows.iter().map(|(_, first, past)| (past - first + 4) as usize).sum::<usize>();
    for cycle in 0.. {
        assert!(cycle < bound, "{} of {} rows", done.iter().filter(|d| **d).count(), done.len());
        source.drive(&mut cell.instance, rng);
        requests.drive(&mut cell.instance, rng);
        sink.drive(&mut cell.instance, rng);
        let answers = !pending.is_empty() && paces.answers.draw(rng);
        let mut kind = 0;
        let mut line = noise(rng);
        cell.set("arrive_context", rng.word() & 15);
        if answers {
            let (address, what, context) = pending.swap_remove(rng.below(pending.len()));
            kind = what;
            let (array, base) = if kind == KIND_COLUMN { (&case.columns, COLUMNS) } else { (&case.weights, WEIGHTS) };
            line = line_of(array, address.wrapping_sub(base) as usize, rng);
            cell.set("arrive_context", context as u64);
        }
        cell.set("column_arrive", (answers && kind == KIND_COLUMN).into());
        cell.set("weight_arrive", (answers && kind == KIND_WEIGHT).into());
        cell.instance.set_words(data, &line);
        let frees = !over.is_empty() && paces.frees.draw(rng);
        cell.set("freed", frees.into());
        cell.set("freed_context", rng.word() & 15);
        if frees {
            let context = over.swap_remove(rng.below(over.len()));
            cell.set("freed_context", context as u64);
            open[context] = None;
        }
        cell.settle();
        source.sample(&cell.instance);
        requests.sample(&mut cell.instance);
        sink.sample(&mut cell.instance);
        for taken in &requests.taken[asked..] {
            let (address, kind, context, noalloc) = request(taken);
            assert!(kind == KIND_COLUMN || (kind == KIND_WEIGHT && case.weighted));
            assert!(context < CONTEXTS && !noalloc);
            pending.push((address, kind, context));
        }
        asked = requests.taken.len();
        for edge in &sink.taken[seen..] {
            let context = field(edge, EDGE_CONTEXT, 4) as usize;
            let place = Place::of(edge);
            let number = (place.row - 0x7fff_ff00) as usize;
            let (right, first, past) = case.rows[number];
            assert_eq!(place, right);
            let (row, next) = *open[context].get_or_insert((number, first));
            assert_eq!(row, number, "context {context} has two rows");
            assert!(!done[number], "more edges than the row has");
            let (last, hollow) = (field(edge, EDGE_LAST, 1) == 1, field(edge, EDGE_HOLLOW, 1) == 1);
            assert_eq!(hollow, first == past);
            if !hollow {
                let column = case.columns[next as usize];
                assert!(column & 0x7fff_ffff < case.vertices, "a column out of range was handed on");
                assert_eq!(field(edge, EDGE_COLUMN, 31) as u32, column & 0x7fff_ffff, "edge {next}");
                assert_eq!(field(edge, EDGE_BYPASS, 1) == 1, case.bypass && column >> 31 == 1);
                let weight = if case.weighted { case.weights[next as usize] } else { 0x3f80_0000 };
                assert_eq!(field(edge, EDGE_WEIGHT, 32) as u32, weight, "edge {next}");
            }
            assert_eq!(last, hollow || next + 1 == past);
            open[context] = Some((number, next + 1));
            if last {
                done[number] = true;
                over.push(context);
            }
            begun.get_or_insert(cycle);
            ended = cycle;
        }
        seen = sink.taken.len();
        let busy = cell.get("busy") == 1;
        let faulty = cell.get("fault") == 1;
        cell.tick();
        quiet = if faulty || (source.is_done() && !busy) { quiet + 1 } else { 0 };
        if quiet > 100 {
            break;
        }
    }
    let fault = (cell.get("fault") == 1).then(|| cell.get("fault_row") as u32);
    assert!(fault.is_some() || done.iter().all(|done| *done));
    (fault, ended - begun.unwrap_or(0))
}

#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed(NAME, 0x6564_6765));
    for _ in 0..24 {
        let case = Case::draw(30, &mut rng);
        assert_eq!(run(&case, SWIFT, &mut rng).0, None);
    }
}

#[test]
fn survives_stalls() {
    let mut rng = Rng::new(seed(NAME, 0x7374_616c));
    for _ in 0..40 {
        let mut pace = || Pace::ALL[rng.below(3)];
        let paces = Paces { rows: pace(), asks: pace(), answers: pace(), takes: pace(), frees: pace() };
        let case = Case::draw(20, &mut rng);
        assert_eq!(run(&case, paces, &mut rng).0, None, "{paces:?}");
    }
}

#[test]
fn a_column_out_of_range_is_told() {
    let mut rng = Rng::new(seed(NAME, 0x7261_6e67));
    for i in 0..30 {
        // Rows of edges of their own, so that it is known which one is wrong.
        let mut case = Case::draw(8, &mut rng);
        for (number, row) in case.rows.iter_mut().enumerate() {
            (row.1, row.2) = (40 * number as u32, 40 * number as u32 + 1 + rng.below(39) as u32);
        }
        let wrong = rng.below(case.rows.len());
        let (_, first, past) = case.rows[wrong];
        let at = first as usize + rng.below((past - first) as usize);
        let column = [case.vertices, 0x7fff_ffff][i % 2];
        case.columns[at] = column | (case.columns[at] & 0x8000_0000);
        let paces = Paces { takes: Pace::ALL[rng.below(3)], ..SWIFT };
        let (fault, _) = run(&case, paces, &mut rng);
        assert_eq!(fault, Some(case.rows[wrong].0.row));
    }
}
