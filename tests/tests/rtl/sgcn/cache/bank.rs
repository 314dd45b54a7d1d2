use super::{content, index, size, Cell, Request};
use nearfield_hdl::sgcn::cache::Bank;
use nearfield_tests::lint::assert_clean;
use nearfield_tests::rng::{seed, Rng};
use nearfield_tests::stream::{Pace, Sink, Source};
use std::collections::HashMap;

const NAME: &str = "sgcn_bank";
/// The bank it is taken for.
const BANK: u32 = 3;
/// Sets of the unit that is tested.
const SETS: u32 = 4;

/// How the sides behave.
#[derive(Clone, Copy, Debug)]
struct Manner {
    requests: Pace,
    responses: Pace,
    misses: Pace,
    /// Cycles that memory takes, at most.
    delay: usize,
    /// Misses that must be outstanding before a line comes, unless nothing moves.
    hoards: usize,
}

const PROMPT: Manner =
    Manner { requests: Pace::ALL[0], responses: Pace::ALL[0], misses: Pace::ALL[0], delay: 1, hoards: 1 };

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    hit: usize,
    missed: usize,
    merged: usize,
    stalled: usize,
    most: usize,
    cycles: usize,
}

fn fresh(hashed: bool) -> Cell {
    let mut block = super::cell(NAME);
    for port in ["s_valid", "m_ready", "miss_ready", "fill"] {
        block.set(port, 0);
    }
    block.set("hashed", hashed.into());
    block.set("reset", 1);
    for _ in 0..64 {
        block.tick();
    }
    block.set("reset", 0);
    block
}

/// Sends requests, answers misses, and checks every response.
fn run(block: &mut Cell, requests: &[Request], manner: Manner, rng: &mut Rng) -> Counts {
    let mut source = Source::new(block.wires("s"), requests.iter().map(Request::words), manner.requests);
    let mut sink = Sink::new(block.wires("m"), manner.responses);
    let mut misses = Sink::new(block.wires("miss"), manner.misses);
    let mut awaited: HashMap<(usize, usize), u32> = requests.iter().map(|r| ((r.engine, r.tag), r.line)).collect();
    assert_eq!(awaited.len(), requests.len(), "the test uses a tag twice");
    let ports = ["hit", "missed", "merged", "stalled", "fill", "fill_mshr", "fill_data"].map(|name| block.port(name));
    let mut outstanding: Vec<(u32, u32, usize)> = Vec::new();
    let (mut counts, mut seen, mut asked, mut still, mut quiet) = (Counts::default(), 0, 0, 0, 0);
    while quiet < 64 {
        let due: Vec<usize> = (0..outstanding.len()).filter(|&i| outstanding[i].2 <= counts.cycles).collect();
        let comes = !due.is_empty() && (outstanding.len() >= manner.hoards || still > 100);
        block.instance.set(ports[4], comes.into());
        let noise: Vec<u32> = (0..16).map(|_| rng.word() as u32).collect();
        block.instance.set_words(ports[6], &noise);
        if comes {
            let (mshr, line, _) = outstanding.swap_remove(due[rng.below(due.len())]);
            block.instance.set(ports[5], mshr.into());
            block.instance.set_words(ports[6], &content(line));
        }
        source.drive(&mut block.instance, rng);
        sink.drive(&mut block.instance, rng);
        misses.drive(&mut block.instance, rng);
        block.settle();
        let [hit, missed, merged, stalled] = [0, 1, 2, 3].map(|i| block.instance.get(ports[i]) as usize);
        assert!(hit + missed + merged + stalled <= 1, "a request does two things at once");
        counts.hit += hit;
        counts.missed += missed;
        counts.merged += merged;
        counts.stalled += stalled;
        source.sample(&block.instance);
        sink.sample(&mut block.instance);
        misses.sample(&mut block.instance);
        still = if hit + missed + merged > 0 || comes { 0 } else { still + 1 };
        for taken in &sink.taken[seen..] {
            let (engine, tag) = ((taken[16] >> 11) as usize, (taken[16] & 2047) as usize);
            let line = awaited.remove(&(engine, tag));
            let line = line.unwrap_or_else(|| panic!("a response to {engine}, {tag} that nobody waits for"));
            assert_eq!(taken[..16], content(line), "line {line:#x} for {engine}, {tag}");
        }
        seen = sink.taken.len();
        for taken in &misses.taken[asked..] {
            let (line, mshr) = (taken[0], taken[1]);
            assert!(outstanding.iter().all(|o| o.0 != mshr), "miss {mshr} begins twice");
            assert!(outstanding.iter().all(|o| o.1 != line), "line {line:#x} is fetched twice at once");
            outstanding.push((mshr, line, counts.cycles + 1 + rng.below(manner.delay)));
        }
        asked = misses.taken.len();
        counts.most = counts.most.max(outstanding.len());
        block.tick();
        counts.cycles += 1;
        quiet = if awaited.is_empty() { quiet + 1 } else { 0 };
        let bound = 1000 + 200 * requests.len() + manner.delay;
        assert!(counts.cycles < bound, "{} requests wait after {bound} cycles: {manner:?}, {counts:?}", awaited.len());
    }
    block.settle();
    assert_eq!(block.get("busy"), 0, "busy with nothing to do");
    assert!(source.is_done() && outstanding.is_empty());
    assert_eq!(counts.hit + counts.missed + counts.merged, requests.len(), "{counts:?}");
    assert_eq!(counts.missed, misses.taken.len());
    counts
}

