use super::{cell, content, size, Cell};
use nearfield_hdl::sgcn::cache::WritePort;
use nearfield_tests::lint::assert_clean;
use nearfield_tests::rng::{seed, Rng};
use nearfield_tests::stream::Pace;
use std::collections::VecDeque;

const NAME: &str = "sgcn_write_port";
const ENGINES: usize = 4;
const PORTS: u32 = 8;

#[derive(Clone, Copy, Debug)]
struct Manner {
    /// Of each engine: bursts, and beats.
    engine: [Pace; 2],
    /// Of the memory: addresses, data, answers.
    memory: [Pace; 3],
    /// Bursts that memory keeps before it answers.
    hoards: usize,
    /// The burst (by number) that gets an error response.
    error: Option<usize>,
}

const PROMPT: Manner = Manner { engine: [Pace::ALL[0]; 2], memory: [Pace::ALL[0]; 3], hoards: 1, error: None };

#[derive(Clone, Debug, PartialEq)]
struct Burst {
    line: u32,
    beats: u32,
}

impl Burst {
    /// What its beats hold; the engine is part of it.
    fn beat(&self, engine: usize, beat: u32) -> Vec<u32> {
        content((self.line + beat) ^ (engine as u32) << 29)
    }
}

#[derive(Default)]
struct Engine {
    bursts: VecDeque<Burst>,
    offering: bool,
    beat: u32,
    beat_offered: bool,
}

fn fresh(port: u32, memory: u64) -> Cell {
    let mut block = cell(NAME);
    for engine in 0..ENGINES {
        block.set(&format!("burst_{engine}_valid"), 0);
        block.set(&format!("w_{engine}_valid"), 0);
    }
    for port in ["axi_awready", "axi_wready", "axi_bvalid", "axi_bresp"] {
        block.set(port, 0);
    }
    block.set("port", port.into());
    block.set("memory", memory);
    block.set("reset", 1);
    (0..64).for_each(|_| block.tick());
    block.set("reset", 0);
    block
}

/// Writes the bursts of this port, while others stand in front of those of other ports; gives the cycles.
fn run(block: &mut Cell, at: (u32, u64), lists: &[Vec<Burst>], manner: Manner, rng: &mut Rng) -> usize {
    let (port, memory) = at;
    let mut engines: Vec<Engine> = (0..ENGINES)
        .map(|i| Engine { bursts: lists.get(i).cloned().unwrap_or_default().into(), ..Engine::default() })
        .collect();
    let total: usize = engines.iter().map(|e| e.bursts.len()).sum();
    let beats: u32 = engines.iter().flat_map(|e| &e.bursts).map(|b| b.beats).sum();
    let address = |line: u32| memory.wrapping_add(64 * u64::from((line >> 7) << 4 | line & 15));
    // Bursts in the order in which the engines' beats are taken; announced, written and answered ones.
    let mut begun: Vec<(usize, Burst)> = Vec::new();
    let (mut announced, mut written, mut answered) = (Vec::new(), (0, 0), 0);
    let mut standing: [Option<(u64, u64)>; 2] = [None; 2];
    let (mut offer, mut failed, mut counted, mut most, mut cycles) = (false, None, 0, 0, 0);
    let [other, strobe] = [block.port("axi_wdata"), block.port("axi_wstrb")];
    while answered < total {
        for (i, engine) in engines.iter_mut().enumerate() {
            engine.offering = !engine.bursts.is_empty() && (engine.offering || manner.engine[0].draw(rng));
            block.set(&format!("burst_{i}_valid"), engine.offering.into());
            let data = engine.bursts.front().map_or(0, |b| u64::from(b.beats - 1) << 32 | u64::from(b.line));
            block.set(&format!("burst_{i}_data"), if engine.offering { data } else { rng.word() >> 27 });
            engine.beat_offered = engine.offering && (engine.beat_offered || manner.engine[1].draw(rng));
            block.set(&format!("w_{i}_valid"), engine.beat_offered.into());
            if engine.beat_offered {
                let data = block.port(&format!("w_{i}_data"));
                block.instance.set_words(data, &engine.bursts[0].beat(i, engine.beat));
            }
        }
        let ready = [manner.memory[0].draw(rng), manner.memory[1].draw(rng)];
        block.set("axi_awready", ready[0].into());
        block.set("axi_wready", ready[1].into());
        let due = announced.len().min(written.0) - answered;
        let enough = due >= manner.hoards || answered + due == total || announced.len() - answered >= 32;
        offer = due > 0 && (offer || (enough && manner.memory[2].draw(rng)));
        block.set("axi_bvalid", offer.into());
        block.set("axi_bresp", if manner.error.is_some_and(|e| e <= answered) { 2 } else { 0 });
        block.settle();

        counted += block.get("beat");
        assert!(block.get("busy") == 1 || begun.len() == answered, "not busy with a burst under way");
        for (i, engine) in engines.iter_mut().enumerate() {
            let took = engine.beat_offered && block.get(&format!("w_{i}_ready")) == 1;
            let ends = engine.offering && block.get(&format!("burst_{i}_ready")) == 1;
            if took {
                let burst = &engine.bursts[0];
                assert_eq!((burst.line >> 4) % PORTS, port, "a beat of another port's burst was taken");
                if engine.beat == 0 {
                    begun.push((i, burst.clone()));
                }
                engine.beat += 1;
                engine.beat_offered = false;
            }
            assert_eq!(ends, took && engine.beat == engine.bursts[0].beats, "a burst ends with its last beat");
            if ends {
                engine.bursts.pop_front();
                (engine.beat, engine.offering) = (0, false);
            }
        }
        let words = block.instance.words(other).to_vec();
        let folded = words.iter().fold(block.get("axi_wlast"), |h, &w| h.rotate_left(9) ^ u64::from(w));
        let offers = [("axi_awvalid", (block.get("axi_awaddr"), block.get("axi_awlen"))), ("axi_wvalid", (folded, 0))];
        for (channel, (name, offered)) in offers.into_iter().enumerate() {
            let valid = block.get(name) == 1;
            if let Some(standing) = standing[channel].take() {
                assert!(valid && offered == standing, "{name}: an offer was taken back or changed");
            }
            if valid && !ready[channel] {
                standing[channel] = Some(offered);
            }
        }
        if block.get("axi_awvalid") == 1 && ready[0] {
            assert_eq!(["axi_awid", "axi_awsize", "axi_awburst"].map(|n| block.get(n)), [0, 6, 1]);
            announced.push((block.get("axi_awaddr"), block.get("axi_awlen")));
        }
        if block.get("axi_wvalid") == 1 && ready[1] {
            let (engine, burst) = &begun[written.0];
            assert_eq!(words, burst.beat(*engine, written.1), "beat {} of burst {}", written.1, written.0);
            assert_eq!(block.instance.get(strobe), u64::MAX);
            let last = written.1 + 1 == burst.beats;
            assert_eq!(block.get("axi_wlast") == 1, last);
            written = if last { (written.0 + 1, 0) } else { (written.0, written.1 + 1) };
        }
        if offer {
            assert_eq!(block.get("axi_bready"), 1);
            if manner.error == Some(answered) {
                failed = Some(address(begun[answered].1.line));
            }
            answered += 1;
            offer = false;
        }
        most = most.max(announced.len() - answered);
        assert!(most <= 32, "{most} bursts without an answer");
        block.tick();
        cycles += 1;
        assert!(cycles < 500 + 200 * beats as usize, "{answered} of {total} bursts after {cycles} cycles: {manner:?}");
    }
    block.set("axi_bvalid", 0);
    for _ in 0..10 {
        block.settle();
        assert_eq!((block.get("axi_awvalid"), block.get("axi_wvalid")), (0, 0));
        block.tick();
    }
    let expected: Vec<(u64, u64)> = begun.iter().map(|(_, b)| (address(b.line), u64::from(b.beats - 1))).collect();
    assert_eq!(announced, expected);
    assert_eq!((block.get("busy"), counted), (0, u64::from(beats)));
    assert_eq!(block.get("failed") == 1, failed.is_some());
    if let Some(address) = failed {
        assert_eq!(block.get("failed_address"), address);
    }
    cycles
}

