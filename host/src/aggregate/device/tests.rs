//! The kernel on the ideal board with one engine and one port: sums, and what it says of malformed input.

use super::*;
use crate::aggregate::tests::{bits, odd_graph, Draw};
use crate::aggregate::{pad, unpad};
use crate::device::{open, open_kernel, DeviceSpec};
use nearfield_abi::kernel::sgcn::fault;
use nearfield_model::aggregate::aggregate;
use nearfield_model::beicsr::{encode, encode_pairs, Encoded, Shape};

fn board() -> Box<dyn Device> {
    let spec: DeviceSpec = "sim:ideal,engines=1,ports=1".parse().unwrap();
    open_kernel(&spec, Kernel::SgcnAggregate).unwrap()
}

/// The sums of the specification, padded.
fn specified(graph: &Graph, features: &[f32], width: usize) -> Vec<u32> {
    bits(&pad(&aggregate(graph.row_pointers(), graph.columns(), graph.weights(), features, width), width))
}

fn beicsr(graph: &Graph, features: &[f32], width: usize, slice: usize) -> Encoded {
    encode(Layout::Beicsr, Shape::new(graph.vertices(), width, slice).unwrap(), features)
}

#[test]
fn every_layout_and_option_gives_the_specifications_bits() {
    let mut device = board();
    let mut draw = Draw(3);
    let graph = odd_graph(&mut draw);
    let (width, slice) = (100, 64);
    let features = draw.features(graph.vertices() * width, 40, true);
    let expected = specified(&graph, &features, width);
    let shape = Shape::new(graph.vertices(), width, slice).unwrap();
    let (beicsr, published) = (encode(Layout::Beicsr, shape, &features), encode(Layout::Published, shape, &features));
    let (pairs, dense) = (encode_pairs(shape, &features).unwrap(), pad(&features, width));
    let marked = crate::graph::bypass::mark(&graph, 4096, 256).columns;
    let plain = RunOptions { slice: 64, ..RunOptions::default() };
    let of_static = RunOptions { hashed: false, strips: Strips::Static(32), ..plain };
    let bypassing = RunOptions { bypass: Some(&marked), strips: Strips::Dynamic(1), ..plain };
    let learning = RunOptions { learn_lengths: true, ..plain };
    let all = [
        ("BEICSR", Features::encoded(&beicsr), plain),
        ("BEICSR, static strips", Features::encoded(&beicsr), of_static),
        ("BEICSR, bypass bits", Features::encoded(&beicsr), bypassing),
        ("published", Features::encoded(&published), plain),
        ("published, lengths learned", Features::encoded(&published), learning),
        ("published, no table", Features::records(Layout::Published, shape, &published.words, None), bypassing),
        ("pairs", Features::paired(&pairs), of_static),
        ("dense", Features::dense(graph.vertices(), width, &dense), plain),
    ];
    for (name, features, options) in all {
        let sums = on_device(device.as_mut(), &graph, &features.unwrap(), &options).unwrap();
        assert!(bits(&sums.values) == expected, "{name}");
        assert!(sums.counters.unwrap().cycles > 0);
    }
    let mut soft = open(&DeviceSpec::soft()).unwrap();
    let sums = on_device(soft.as_mut(), &graph, &Features::encoded(&beicsr).unwrap(), &plain).unwrap();
    assert_eq!((bits(&sums.values), sums.counters), (expected, None));
}

#[test]
fn a_hub_a_vertex_without_neighbours_and_a_graph_without_edges() {
    let mut device = board();
    let mut draw = Draw(8);
    let (vertices, width) = (300, 32);
    let mut pointers = vec![0, 0, 20_000];
    pointers.extend((2..vertices).map(|row| 20_000 + row as u32 - 1));
    let columns: Vec<u32> = (0..*pointers.last().unwrap()).map(|_| draw.below(vertices) as u32).collect();
    let weights = columns.iter().map(|_| draw.below(1 << 16) as f32 / 65_536.0).collect();
    let graph = Graph::new(pointers, columns, Some(weights)).unwrap();
    assert_eq!((graph.longest_row(), graph.neighbours(0).len()), (20_000, 0));
    for graph in [graph, Graph::from_edges(5, vec![]).unwrap()] {
        let features = draw.features(graph.vertices() * width, 50, false);
        let encoded = beicsr(&graph, &features, width, 32);
        let sums = on_device(device.as_mut(), &graph, &Features::encoded(&encoded).unwrap(), &RunOptions::default());
        let sums = sums.unwrap().values;
        assert!(bits(&sums) == specified(&graph, &features, width));
        assert_eq!(unpad(&sums, width)[..width], vec![0.0; width]);
    }
}