/// Lines of this bank that share few sets.
fn lines(count: usize, sets: u32, hashed: bool, rng: &mut Rng) -> Vec<u32> {
    let mut out = Vec::new();
    while out.len() < count {
        let line = rng.word() as u32 >> [0, 4, 16, 20][rng.below(4)];
        let line = line ^ ((index(line, hashed) ^ BANK) & 15);
        if (index(line, hashed) >> 4) % SETS < sets && !out.contains(&line) {
            out.push(line);
        }
    }
    out
}

/// Random requests for some lines.
fn requests(count: usize, lines: &[u32], noalloc: usize, rng: &mut Rng) -> Vec<Request> {
    let mut next = [0; 16];
    let engines = [1, 3, 16][rng.below(3)];
    let mut out = Vec::new();
    for _ in 0..count {
        let engine = rng.below(engines);
        let noalloc = noalloc > 0 && rng.one_in(noalloc);
        out.push(Request { engine, noalloc, tag: next[engine], line: lines[rng.below(lines.len())] });
        next[engine] += 1;
    }
    out
}

/// Ways in use of each set, and the tree of each.
#[derive(Default)]
struct Reference {
    ways: HashMap<u32, [Option<u32>; 16]>,
    trees: HashMap<u32, [bool; 16]>,
}

impl Reference {
    /// Whether a request hits, one after the other.
    fn ask(&mut self, request: &Request, hashed: bool) -> bool {
        let set = (index(request.line, hashed) >> 4) % SETS;
        let (ways, tree) = (self.ways.entry(set).or_default(), self.trees.entry(set).or_default());
        let found = ways.iter().position(|w| *w == Some(request.line));
        let victim = (0..4).fold(1, |node, _| 2 * node + usize::from(tree[node])) - 16;
        let used = match (found, request.noalloc) {
            (Some(way), _) => way,
            (None, true) => return false,
            (None, false) => victim,
        };
        ways[used] = Some(request.line);
        let mut node = 16 + used;
        while node > 1 {
            tree[node / 2] = node % 2 == 0;
            node /= 2;
        }
        found.is_some()
    }
}

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
    assert_clean(&size::<Bank<5, 9>>("sgcn_bank_s5"));
    assert_clean(&size::<Bank<6, 10>>("sgcn_bank_s6"));
}

/// One request at a time: which of them hit is known.
#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed("sgcn::bank", 0x6261_6e6b));
    let (mut hits, mut misses) = (0, 0);
    for hashed in [false, true] {
        let mut block = fresh(hashed);
        let mut reference = Reference::default();
        let pool = lines(30, 1, hashed, &mut rng);
        for mut request in requests(600, &pool, 5, &mut rng) {
            // Half of them among few lines, so that the tree matters.
            if rng.one_in(2) {
                request.line = pool[rng.below(12)];
            }
            let expected = reference.ask(&request, hashed);
            let counts = run(&mut block, &[request], PROMPT, &mut rng);
            assert_eq!((counts.hit, counts.missed), (expected.into(), (!expected).into()), "{request:x?}");
            hits += counts.hit;
            misses += counts.missed;
        }
    }
    println!("{hits} hits, {misses} misses");
    assert!(hits > 100 && misses > 100);
}

