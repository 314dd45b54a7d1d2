use super::{content, library, size, Cell, Request};
use nearfield_hdl::sgcn::cache::Cache;
use nearfield_sim::verilate::{Library, PortId};
use nearfield_tests::lint::assert_clean;
use nearfield_tests::rng::{seed, Rng};
use nearfield_tests::stream::{Pace, Source, Wires};
use std::collections::HashMap;
use std::sync::OnceLock;

const NAME: &str = "sgcn_cache";
/// One engine and one port.
const SMALL: &str = "sgcn_cache_n1";

fn caches() -> &'static Library {
    static CACHES: OnceLock<Library> = OnceLock::new();
    CACHES.get_or_init(|| library("sgcn_caches", &[super::design(NAME), size::<Cache<1, 1, 0, 2, 6>>(SMALL)]))
}

#[derive(Clone, Copy, Debug)]
struct Manner {
    requests: Pace,
    misses: Pace,
    fills: Pace,
    delay: usize,
}

/// One memory port: takes lines to read, gives them in any order.
struct Memory {
    miss: [PortId; 3],
    fill: [PortId; 3],
    standing: Option<u64>,
    ready: bool,
    outstanding: Vec<(u64, usize)>,
    offered: Option<u64>,
}

impl Memory {
    fn new(block: &Cell, port: usize) -> Memory {
        let wires = |end| ["valid", "data", "ready"].map(|wire| block.port(&format!("{end}_{port}_{wire}")));
        let (miss, fill) = (wires("miss"), wires("fill"));
        Memory { miss, fill, standing: None, ready: false, outstanding: vec![], offered: None }
    }

    fn drive(&mut self, block: &mut Cell, line: impl Fn(u64) -> u32, now: usize, manner: Manner, rng: &mut Rng) {
        self.ready = manner.misses.draw(rng);
        block.instance.set(self.miss[2], self.ready.into());
        let due: Vec<usize> = (0..self.outstanding.len()).filter(|&i| self.outstanding[i].1 <= now).collect();
        if self.offered.is_none() && !due.is_empty() && manner.fills.draw(rng) {
            let request = self.outstanding.swap_remove(due[rng.below(due.len())]).0;
            self.offered = Some(request);
            let mut data = content(line(request & 0xffff_ffff));
            data.push((request >> 32) as u32);
            block.instance.set_words(self.fill[1], &data);
        }
        block.instance.set(self.fill[0], self.offered.is_some().into());
    }

    fn sample(&mut self, block: &Cell, now: usize, manner: Manner, rng: &mut Rng) -> bool {
        let (valid, request) = (block.instance.get(self.miss[0]) == 1, block.instance.get(self.miss[1]));
        if let Some(standing) = self.standing.take() {
            assert!(valid && request == standing, "a miss was taken back or changed");
        }
        let took = valid && self.ready;
        if took {
            let id = |r: u64| r >> 32;
            assert!(self.outstanding.iter().all(|o| id(o.0) != id(request)), "an id is used twice at once");
            self.outstanding.push((request, now + 1 + rng.below(manner.delay)));
        } else if valid {
            self.standing = Some(request);
        }
        if self.offered.is_some() && block.instance.get(self.fill[2]) == 1 {
            self.offered = None;
        }
        took
    }
}

fn fresh(name: &'static str, engines: usize, ports: usize, hashed: bool) -> Cell {
    let mut block = Cell::of(caches(), name);
    (0..engines).for_each(|i| block.set(&format!("s_{i}_valid"), 0));
    for port in 0..ports {
        block.set(&format!("miss_{port}_ready"), 0);
        block.set(&format!("fill_{port}_valid"), 0);
    }
    block.set("hashed", hashed.into());
    block.set("reset", 1);
    (0..64).for_each(|_| block.tick());
    block.set("reset", 0);
    block
}

/// Lets every engine send its requests; gives hits, misses, merges and cycles.
fn run(block: &mut Cell, requests: &[Vec<Request>], ports: usize, manner: Manner, rng: &mut Rng) -> [usize; 4] {
    let log = ports.ilog2();
    let mut sources = Vec::new();
    let mut engines = Vec::new();
    for (i, requests) in requests.iter().enumerate() {
        let wires = Wires::new(&block.instance, &format!("{}_s_{i}", block.name));
        sources.push(Source::new(wires, requests.iter().map(Request::words), manner.requests));
        engines.push([block.port(&format!("m_valid_{i}")), block.port(&format!("m_data_{i}"))]);
    }
    let mut awaited: Vec<HashMap<usize, u32>> =
        requests.iter().map(|r| r.iter().map(|r| (r.tag, r.line)).collect()).collect();
    let mut memories: Vec<Memory> = (0..ports).map(|port| Memory::new(block, port)).collect();
    let events = ["hits", "misses", "merges"].map(|name| block.port(name));
    let total: usize = requests.iter().map(Vec::len).sum();
    let (mut counts, mut asked, mut cycles, mut quiet) = ([0; 3], 0, 0, 0);
    while quiet < 64 {
        sources.iter_mut().for_each(|source| source.drive(&mut block.instance, rng));
        for (port, memory) in memories.iter_mut().enumerate() {
            let line = |of_port: u64| ((of_port >> 4 << log | port as u64) << 4 | of_port & 15) as u32;
            memory.drive(block, line, cycles, manner, rng);
        }
        block.settle();
        sources.iter_mut().for_each(|source| source.sample(&block.instance));
        for memory in &mut memories {
            asked += usize::from(memory.sample(block, cycles, manner, rng));
        }
        for (i, [valid, data]) in engines.iter().enumerate() {
            if block.instance.get(*valid) == 1 {
                let data = block.instance.words(*data);
                let line = awaited[i].remove(&(data[16] as usize));
                let line = line.unwrap_or_else(|| panic!("engine {i} does not wait for {}", data[16]));
                assert_eq!(data[..16], content(line), "line {line:#x} for engine {i}");
            }
        }
        for (count, port) in counts.iter_mut().zip(events) {
            *count += block.instance.get(port) as usize;
        }
        block.tick();
        cycles += 1;
        quiet = if awaited.iter().all(HashMap::is_empty) { quiet + 1 } else { 0 };
        assert!(cycles < 3000 + 200 * total + manner.delay, "requests wait after {cycles} cycles: {manner:?}");
    }
    block.settle();
    assert_eq!(block.get("busy"), 0, "busy with nothing to do");
    assert_eq!(counts.iter().sum::<usize>(), total, "{counts:?}");
    assert_eq!(counts[1], asked);
    [counts[0], counts[1], counts[2], cycles]
}