#[test]
fn what_does_not_fit_is_refused_before_anything_runs() {
    let mut soft = open(&DeviceSpec::soft()).unwrap();
    let graph = Graph::from_edges(3, vec![(0, 1)]).unwrap();
    let values = vec![0.0; 3 * 16];
    let features = Features::dense(3, 5, &values).unwrap();
    let mut refused = |features: &Features<'_>, options: RunOptions<'_>| {
        let error = on_device(soft.as_mut(), &graph, features, &options).unwrap_err();
        assert!(error.refused());
        error.to_string()
    };
    let plain = RunOptions::default();
    let others = Features::dense(1, 40, &values).unwrap();
    assert!(refused(&others, plain).contains("give a row a vertex"));
    assert!(refused(&features, RunOptions { slice: 40, ..plain }).contains("a multiple of 32"));
    assert!(refused(&features, RunOptions { slice: 288, ..plain }).contains("slices of 288 columns are not built"));
    for rows in [0, 1025] {
        let error = refused(&features, RunOptions { strips: Strips::Static(rows), ..plain });
        assert!(error.contains("choose 1 to 1024"), "{error}");
    }
    for columns in [&[2][..], &[1, 1]] {
        assert!(refused(&features, RunOptions { bypass: Some(columns), ..plain }).contains("mark the graph"));
    }
    // Regions that no address space holds at once; nothing is allocated before they are counted.
    assert!(matches!(Plan::of([0, 1 << 39]), Err(OnDeviceError::Arena { .. })));
}

#[test]
fn another_kernel_is_refused() {
    let mut other = open(&"sim:ideal,lanes=1".parse().unwrap()).unwrap();
    let graph = Graph::from_edges(1, vec![]).unwrap();
    let features = Features::dense(1, 1, &[0.0; 16]).unwrap();
    let error = on_device(other.as_mut(), &graph, &features, &RunOptions::default()).unwrap_err();
    assert!(error.refused() && error.to_string().contains("sgcn_aggregate"), "{error}");
}

#[test]
fn malformed_input_names_its_row_and_the_next_run_is_right() {
    let mut device = board();
    let mut draw = Draw(21);
    let graph = odd_graph(&mut draw);
    let (width, slice) = (96, 96);
    let features = draw.features(graph.vertices() * width, 30, false);
    let expected = specified(&graph, &features, width);
    let encoded = beicsr(&graph, &features, width, slice);
    let stored = Features::encoded(&encoded).unwrap();
    let pairs = encode_pairs(encoded.shape, &features).unwrap();
    let paired = Features::paired(&pairs).unwrap();
    let options = RunOptions::default();
    let (good, good_pairs) =
        (Raw::new(&graph, &stored, &options).unwrap(), Raw::new(&graph, &paired, &options).unwrap());

    let row = 40;
    let edge = (0..graph.edges()).find(|&edge| edge >= graph.row_pointers()[row] as usize).unwrap();
    let row = graph.row_pointers().partition_point(|&begin| begin as usize <= edge) - 1;
    let neighbour = graph.columns()[edge] as usize;
    let first_use = |vertex: usize| {
        (0..graph.vertices()).filter(|&row| graph.neighbours(row).contains(&(vertex as u32))).collect::<Vec<_>>()
    };
    let users = first_use(neighbour);

    let mut column = good.clone();
    column.columns.to_mut()[edge] = graph.vertices() as u32;
    let mut decreasing = good.clone();
    decreasing.row_pointers.to_mut()[row] = graph.row_pointers()[row + 1] + 1;
    let mut overrun = good.clone();
    *overrun.row_pointers.to_mut().last_mut().unwrap() += 1;
    let mut lie = good.clone();
    lie.table.to_mut()[neighbour] = if encoded.table[neighbour] == 1 { 2 } else { 1 };
    let mut order = good_pairs.clone();
    let at = 8 * pairs.table[neighbour].start as usize;
    assert!(pairs.table[neighbour].count >= 2);
    let bytes = order.features.to_mut();
    for byte in at..at + 8 {
        bytes.swap(byte, byte + 8);
    }
    let last = vec![graph.vertices() - 1];
    let all = [
        ("a column id out of range", column, fault::COLUMN, vec![row]),
        ("pointers that decrease", decreasing, fault::ROW_POINTERS, vec![row - 1, row]),
        ("pointers that overrun", overrun, fault::ROW_POINTERS, last),
        ("a length table that lies", lie, fault::RECORD, users.clone()),
        ("pairs out of order", order, fault::PAIR, users),
    ];
    for (name, raw, expected_fault, rows) in all {
        match &raw.on(device.as_mut()) {
            Err(OnDeviceError::Device(error @ DeviceError::Graph { row, fault })) => {
                assert_eq!(*fault, expected_fault, "{name}");
                assert!(rows.contains(&(*row as usize)), "{name}: row {row} of {rows:?}");
                assert!(error.to_string().contains(&format!("at row {row}")), "{error}");
            }
            other => panic!("{name}: {other:?}"),
        }
        let next = good.on(device.as_mut()).unwrap();
        assert!(bits(&next.values) == expected, "the run after {name}");
    }
}
