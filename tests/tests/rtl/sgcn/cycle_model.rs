//! The cycle model of `sgcn_aggregate` against its RTL.

use nearfield::aggregate::{on_device, pad, Features, RunOptions, Strips};
use nearfield::device::{open_kernel, DeviceSpec};
use nearfield::graph::masks::Masks;
use nearfield::graph::{features, Graph};
use nearfield_abi::beicsr::BYPASS;
use nearfield_abi::board::Board;
use nearfield_abi::kernel::sgcn::mode;
use nearfield_abi::kernel::Kernel;
use nearfield_model::beicsr::{encode, encode_pairs, Layout, Shape};
use nearfield_sim::sgcn::{run, Job, Machine, Outcome, Pattern};
use nearfield_tests::rng::{long, seed, Rng};

const MOST_CYCLES: u64 = 2_000_000;
const FORMATS: [u32; 5] =
    [mode::BEICSR, mode::PUBLISHED, mode::PUBLISHED | mode::LENGTH_KNOWN, mode::DENSE, mode::PAIRS];

struct Case<'a> {
    graph: &'a Graph,
    /// Column ids with bypass bits, if they are obeyed.
    bypass: Option<&'a [u32]>,
    features: &'a [f32],
    width: usize,
    slice: usize,
    strips: Strips,
    format: u32,
    hashed: bool,
}

impl Case<'_> {
    fn options(&self) -> RunOptions<'_> {
        RunOptions {
            hashed: self.hashed,
            strips: self.strips,
            learn_lengths: self.format == mode::PUBLISHED,
            bypass: self.bypass,
            slice: self.slice as u32,
        }
    }

    /// Cycles and counters of the RTL, in the order of the model's.
    fn on_rtl(&self, device: &str) -> Outcome {
        let shape = Shape::new(self.graph.vertices(), self.width, self.slice).unwrap();
        let layout = if self.format == mode::BEICSR { Layout::Beicsr } else { Layout::Published };
        let (encoded, padded) = (encode(layout, shape, self.features), pad(self.features, self.width));
        let pairs = encode_pairs(shape, self.features).unwrap();
        let features = match self.format {
            mode::DENSE => Features::dense(shape.rows(), self.width, &padded),
            mode::PAIRS => Features::paired(&pairs),
            _ => Features::encoded(&encoded),
        };
        let spec: DeviceSpec = device.parse().unwrap();
        let mut device = open_kernel(&spec, Kernel::SgcnAggregate).unwrap();
        let sums = on_device(device.as_mut(), self.graph, &features.unwrap(), &self.options()).unwrap();
        let counters = sums.counters.unwrap();
        let counts = counters.counts.into_iter().map(|count| (count.name, count.value.into()));
        Outcome { cycles: counters.cycles, counters: counts.collect() }
    }

    fn on_model(&self, machine: &Machine) -> Outcome {
        let job = Job {
            row_pointers: self.graph.row_pointers(),
            columns: self.bypass.unwrap_or(self.graph.columns()),
            width: self.width as u32,
            slice: self.slice as u32,
            strip: self.strips.rows(),
            mode: self.format | self.options().mode(self.graph),
            pattern: Pattern::Bits(&features::bits(self.features, self.width)),
        };
        run(machine, &job, MOST_CYCLES).unwrap()
    }
}

/// A graph of 60 vertices, some without neighbours and one with many, weighted or not.
fn small(rng: &mut Rng) -> Graph {
    let (mut pointers, mut columns) = (vec![0], Vec::new());
    for row in 0..60 {
        let degree = if row == 1 { 70 } else { rng.below(12) };
        columns.extend((0..degree).map(|_| rng.below(60) as u32));
        pointers.push(columns.len() as u32);
    }
    let weights = rng.one_in(2).then(|| vec![0.5; columns.len()]);
    Graph::new(pointers, columns, weights).unwrap()
}

