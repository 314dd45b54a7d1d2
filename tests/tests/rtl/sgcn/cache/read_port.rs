use super::{cell, content, Cell};
use nearfield_tests::rng::{seed, Rng};
use nearfield_tests::stream::{Pace, Sink};

const NAME: &str = "sgcn_read_port";

#[derive(Clone, Copy, Debug)]
struct Manner {
    asks: Pace,
    takes: Pace,
    /// Of the memory: its address channel, its data channel.
    memory: [Pace; 2],
    /// Lines outstanding at most.
    most: usize,
    /// The line (by number) that gets an error response.
    error: Option<usize>,
}

fn fresh(memory: u64) -> Cell {
    let mut block = cell(NAME);
    for port in ["miss_valid", "axi_arready", "axi_rvalid", "fill_ready"] {
        block.set(port, 0);
    }
    block.set("memory", memory);
    block.set("axi_rlast", 1);
    block.set("axi_rresp", 0);
    block.set("reset", 1);
    (0..64).for_each(|_| block.tick());
    block.set("reset", 0);
    block
}

/// Reads `lines`; gives the cycles it took.
fn run(block: &mut Cell, memory: u64, lines: &[u32], manner: Manner, rng: &mut Rng) -> usize {
    let mut sink = Sink::new(block.wires("fill"), manner.takes);
    // Who asks: the line behind each id, and the ids that are free.
    let mut using: Vec<Option<u32>> = vec![None; 1024];
    let mut free: Vec<usize> = (0..1024).collect();
    let mut offer: Option<usize> = None;
    // Memory: ids to be answered, the one that is offered, and the address that stands.
    let mut asked: Vec<usize> = Vec::new();
    let mut answer: Option<usize> = None;
    let mut standing: Option<(u64, u64)> = None;
    let (mut sent, mut answered, mut seen, mut beats, mut cycles, mut failed) = (0, 0, 0, 0, 0, None);
    let word = |id: usize, line: u32| (id as u64) << 32 | u64::from(line);
    while seen < lines.len() || cycles == 0 {
        if offer.is_none() && sent < lines.len() && 1024 - free.len() < manner.most && manner.asks.draw(rng) {
            let id = free.swap_remove(rng.below(free.len()));
            using[id] = Some(lines[sent]);
            offer = Some(id);
        }
        block.set("miss_valid", offer.is_some().into());
        block.set("miss_data", offer.map_or(rng.word() >> 22, |id| word(id, lines[sent])));
        let ready = manner.memory[0].draw(rng);
        block.set("axi_arready", ready.into());
        if answer.is_none() && !asked.is_empty() && manner.memory[1].draw(rng) {
            answer = Some(asked.swap_remove(rng.below(asked.len())));
        }
        block.set("axi_rvalid", answer.is_some().into());
        if let Some(id) = answer {
            block.set("axi_rid", id as u64);
            block.set("axi_rresp", if manner.error.is_some_and(|e| e <= answered) { 2 } else { 0 });
            let port = block.port("axi_rdata");
            block.instance.set_words(port, &content(using[id].expect("an id is answered that is not in use")));
        }
        sink.drive(&mut block.instance, rng);
        block.settle();
        sink.sample(&mut block.instance);
        let busy = block.get("busy") == 1;
        assert!(busy || (asked.is_empty() && answer.is_none()), "not busy with lines outstanding");
        beats += block.get("beat");
        if offer.is_some() && block.get("miss_ready") == 1 {
            offer = None;
            sent += 1;
        }
        let request = (block.get("axi_araddr"), block.get("axi_arid"));
        let valid = block.get("axi_arvalid") == 1;
        if let Some(standing) = standing.take() {
            assert!(valid && request == standing, "an address was taken back or changed");
        }
        if valid {
            let fields = ["axi_arlen", "axi_arsize", "axi_arburst"].map(|name| block.get(name));
            assert_eq!(fields, [0, 6, 1]);
            if ready {
                let line = using[request.1 as usize].expect("an id that nobody uses");
                assert_eq!(request.0, memory.wrapping_add(64 * u64::from(line)));
                asked.push(request.1 as usize);
            } else {
                standing = Some(request);
            }
        }
        if let (Some(id), 1) = (answer, block.get("axi_rready")) {
            if manner.error == Some(answered) {
                failed = using[id].map(|line| memory.wrapping_add(64 * u64::from(line)));
            }
            answered += 1;
            answer = None;
        }
        for taken in &sink.taken[seen..] {
            let id = taken[16] as usize;
            assert_eq!(taken[..16], content(using[id].take().expect("a line that nobody asked for")));
            free.push(id);
        }
        seen = sink.taken.len();
        block.tick();
        cycles += 1;
        assert!(cycles < 500 + 100 * lines.len(), "{seen} of {} lines after {cycles} cycles: {manner:?}", lines.len());
    }
    block.set("axi_rvalid", 0);
    for _ in 0..10 {
        block.settle();
        assert_eq!(block.get("fill_valid"), 0);
        block.tick();
    }
    assert_eq!((block.get("busy"), beats), (0, lines.len() as u64));
    assert_eq!(block.get("failed") == 1, failed.is_some());
    if let Some(address) = failed {
        assert_eq!(block.get("failed_address"), address);
    }
    cycles
}

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

fn random(lines: usize, rng: &mut Rng) -> Vec<u32> {
    (0..lines).map(|_| rng.value(32) as u32).collect()
}

#[test]
fn matches_reference() {
    let mut rng = Rng::new(seed("sgcn::read_port", 0x7265_6164));
    let prompt = Manner { asks: Pace::ALL[0], takes: Pace::ALL[0], memory: [Pace::ALL[0]; 2], most: 900, error: None };
    for memory in [0, 0x4000, (1 << 38) - 4096, 0xffff_fff0_0000_1000, 0x1234_5678_9abc_d000] {
        let mut block = fresh(memory);
        let cycles = run(&mut block, memory, &random(2000, &mut rng), prompt, &mut rng);
        assert!(cycles < 2020, "2000 lines in {cycles} cycles");
    }
}

#[test]
fn survives_stalls() {
    let mut rng = Rng::new(seed("sgcn::read_port stalls", 0x7265_7374));
    for round in 0..60 {
        let memory = rng.word() & !4095;
        let mut block = fresh(memory);
        let pace = |rng: &mut Rng| Pace::ALL[rng.below(3)];
        let manner = Manner {
            asks: pace(&mut rng),
            takes: pace(&mut rng),
            memory: [pace(&mut rng), pace(&mut rng)],
            most: [1, 2, 30, 1024][rng.below(4)],
            error: (round % 2 == 1).then(|| rng.below(200)),
        };
        run(&mut block, memory, &random(300, &mut rng), manner, &mut rng);
    }
}