#[test]
fn survives_stalls() {
    let mut rng = Rng::new(seed("sgcn::bank stalls", 0x7374_616c));
    let mut most = 0;
    for round in 0..if nearfield_tests::rng::long() { 400 } else { 60 } {
        let hashed = round % 2 == 1;
        let mut block = fresh(hashed);
        let pace = |rng: &mut Rng| Pace::ALL[rng.below(3)];
        for _ in 0..3 {
            let manner = Manner {
                requests: Pace::ALL[rng.below(4) % 3],
                responses: Pace::ALL[rng.below(4) % 3],
                misses: pace(&mut rng),
                delay: [1, 4, 40, 300][rng.below(4)],
                hoards: [1, 1, 5, 64][rng.below(4)],
            };
            let (count, sets) = ([2, 14, 20, 40, 200][rng.below(5)], 1 + rng.below(4) as u32);
            let pool = lines(count, sets, hashed, &mut rng);
            let requests = requests(200 + rng.below(600), &pool, [0, 1, 4][rng.below(3)], &mut rng);
            most = most.max(run(&mut block, &requests, manner, &mut rng).most);
        }
    }
    assert_eq!(most, 64, "the misses were never exhausted");
}

/// A line is given up while it is being hit: the answer is still its own.
#[test]
fn hits_race_with_evictions() {
    let mut rng = Rng::new(seed("sgcn::bank races", 0x7261_6365));
    let mut block = fresh(false);
    let (mut hit, mut missed) = (0, 0);
    for _ in 0..20 {
        let pool = lines(17 + rng.below(6), 1, false, &mut rng);
        let manner = Manner { delay: 1 + rng.below(12), ..PROMPT };
        let counts = run(&mut block, &requests(1000, &pool, 0, &mut rng), manner, &mut rng);
        hit += counts.hit;
        missed += counts.missed;
    }
    assert!(hit > 5_000 && missed > 1_000, "{hit} hits, {missed} misses");
}

#[test]
fn more_wait_for_a_line_than_there_is_room() {
    let mut rng = Rng::new(5);
    let mut block = fresh(false);
    let hot: Vec<Request> =
        (0..40).map(|i| Request { engine: i % 16, noalloc: i % 2 == 1, tag: i, line: 0x1230 | BANK }).collect();
    let counts = run(&mut block, &hot, Manner { hoards: 32, ..PROMPT }, &mut rng);
    assert_eq!((counts.missed, counts.merged, counts.hit), (1, 15, 24), "{counts:?}");
    assert!(counts.stalled > 100);
}

#[test]
fn what_nobody_wants_kept_is_not() {
    let mut rng = Rng::new(6);
    let mut block = fresh(false);
    let one = |noalloc, tag| Request { engine: 2, noalloc, tag, line: 0x40 | BANK };
    for (i, (noalloc, hit)) in [(true, 0), (true, 0), (false, 0), (true, 1), (false, 1)].into_iter().enumerate() {
        let counts = run(&mut block, &[one(noalloc, i)], PROMPT, &mut rng);
        assert_eq!((counts.hit, counts.missed), (hit, 1 - hit), "request {i}");
    }
    // One of two is enough.
    let mut block = fresh(false);
    let counts = run(&mut block, &[one(true, 0), one(false, 1)], Manner { delay: 20, ..PROMPT }, &mut rng);
    assert_eq!((counts.missed, counts.merged), (1, 1));
    assert_eq!(run(&mut block, &[one(true, 2)], PROMPT, &mut rng).hit, 1);
}

#[test]
fn one_hit_a_cycle_and_one_miss_in_two() {
    let mut rng = Rng::new(7);
    let mut block = fresh(false);
    let few: Vec<u32> = (0..32).map(|i| i << 4 | BANK).collect();
    let ask = |lines: &[u32]| -> Vec<Request> {
        let one = |(i, &line): (usize, &u32)| Request { engine: i / 1024, noalloc: false, tag: i % 1024, line };
        lines.iter().enumerate().map(one).collect()
    };
    run(&mut block, &ask(&few), PROMPT, &mut rng);
    let hits = run(&mut block, &ask(&few.repeat(60)), PROMPT, &mut rng);
    assert_eq!(hits.hit, 32 * 60);
    assert!(hits.cycles < 32 * 60 + 90, "{hits:?}");
    let many: Vec<u32> = (100..2100).map(|i| i << 4 | BANK).collect();
    let misses = run(&mut block, &ask(&many), Manner { delay: 20, ..PROMPT }, &mut rng);
    assert_eq!(misses.missed, 2000);
    assert!(misses.cycles < 2 * 2000 + 200, "{misses:?}");
}