/// One engine, one port and a memory that is always as fast: nothing is left open, and the model is exact.
#[test]
fn with_one_engine_the_model_has_the_cycles_and_counters_of_the_rtl() {
    let mut rng = Rng::new(seed("cycle model", 11));
    let board = Board::from_name("ideal").unwrap();
    for (format, (width, slice)) in FORMATS.into_iter().flat_map(|f| [(f, (137, 96)), (f, (64, 32))]) {
        let graph = small(&mut rng);
        let marked: Vec<u32> =
            graph.columns().iter().map(|&column| if rng.one_in(4) { column | BYPASS } else { column }).collect();
        let share = 1 + rng.below(3);
        let features: Vec<f32> = (0..60 * width).map(|_| if rng.below(4) < share { 1.0 } else { 0.0 }).collect();
        let height = [1, 3, 4, 32][rng.below(4)];
        let case = Case {
            graph: &graph,
            bypass: rng.one_in(2).then_some(&marked[..]),
            features: &features,
            width,
            slice,
            strips: if rng.one_in(2) { Strips::Dynamic(height) } else { Strips::Static(height) },
            format,
            hashed: rng.one_in(2),
        };
        let (rtl, model) = (case.on_rtl("sim:ideal,engines=1,ports=1"), case.on_model(&Machine::new(1, 1, board)));
        let what = format!("format {format:#x}, width {width}, slice {slice}, strips {}", case.strips);
        assert_eq!(model.cycles, rtl.cycles, "{what}");
        for (model, rtl) in model.counters.iter().zip(&rtl.counters) {
            assert_eq!(model, rtl, "{what}");
        }
        assert_eq!(model.counters.len(), rtl.counters.len());
    }
}

/// With DRAM a run depends on when refresh comes, and so on when it began: the model is as near as two runs are to each other.
fn is_within_five_percent(device: &str, machine: &Machine, case: &Case) {
    let (rtl, model) = (case.on_rtl(device), case.on_model(machine));
    let ratio = model.cycles as f64 / rtl.cycles as f64;
    println!(
        "{device}, format {:#x}, slice {}, strips {}: {} / {}",
        case.format, case.slice, case.strips, model.cycles, rtl.cycles
    );
    assert!((ratio - 1.0).abs() < 0.05, "the model has {} cycles, the RTL {}", model.cycles, rtl.cycles);
    for exact in ["ops", "feature_requests", "lookup_requests", "graph_requests", "rows", "write_beats"] {
        assert_eq!(model.sum(exact), rtl.sum(exact), "{exact}");
    }
    let near = |name: &str| model.sum(name) as f64 / rtl.sum(name) as f64;
    assert!((near("hits") - 1.0).abs() < 0.05 && (near("misses") - 1.0).abs() < 0.05, "{model:?} {rtl:?}");
}

#[test]
fn with_sixteen_engines_and_dram_the_model_is_within_five_percent() {
    if !long() {
        println!("skipped: NEARFIELD_LONG=1 (make test-long) runs it");
        return;
    }
    let (graph, _) = Masks::cora28().unwrap();
    let known = mode::PUBLISHED | mode::LENGTH_KNOWN;
    for (board, device, engines) in
        [("hbm2-256", "sim:hbm2-256,engines=16,ports=8", 16), ("u280", "sim:u280,engines=8,ports=8", 8)]
    {
        let machine = Machine::new(engines, 8, Board::from_name(board).unwrap());
        for (density, runs) in [
            (0.3, vec![(mode::BEICSR, 256, 4), (mode::PUBLISHED, 256, 4), (mode::DENSE, 96, 4), (mode::DENSE, 64, 4)]),
            (0.5, vec![(mode::BEICSR, 256, 4), (mode::BEICSR, 256, 8), (mode::BEICSR, 256, 2), (known, 256, 4)]),
        ] {
            let features = features::bernoulli(graph.vertices(), 256, density, 7);
            for (format, slice, strip) in runs {
                let case = Case {
                    graph: &graph,
                    bypass: None,
                    features: &features,
                    width: 256,
                    slice,
                    strips: Strips::Dynamic(strip),
                    format,
                    hashed: true,
                };
                is_within_five_percent(device, &machine, &case);
            }
        }
    }
}
