//! What `sgcn_aggregate` refuses, and that the next run is right.

use super::bench::{case, Bench, Case, Format, How, Regions};
use nearfield_abi::kernel::sgcn::{fault, id, mode, scalar};
use nearfield_abi::register::error;
use nearfield_sim::axi::{Fault, Response};
use nearfield_tests::rng::{seed, Rng};

const HOW: How = How { format: Format::Beicsr, slice: 128, strip: 4, dynamic: true, hashed: true, bypass: true };

fn small(rng: &mut Rng) -> Case {
    let degrees: Vec<usize> = (0..24).map(|_| 1 + rng.below(4)).collect();
    case(&degrees, 200, 40, true, rng)
}

#[test]
fn unusable_arguments_are_refused() {
    let mut rng = Rng::new(seed("sgcn_aggregate arguments", 63));
    let mut bench = Bench::open(1, 1, "ideal", 63);
    let good = small(&mut rng);
    let regions = Regions::of(&good, &HOW);
    let of = |scalar| id(1, scalar);
    let cases = [
        (0, 0x10_0400),
        (of(scalar::ROWS), 0),
        (of(scalar::ROWS), 1 << 31),
        (of(scalar::WIDTH), 0),
        (of(scalar::WIDTH), 4097),
        (of(scalar::SLICE), 0),
        (of(scalar::SLICE), 48),
        (of(scalar::SLICE), 288),
        (of(scalar::STRIP), 0),
        (of(scalar::STRIP), 1025),
        (of(scalar::MODE), 1 << 7),
        (of(scalar::MODE), u64::from(mode::DENSE | mode::LENGTH_KNOWN)),
    ];
    for (id, value) in cases {
        bench.give(&good, &HOW, &regions);
        bench.argument(id, value);
        bench.run(10_000);
        assert_eq!(bench.error(), (error::ARGUMENT, id as u32, 0), "argument {id} = {value:#x}");
    }
    bench.check(&good, &HOW);
}

/// Each spoils one word of a region; what is told of it, and of which row.
#[test]
fn malformed_graphs_and_features_are_told_with_their_row() {
    let mut rng = Rng::new(seed("sgcn_aggregate malformed", 64));
    for (engines, ports, board) in [(1, 1, "ideal"), (4, 8, "hostile")] {
        let mut bench = Bench::open(engines, ports, board, 64);
        for _ in 0..4 {
            let good = small(&mut rng);
            let row = 1 + rng.below(good.vertices() - 2);
            let edge = good.pointers[row] as usize;
            let neighbour = (good.columns[edge] & 0x7fff_ffff) as usize;
            // A bad pointer belongs to two rows, a bad record to every row that has the neighbour: engines race for who tells.
            let has = |row: usize| {
                let edges = good.pointers[row] as usize..good.pointers[row + 1] as usize;
                good.columns[edges].iter().any(|c| (c & 0x7fff_ffff) as usize == neighbour)
            };
            let either: Vec<usize> = vec![row, row + 1];
            let before: Vec<usize> = vec![row - 1, row];
            let sharing: Vec<usize> = (0..good.vertices()).filter(|&row| has(row)).collect();
            let spoil = |format: Format, region: usize, at: usize, word: &[u8]| {
                let how = How { format, slice: 256, ..HOW };
                let mut regions = Regions::of(&good, &how);
                regions.data[region][at..at + word.len()].copy_from_slice(word);
                (how, regions)
            };
            let huge = (good.columns.len() as u32 + 1).to_le_bytes();
            let decreasing = (good.pointers[row] + 100).to_le_bytes();
            let none = (good.vertices() as u32).to_le_bytes();
            let cases = [
                (spoil(Format::Beicsr, 0, 4 * (row + 1), &huge), fault::ROW_POINTERS, &either),
                (spoil(Format::Beicsr, 0, 4 * row, &decreasing), fault::ROW_POINTERS, &before),
                (spoil(Format::Dense, 1, 4 * edge, &none), fault::COLUMN, &vec![row]),
                (spoil(Format::Beicsr, 4, neighbour, &[17]), fault::RECORD, &sharing),
                (spoil(Format::Beicsr, 4, neighbour, &[1]), fault::RECORD, &sharing),
                (spoil(Format::Pairs, 4, 8 * neighbour + 4, &257u32.to_le_bytes()), fault::RECORD, &sharing),
            ];
            for (number, ((how, regions), what, told)) in cases.iter().enumerate() {
                bench.give(&good, how, regions);
                bench.run(200_000);
                let (code, at, kind) = bench.error();
                assert_eq!((code, kind), (error::STREAM, *what), "case {number} on {board}, row {row}");
                assert!(told.contains(&(at as usize)), "case {number} on {board}: row {at} is not among {told:?}");
                bench.check(&small(&mut rng), &HOW);
            }
        }
    }
}

#[test]
fn error_responses_end_a_run() {
    let mut rng = Rng::new(seed("sgcn_aggregate error responses", 65));
    for (engines, ports, board) in [(1, 1, "hostile"), (4, 8, "ideal")] {
        let mut bench = Bench::open(engines, ports, board, 65);
        for write in [false, true] {
            for region in if write { vec![5] } else { vec![0, 1, 2, 3, 4] } {
                let good = small(&mut rng);
                let regions = Regions::of(&good, &HOW);
                let lines = bench.give(&good, &HOW, &regions);
                let address = bench.address(lines[region]);
                // Of the features not every line is read, but some of those that lie together.
                let bytes = if region == 3 { 1024 } else { 64 };
                let response = [Response::SlaveError, Response::DecodeError][rng.below(2)];
                bench.sim.inject(Fault { address, bytes, write, response });
                bench.run(400_000);
                let (code, port, _) = bench.error();
                let port_of = nearfield_abi::kernel::sgcn::place(lines[region], ports).0;
                let expected = if write { error::AXI_WRITE } else { error::AXI_READ };
                assert_eq!((code, port), (expected, port_of), "region {region} on {board}");
                bench.sim.clear_faults();
                bench.check(&small(&mut rng), &HOW);
            }
        }
    }
}

#[test]
fn a_reset_in_mid_run_is_forgotten() {
    let mut rng = Rng::new(seed("sgcn_aggregate reset", 66));
    let mut bench = Bench::open(4, 8, "hostile", 66);
    for _ in 0..8 {
        let one = small(&mut rng);
        let regions = Regions::of(&one, &HOW);
        bench.give(&one, &HOW, &regions);
        bench.sim.start().unwrap();
        bench.sim.pass(rng.below(3000) as u64).unwrap();
        bench.sim.reset().unwrap();
        bench.check(&small(&mut rng), &HOW);
    }
}
