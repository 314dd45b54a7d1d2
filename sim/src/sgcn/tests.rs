use super::*;
use nearfield_abi::kernel::sgcn::mode;

/// A ring of vertices, each with its neighbours.
fn ring(vertices: u32) -> (Vec<u32>, Vec<u32>) {
    let columns = (0..vertices).flat_map(|v| [(v + vertices - 1) % vertices, v, (v + 1) % vertices]).collect();
    ((0..=vertices).map(|v| 3 * v).collect(), columns)
}

fn board(name: &str) -> &'static Board {
    Board::from_name(name).unwrap()
}

fn ring_of(vertices: u32, mode: u32, density: f64, machine: &Machine) -> Result<Outcome, ModelError> {
    let (row_pointers, columns) = ring(vertices);
    let pattern = Pattern::Drawn { density, seed: 1 };
    let job = Job { row_pointers: &row_pointers, columns: &columns, width: 96, slice: 64, strip: 4, mode, pattern };
    run(machine, &job, 100_000)
}

#[test]
fn everything_that_is_asked_for_is_counted() {
    for (engines, ports, name) in [(1, 1, "ideal"), (4, 8, "ideal"), (2, 1, "smartssd"), (16, 8, "hbm2-256")] {
        let machine = Machine::new(engines, ports, board(name));
        let outcome = ring_of(100, mode::DENSE | mode::WEIGHTED, 0.5, &machine).unwrap();
        // Two slices, of four segments and of two.
        let sums = ["ops", "rows", "feature_requests", "lookup_requests", "write_beats"].map(|name| outcome.sum(name));
        assert_eq!(sums, [300 * 6, 200, 300 * 6, 0, 100 * 6], "{engines} engines on {name}");
        let requests = outcome.sum("graph_requests") + outcome.sum("feature_requests");
        assert_eq!(outcome.sum("hits") + outcome.sum("misses") + outcome.sum("merged"), requests);
        assert_eq!(outcome.sum("read_beats"), outcome.counter("cache_misses"));
    }
}

#[test]
fn formats_differ_in_lines_and_agree_in_rows() {
    let machine = Machine::new(4, 1, board("ideal"));
    let of = |mode| ring_of(50, mode, 0.3, &machine).unwrap();
    let (beicsr, known) = (of(mode::BEICSR), of(mode::PUBLISHED | mode::LENGTH_KNOWN));
    let (learned, dense, pairs) = (of(mode::PUBLISHED), of(mode::DENSE), of(mode::PAIRS));
    for outcome in [&beicsr, &known, &learned, &dense, &pairs] {
        assert_eq!((outcome.sum("rows"), outcome.sum("write_beats")), (100, 300));
    }
    assert_eq!(beicsr.sum("feature_requests"), known.sum("feature_requests"));
    assert_eq!(learned.sum("lookup_requests"), 300);
    assert!(beicsr.sum("feature_requests") < dense.sum("feature_requests"));
    assert!(pairs.sum("ops") > beicsr.sum("ops"));
    assert_eq!(of(mode::BEICSR), beicsr, "the same every time");
}

#[test]
fn rows_without_edges_are_written_too() {
    let pattern = Pattern::Bits(&[7; 5]);
    let job =
        Job { row_pointers: &[0, 0, 0, 1, 1, 1], columns: &[4], width: 17, slice: 32, strip: 1, mode: 0, pattern };
    let outcome = run(&Machine::new(2, 1, board("ideal")), &job, 10_000).unwrap();
    assert_eq!(["rows", "write_beats", "ops"].map(|name| outcome.sum(name)), [5, 10, 1]);
}

#[test]
fn what_the_kernel_refuses_is_refused() {
    let machine = Machine::new(1, 1, board("ideal"));
    let pattern = Pattern::Bits(&[7; 2]);
    let good = Job { row_pointers: &[0, 1, 2], columns: &[1, 0], width: 32, slice: 32, strip: 1, mode: 0, pattern };
    assert!(run(&machine, &good, 10_000).is_ok());
    for (bad, what) in [
        (Job { row_pointers: &[0, 2, 1], ..good }, "decrease"),
        (Job { row_pointers: &[0, 1, 3], ..good }, "past the last edge"),
        (Job { columns: &[1, 2], ..good }, "that of a row"),
        (Job { slice: 48, ..good }, "shape"),
        (Job { strip: 0, ..good }, "strip"),
        (Job { mode: 1 << 12, ..good }, "mode"),
        (Job { width: 64, slice: 64, ..good }, "pattern"),
    ] {
        let error = run(&machine, &bad, 10_000).expect_err(what).to_string();
        assert!(error.contains(what), "{error}");
    }
    assert!(matches!(run(&machine, &good, 10), Err(ModelError::TooLong(10))));
    assert!(matches!(run(&Machine::new(3, 1, board("ideal")), &good, 10), Err(ModelError::Kernel(3, 1))));
    assert!(matches!(run(&Machine::new(1, 1, board("hostile")), &good, 10), Err(ModelError::Board("hostile"))));
}