/// Bursts of one port that stay within 16 lines.
fn bursts(count: usize, port: u32, longest: usize, rng: &mut Rng) -> Vec<Burst> {
    let burst = |rng: &mut Rng| {
        let beats = 1 + rng.below(longest) as u32;
        let first = rng.below(17 - beats as usize) as u32;
        Burst { line: (rng.word() as u32 & !127) | port << 4 | first, beats }
    };
    (0..count).map(|_| burst(rng)).collect()
}

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
    assert_clean(&size::<WritePort<1, 1, 0>>("sgcn_write_port_n1"));
    assert_clean(&size::<WritePort<16, 8, 3>>("sgcn_write_port_n16"));
}

#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed("sgcn::write_port", 0x7772_6974));
    for port in 0..PORTS {
        let memory = rng.word() & !4095;
        let mut block = fresh(port, memory);
        let lists: Vec<Vec<Burst>> = (0..ENGINES).map(|_| bursts(60, port, 16, &mut rng)).collect();
        let beats: u32 = lists.iter().flatten().map(|b| b.beats).sum();
        let cycles = run(&mut block, (port, memory), &lists, PROMPT, &mut rng);
        assert!(cycles < beats as usize * 21 / 20 + 20, "{beats} beats in {cycles} cycles");
    }
}

#[test]
fn survives_stalls() {
    let mut rng = Rng::new(seed("sgcn::write_port stalls", 0x7772_7374));
    for round in 0..60 {
        let (port, memory) = (rng.below(8) as u32, rng.word() & !4095);
        let mut block = fresh(port, memory);
        let pace = |rng: &mut Rng| Pace::ALL[rng.below(3)];
        let manner = Manner {
            engine: [pace(&mut rng), pace(&mut rng)],
            memory: [pace(&mut rng), pace(&mut rng), pace(&mut rng)],
            hoards: [1, 3, 40][rng.below(3)],
            error: (round % 2 == 1).then(|| rng.below(40)),
        };
        let longest = [1, 4, 16][rng.below(3)];
        let lists: Vec<Vec<Burst>> = (0..1 + rng.below(ENGINES)).map(|_| bursts(50, port, longest, &mut rng)).collect();
        run(&mut block, (port, memory), &lists, manner, &mut rng);
    }
}

#[test]
fn bursts_of_other_ports_are_left_alone() {
    let mut rng = Rng::new(9);
    let mut block = fresh(2, 0x1000);
    for engine in 0..ENGINES {
        block.set(&format!("burst_{engine}_valid"), 1);
        block.set(&format!("burst_{engine}_data"), u64::from(bursts(1, 3 + engine as u32, 16, &mut rng)[0].line));
        block.set(&format!("w_{engine}_valid"), 1);
    }
    for _ in 0..50 {
        block.settle();
        for engine in 0..ENGINES {
            let ready = ["burst", "w"].map(|s| block.get(&format!("{s}_{engine}_ready")));
            assert_eq!((ready, block.get("axi_awvalid"), block.get("busy")), ([0, 0], 0, 0));
        }
        block.tick();
    }
}
