use super::cell;
use nearfield_tests::rng::{seed, Rng};
use nearfield_tests::stream::Pace;

const NAME: &str = "sgcn_dispatch";
const ENGINES: usize = 4;

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

#[derive(Clone, Copy, Debug)]
struct Graph {
    rows: u32,
    height: u32,
    width: u32,
    slice: u32,
    dynamic: bool,
}

/// First row, row after the last, rows of all slices before, lines of all slices before, segments.
type Strip = [u64; 5];

/// Strips in the order of the walk.
fn strips(graph: Graph) -> Vec<Strip> {
    let slices = graph.width.div_ceil(graph.slice);
    let strip = |slice: u32, at: u32| {
        let columns = graph.slice.min(graph.width - slice * graph.slice);
        let past = graph.rows.min(at + graph.height);
        let base = slice.wrapping_mul(graph.rows);
        [at, past, base, slice * graph.slice / 16, columns.div_ceil(16)].map(u64::from)
    };
    let of = |slice| (0..graph.rows).step_by(graph.height as usize).map(move |at| strip(slice, at));
    (0..slices).flat_map(of).collect()
}

/// Deals everything; what each engine got in order, and the order in which engines got something.
fn run(graph: Graph, wants: [Pace; ENGINES], hold: Pace, rng: &mut Rng) -> (Vec<Vec<Strip>>, Vec<Strip>) {
    let mut cell = cell(NAME);
    let ports = |name: &str| -> Vec<_> { (0..ENGINES).map(|i| cell.port(&format!("{name}_{i}"))).collect() };
    let (want, give, none) = (ports("want"), ports("give"), ports("none"));
    let said = ["row", "past", "base", "line", "segments"].map(|name| cell.port(name));
    cell.set("start", 0);
    cell.set("reset", 1);
    (0..3).for_each(|_| cell.tick());
    cell.set("reset", 0);
    for (name, value) in
        [("rows", graph.rows), ("height", graph.height), ("width", graph.width), ("slice", graph.slice)]
    {
        cell.set(name, value.into());
    }
    cell.set("dynamic", graph.dynamic.into());
    cell.set("start", 1);
    cell.tick();
    cell.set("start", 0);

    let (mut dealt, mut order) = (vec![Vec::new(); ENGINES], Vec::new());
    let mut wanting = [false; ENGINES];
    let expected = strips(graph).len();
    let mut quiet = 0;
    for cycle in 0.. {
        assert!(cycle < 500 + 80 * expected, "{} of {expected} strips: {graph:?}", order.len());
        for i in 0..ENGINES {
            // An engine goes on wanting until it gets one.
            wanting[i] |= wants[i].draw(rng);
            cell.instance.set(want[i], wanting[i].into());
        }
        cell.set("hold", (!hold.draw(rng)).into());
        cell.settle();
        let given: Vec<usize> = (0..ENGINES).filter(|i| cell.instance.get(give[*i]) == 1).collect();
        assert!(given.len() <= 1, "two get the same strip");
        for i in given {
            assert!(wanting[i], "engine {i} did not want one");
            let strip = said.map(|port| cell.instance.get(port));
            dealt[i].push(strip);
            order.push(strip);
            wanting[i] = false;
        }
        let over = none.iter().all(|port| cell.instance.get(*port) == 1) && cell.get("busy") == 0;
        cell.tick();
        quiet = if over { quiet + 1 } else { 0 };
        if quiet > 40 {
            break;
        }
    }
    (dealt, order)
}

fn check(graph: Graph, wants: [Pace; ENGINES], hold: Pace, rng: &mut Rng) {
    let (dealt, order) = run(graph, wants, hold, rng);
    let all = strips(graph);
    if graph.dynamic {
        assert_eq!(order, all, "{graph:?}");
    } else {
        for (engine, found) in dealt.iter().enumerate() {
            let number = |strip: &Strip| (strip[0] / u64::from(graph.height)) as usize;
            let own: Vec<Strip> = all.iter().copied().filter(|strip| number(strip) % ENGINES == engine).collect();
            assert_eq!(found, &own, "engine {engine} of {graph:?}");
        }
    }
    // Every row of every slice exactly once.
    let mut rows: Vec<(u64, u64)> = order.iter().flat_map(|s| (s[0]..s[1]).map(|row| (s[3], row))).collect();
    rows.sort_unstable();
    rows.dedup();
    let slices = graph.width.div_ceil(graph.slice);
    assert_eq!(rows.len(), (graph.rows * slices) as usize, "{graph:?}");
    assert_eq!(order.iter().map(|s| s[1] - s[0]).sum::<u64>(), rows.len() as u64, "{graph:?}");
}

fn graph(rng: &mut Rng) -> Graph {
    let most = if rng.one_in(4) { 1024 } else { 12 };
    Graph {
        rows: 1 + rng.below(90) as u32,
        height: 1 + rng.below(most) as u32,
        width: 1 + rng.below(700) as u32,
        slice: 32 * (1 + rng.below(8) as u32),
        dynamic: rng.one_in(2),
    }
}

#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed(NAME, 0x6465_616c));
    let always = Pace::ALL[0];
    for dynamic in [false, true] {
        let fixed = [
            Graph { rows: 1, height: 1, width: 1, slice: 32, dynamic },
            Graph { rows: 1, height: 1024, width: 4096, slice: 32, dynamic },
            Graph { rows: 5, height: 1, width: 33, slice: 32, dynamic },
            Graph { rows: 64, height: 4, width: 256, slice: 256, dynamic },
            Graph { rows: 65, height: 4, width: 4096, slice: 256, dynamic },
            Graph { rows: 63, height: 16, width: 602, slice: 96, dynamic },
        ];
        for graph in fixed {
            check(graph, [always; ENGINES], always, &mut rng);
        }
    }
    for _ in 0..40 {
        check(graph(&mut rng), [always; ENGINES], always, &mut rng);
    }
}

#[test]
fn survives_stalls() {
    let mut rng = Rng::new(seed(NAME, 0x7374_616c));
    for _ in 0..60 {
        let wants = std::array::from_fn(|_| Pace::ALL[rng.below(3)]);
        let hold = Pace::ALL[rng.below(2)];
        check(graph(&mut rng), wants, hold, &mut rng);
    }
}
