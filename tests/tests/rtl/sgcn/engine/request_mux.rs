use super::{cell, request};
use nearfield_tests::rng::{seed, Rng};
use nearfield_tests::stream::{Pace, Sink, Source};

const NAME: &str = "sgcn_request_mux";
const SOURCES: [&str; 4] = ["rows", "edges", "lookup", "lines"];

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

/// Everything comes through, each source's in order; the sources that it was taken from.
fn run(each: usize, paces: [Pace; 5], rng: &mut Rng) -> Vec<usize> {
    let mut cell = cell(NAME);
    // A word says whose it is and which.
    let words = |source: usize| (0..each).map(move |i| vec![i as u32, source as u32]);
    let mut sources: Vec<Source> = (0..4).map(|s| Source::new(cell.wires(SOURCES[s]), words(s), paces[s])).collect();
    let mut sink = Sink::new(cell.wires("m"), paces[4]);
    let mut cycles = 0;
    while sink.taken.len() < 4 * each {
        sources.iter_mut().for_each(|source| source.drive(&mut cell.instance, rng));
        sink.drive(&mut cell.instance, rng);
        cell.settle();
        let ready = SOURCES.map(|name| cell.get(&format!("{name}_ready")) == 1);
        let valid = SOURCES.map(|name| cell.get(&format!("{name}_valid")) == 1);
        for s in 1..4 {
            assert!(!ready[s] || !valid[..s].contains(&true), "{} goes before another", SOURCES[s]);
        }
        sources.iter_mut().for_each(|source| source.sample(&cell.instance));
        sink.sample(&mut cell.instance);
        cell.tick();
        cycles += 1;
        assert!(cycles < 1000 + 100 * each, "{} of {} requests", sink.taken.len(), 4 * each);
    }
    let mut next = [0; 4];
    let mut order = Vec::new();
    for taken in &sink.taken {
        let (line, _, _, _) = request(taken);
        let source = taken[1] as usize;
        assert_eq!(line, next[source]);
        next[source] += 1;
        order.push(source);
    }
    order
}

#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed(NAME, 0x6d75_7800));
    let order = run(50, [Pace::ALL[0]; 5], &mut rng);
    assert!(order.is_sorted(), "what always has something goes first");
}

#[test]
fn survives_stalls() {
    let mut rng = Rng::new(seed(NAME, 0x7374_616c));
    for _ in 0..40 {
        let paces = std::array::from_fn(|_| Pace::ALL[rng.below(3)]);
        run(60, paces, &mut rng);
    }
}