fn random(name: &'static str, engines: usize, ports: usize, rounds: usize, rng: &mut Rng) -> [usize; 3] {
    let mut sum = [0; 3];
    for round in 0..rounds {
        let hashed = round % 2 == 1;
        let mut block = fresh(name, engines, ports, hashed);
        for _ in 0..2 {
            let pace = |rng: &mut Rng| Pace::ALL[rng.below(3)];
            let delay = [1, 10, 100][rng.below(3)];
            let manner = Manner { requests: Pace::ALL[rng.below(4) % 3], misses: pace(rng), fills: pace(rng), delay };
            let shift = [0, 4, 16, 18][rng.below(4)];
            // All in one bank and set, or anywhere.
            let same = if rng.one_in(3) { 0xffff_ffc0 } else { u32::MAX };
            let pool: Vec<u32> =
                (0..[3, 30, 1500][rng.below(3)]).map(|_| (rng.word() as u32 >> shift) & same).collect();
            let noalloc = [2, 10, 0][rng.below(3)];
            let mut requests = vec![vec![]; engines];
            for list in &mut requests {
                // An engine does not send its number.
                for tag in 0..rng.below(1000) {
                    let noalloc = noalloc > 0 && rng.one_in(noalloc);
                    list.push(Request { engine: 0, noalloc, tag, line: pool[rng.below(pool.len())] });
                }
            }
            let [hits, misses, merges, _] = run(&mut block, &requests, ports, manner, rng);
            sum = [sum[0] + hits, sum[1] + misses, sum[2] + merges];
        }
    }
    sum
}

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
    assert_clean(&size::<Cache<1, 1, 0, 2, 6>>(SMALL));
    assert_clean(&size::<Cache<16, 8, 3, 5, 9>>("sgcn_cache_n16"));
}

#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed("sgcn::cache", 0x6361_6368));
    let rounds = if nearfield_tests::rng::long() { 100 } else { 12 };
    for (name, engines, ports) in [(NAME, 4, 8), (SMALL, 1, 1)] {
        let [hits, misses, merges] = random(name, engines, ports, rounds, &mut rng);
        println!("{name}: {hits} hits, {misses} misses, {merges} merges");
        assert!(hits > 500 && misses > 500 && merges > 50);
    }
}

/// Engines that ask for the same lines in the same order, one behind the other, share what is read.
#[test]
fn engines_share_lines() {
    let mut rng = Rng::new(3);
    let mut block = fresh(NAME, 4, 8, false);
    let manner = Manner { requests: Pace::ALL[0], misses: Pace::ALL[0], fills: Pace::ALL[0], delay: 30 };
    let list: Vec<Request> =
        (0..1000).map(|tag| Request { engine: 0, noalloc: false, tag, line: 64 + tag as u32 }).collect();
    let [hits, misses, merges, cycles] = run(&mut block, &vec![list; 4], 8, manner, &mut rng);
    assert_eq!(misses, 1000);
    assert_eq!(hits + merges, 3000);
    assert!(cycles < 1500, "{cycles} cycles for 1000 lines and 4 engines");
}

/// Engines that hit in different banks do not disturb each other.
#[test]
fn one_response_a_cycle_an_engine() {
    let mut rng = Rng::new(4);
    let mut block = fresh(NAME, 4, 8, false);
    let manner = Manner { requests: Pace::ALL[0], misses: Pace::ALL[0], fills: Pace::ALL[0], delay: 10 };
    let list = |engine: usize| -> Vec<Request> {
        let line = |tag: usize| (tag % 64) as u32 ^ (engine * 4) as u32;
        (0..1000).map(|tag| Request { engine: 0, noalloc: false, tag, line: line(tag) }).collect()
    };
    let lists: Vec<Vec<Request>> = (0..4).map(list).collect();
    run(&mut block, &lists, 8, manner, &mut rng);
    let [hits, _, _, cycles] = run(&mut block, &lists, 8, manner, &mut rng);
    assert_eq!(hits, 4000);
    assert!(cycles < 1150, "{cycles} cycles for 1000 hits of each of 4 engines");
}

#[test]
fn survives_stalls() {
    let mut rng = Rng::new(seed("sgcn::cache stalls", 0x6361_7374));
    let slow = Manner { requests: Pace::ALL[0], misses: Pace::ALL[2], fills: Pace::ALL[2], delay: 500 };
    for hashed in [false, true] {
        let mut block = fresh(NAME, 4, 8, hashed);
        let mut lists = vec![vec![]; 4];
        for list in &mut lists {
            // Half of them for one set of one bank, so that its misses run out while the others wait behind.
            for tag in 0..800 {
                let line = rng.word() as u32 & if rng.one_in(2) { u32::MAX } else { !63 };
                list.push(Request { engine: 0, noalloc: rng.one_in(3), tag, line });
            }
        }
        run(&mut block, &lists, 8, slow, &mut rng);
    }
}
