//! The simulated boards, held against a small kernel written for it: `fixture/copy.v`.

mod fixture;

use fixture::{design, places, write_address, BYTES, MASTERS, MISBEHAVE, SOURCE, TARGET};
use nearfield_abi::board::Board;
use nearfield_abi::kernel::Master;
use nearfield_abi::register;
use nearfield_sim::axi::{Fault, Random, Response};
use nearfield_sim::{KernelSim, Options, SimError};

fn open(board: &str, options: Options) -> KernelSim {
    KernelSim::with_design(&design(), &MASTERS, Board::from_name(board).unwrap(), options).unwrap()
}

fn seeded(seed: u64) -> Options {
    Options { seed, watchdog_cycles: 5_000, ..Options::default() }
}

/// Copies `bytes` noisy bytes on both masters and checks them and what lies behind them.
fn copy(sim: &mut KernelSim, skew: [u64; 4], bytes: u32, random: &mut Random) -> u64 {
    let [s0, t0, s1, t1] = places(sim.board(), skew);
    let mut data = vec![vec![0u8; bytes as usize]; 2];
    data.iter_mut().flatten().for_each(|b| *b = random.next() as u8);
    let guard = [0x5a; 64];
    for (i, (source, target)) in [(s0, t0), (s1, t1)].into_iter().enumerate() {
        sim.write_memory(source, &data[i]).unwrap();
        sim.write_memory(target - 64, &guard).unwrap();
        sim.write_memory(target + u64::from(bytes), &guard).unwrap();
        write_address(sim, SOURCE[i], source);
        write_address(sim, TARGET[i], target);
    }
    sim.write_register(BYTES, bytes).unwrap();
    sim.write_register(MISBEHAVE, 0).unwrap();
    sim.start().unwrap();
    let report = sim.run_until_done(200_000).unwrap();
    assert_eq!(sim.read_register(register::ERROR_CODE).unwrap(), register::error::NONE);
    let beats = u64::from(bytes.div_ceil(64));
    assert_eq!(report.beats, [(beats, beats); 2]);
    for (i, target) in [t0, t1].into_iter().enumerate() {
        let mut back = vec![0; bytes as usize + 128];
        sim.read_memory(target - 64, &mut back).unwrap();
        assert_eq!(back[..64], guard, "before the target");
        assert!(back[64..64 + bytes as usize] == data[i], "{bytes} bytes, master {i}");
        assert_eq!(back[64 + bytes as usize..], guard, "after the target");
    }
    report.cycles
}

#[test]
fn every_board_copies() {
    for board in ["ideal", "hostile", "smartssd", "hbm2-256", "u280"] {
        let mut sim = open(board, seeded(1));
        let mut random = Random::new(5, 0);
        for bytes in [1, 63, 64, 65, 1024, 4096, 10_001] {
            copy(&mut sim, [0; 4], bytes, &mut random);
            copy(&mut sim, [63, 5, 1, 60], bytes, &mut random);
        }
    }
}

#[test]
fn a_fixed_board_answers_after_its_latency() {
    let mut sim = open("ideal", seeded(1));
    // A beat: address, 32 cycles, data, write, 32 cycles, response; then two polls of 16 cycles at most.
    let cycles = copy(&mut sim, [0; 4], 64, &mut Random::new(1, 0));
    assert!((68..120).contains(&cycles), "{cycles}");
}

#[test]
fn hostile_seeds_all_end_well_and_differ() {
    let mut cycles = Vec::new();
    for seed in 0..40 {
        let mut sim = open("hostile", Options { randomize: seed % 2 == 1, ..seeded(seed) });
        let mut random = Random::new(seed, 1);
        for _ in 0..3 {
            let skew = [0; 4].map(|_| u64::from(random.below(64)));
            let bytes = 1 + random.below(6000);
            copy(&mut sim, skew, bytes, &mut random);
        }
        cycles.push(sim.cycle());
    }
    cycles.sort();
    cycles.dedup();
    assert!(cycles.len() > 35, "seeds hardly matter: {cycles:?}");
}

#[test]
fn a_seed_repeats() {
    let run = |seed| {
        let mut sim = open("hostile", seeded(seed));
        copy(&mut sim, [3, 9, 27, 54], 5000, &mut Random::new(seed, 0))
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}

/// Starts a copy of 5,000 bytes that breaks a rule, and gives what the simulation says.
fn misbehave(rule: u32, seed: u64) -> Result<(), SimError> {
    let mut sim = open("hostile", seeded(seed));
    let [s0, t0, s1, t1] = places(sim.board(), [56, 0, 0, 0]);
    for (offset, address) in SOURCE.into_iter().chain(TARGET).zip([s0, s1, t0, t1]) {
        write_address(&mut sim, offset, address);
    }
    sim.write_register(BYTES, 5000)?;
    sim.write_register(MISBEHAVE, rule)?;
    sim.start()?;
    sim.run_until_done(200_000).map(|_| ())
}

#[test]
fn every_broken_rule_is_seen() {
    let rules = [
        (1, "gmem0 AR: valid fell before ready"),
        (2, "gmem0 AR: the payload changed"),
        (3, "gmem0 AR: 16 beats from"),
        (4, "gmem0 W: WLAST is 1 in beat 1 of"),
        (6, "gmem0 B: done is set, but a write's response is outstanding"),
        (8, "gmem0 W: the strobe 0x5 has a hole"),
        (9, "gmem0 AR: burst type 0"),
        (10, "gmem0 W: the payload changed"),
    ];
    for (rule, says) in rules {
        // A refusal must fall on the offer that is taken back: not every seed has one.
        let errors: Vec<String> =
            (0..8).filter_map(|seed| misbehave(rule, seed).err()).map(|e| e.to_string()).collect();
        let seen = errors.iter().filter(|e| e.contains(says)).count();
        assert!(seen >= 3 && seen == errors.len(), "rule {rule} was seen {seen} times: {errors:#?}");
        assert!(errors[0].contains("copy on hostile, seed "), "{}", errors[0]);
    }
}

#[test]
fn a_response_taken_without_its_valid_is_caught() {
    // Only the payload beside a low valid differs: zeros on `ideal`, an error on `hostile`.
    for (board, code) in [("ideal", register::error::NONE), ("hostile", register::error::AXI_WRITE)] {
        let mut sim = open(board, seeded(1));
        let [s0, t0, s1, t1] = places(sim.board(), [0; 4]);
        for (offset, address) in SOURCE.into_iter().chain(TARGET).zip([s0, s1, t0, t1]) {
            write_address(&mut sim, offset, address);
        }
        sim.write_register(BYTES, 5000).unwrap();
        sim.write_register(MISBEHAVE, 11).unwrap();
        sim.start().unwrap();
        sim.run_until_done(200_000).unwrap();
        assert_eq!(sim.read_register(register::ERROR_CODE).unwrap(), code, "{board}");
    }
}

#[test]
fn a_kernel_that_waits_for_awready_hangs_somewhere() {
    let stuck = (0..16).filter(|&seed| {
        let error = misbehave(7, seed).err().map(|e| e.to_string()).unwrap_or_default();
        error.contains("gmem0 AW: valid 1 ready 0")
    });
    assert!(stuck.count() >= 1);
    // The same seeds are fine with a kernel that does not wait.
    assert!((0..16).all(|seed| misbehave(0, seed).is_ok()));
}

#[test]
fn the_watchdog_names_what_waits() {
    let error = misbehave(5, 1).unwrap_err();
    assert!(matches!(error, SimError::Stuck { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("gmem0 W: valid 0") || text.contains("gmem0 AW: valid 1 ready 0"), "{text}");
    assert!(!text.contains("gmem1"), "the other master has ended: {text}");
    assert!(text.contains("seed 1"), "{text}");
}

#[test]
fn a_run_in_slices_shorter_than_the_watchdog_is_watched() {
    let mut sim = open("hostile", seeded(1));
    let [s0, t0, s1, t1] = places(sim.board(), [56, 0, 0, 0]);
    for (offset, address) in SOURCE.into_iter().chain(TARGET).zip([s0, s1, t0, t1]) {
        write_address(&mut sim, offset, address);
    }
    sim.write_register(BYTES, 5000).unwrap();
    sim.write_register(MISBEHAVE, 5).unwrap();
    sim.start().unwrap();
    let ended = (0..100).map(|_| sim.run_until_done(1000)).find(|r| !matches!(r, Err(SimError::TooLong { .. })));
    assert!(matches!(ended, Some(Err(SimError::Stuck { .. }))), "{ended:?}");
}

#[test]
fn registers_are_watched_too() {
    for board in ["ideal", "hostile"] {
        let mut sim = open(board, seeded(2));
        sim.write_register(0x800, 1).unwrap();
        let error = (0..40).find_map(|_| sim.pass(1).err().or_else(|| sim.read_register(BYTES).err()));
        let text = error.expect("a second response must be seen").to_string();
        assert!(text.contains("s_axi_control B: a response to no write"), "{text}");

        let mut sim = open(board, seeded(2));
        let text = sim.write_register(0x804, 1).unwrap_err().to_string();
        assert!(text.contains("register 0x804 was accessed") && text.contains("s_axi_control B: valid 0"), "{text}");

        let mut sim = open(board, seeded(2));
        let error = sim.write_register(0xf00, 1).unwrap_err();
        assert!(matches!(error, SimError::Register { offset: 0xf00, response: 2, .. }), "{error}");
    }
}

#[test]
fn a_port_does_not_reach_another_ports_bank() {
    for (write, code) in [(false, register::error::AXI_READ), (true, register::error::AXI_WRITE)] {
        let mut sim = open("hbm2-256", seeded(3));
        let [s0, t0, s1, t1] = places(sim.board(), [0; 4]);
        let addresses = if write { [s0, s1, t0, t0 + 4096] } else { [s0, s0, t0, t1] };
        for (offset, address) in SOURCE.into_iter().chain(TARGET).zip(addresses) {
            write_address(&mut sim, offset, address);
        }
        sim.write_memory(t0 + 4096, &[0x77; 4096]).unwrap();
        sim.write_register(BYTES, 4096).unwrap();
        sim.write_register(MISBEHAVE, 0).unwrap();
        sim.start().unwrap();
        sim.run_until_done(100_000).unwrap();
        assert_eq!(sim.read_register(register::ERROR_CODE).unwrap(), code);
        assert_eq!(sim.read_register(register::ERROR_PORT).unwrap(), 1);
        let mut back = [0; 4096];
        sim.read_memory(t0 + 4096, &mut back).unwrap();
        assert_eq!(back, [0x77; 4096], "what is not reached is not written");
    }
}

#[test]
fn refused_accesses_reach_the_kernel() {
    for board in ["ideal", "hostile", "smartssd", "hbm2-256", "u280"] {
        for (write, code) in [(false, register::error::AXI_READ), (true, register::error::AXI_WRITE)] {
            let mut sim = open(board, seeded(9));
            let [s0, t0, s1, t1] = places(sim.board(), [0; 4]);
            for (offset, address) in SOURCE.into_iter().chain(TARGET).zip([s0, s1, t0, t1]) {
                write_address(&mut sim, offset, address);
            }
            let target = [0x77; 4096];
            sim.write_memory(t1, &target).unwrap();
            sim.write_register(BYTES, 4096).unwrap();
            sim.write_register(MISBEHAVE, 0).unwrap();
            // In the second burst of 16 beats of the second master.
            let address = if write { t1 } else { s1 } + 1024 + 200;
            sim.inject(Fault { address, bytes: 1, write, response: Response::SlaveError });
            sim.start().unwrap();
            sim.run_until_done(100_000).unwrap();
            assert_eq!(sim.read_register(register::ERROR_CODE).unwrap(), code, "{board}");
            assert_eq!(sim.read_register(register::ERROR_PORT).unwrap(), 1, "{board}");
            let low = sim.read_register(register::ERROR_ADDRESS).unwrap();
            let high = sim.read_register(register::ERROR_ADDRESS + 4).unwrap();
            assert_eq!(u64::from(high) << 32 | u64::from(low), if write { t1 } else { s1 } + 1024, "{board}");
            let mut back = [0; 3072];
            sim.read_memory(t1 + 1024, &mut back).unwrap();
            assert!(back[..] == target[..3072], "a refused write must not be seen");

            sim.clear_faults();
            copy(&mut sim, [0; 4], 4096, &mut Random::new(1, 1));
        }
    }
}

#[test]
fn an_address_in_no_bank_is_a_decode_error() {
    for board in ["ideal", "hostile", "smartssd", "hbm2-256", "u280"] {
        let mut sim = open(board, seeded(4));
        let [s0, t0, s1, _] = places(sim.board(), [0; 4]);
        let nowhere = 0x7fff_0000_0000;
        for (offset, address) in SOURCE.into_iter().chain(TARGET).zip([s0, s1, t0, nowhere]) {
            write_address(&mut sim, offset, address);
        }
        sim.write_register(BYTES, 4096).unwrap();
        sim.write_register(MISBEHAVE, 0).unwrap();
        sim.start().unwrap();
        sim.run_until_done(100_000).unwrap();
        assert_eq!(sim.read_register(register::ERROR_CODE).unwrap(), register::error::AXI_WRITE, "{board}");
    }
}

#[test]
fn a_reset_in_the_middle_of_a_run_leaves_a_usable_board() {
    for board in ["ideal", "hostile", "smartssd", "hbm2-256", "u280"] {
        let mut sim = open(board, seeded(6));
        for cycles in [40, 90, 150, 333] {
            let [s0, t0, s1, t1] = places(sim.board(), [0; 4]);
            for (offset, address) in SOURCE.into_iter().chain(TARGET).zip([s0, s1, t0, t1]) {
                write_address(&mut sim, offset, address);
            }
            sim.write_register(BYTES, 100_000).unwrap();
            sim.write_register(MISBEHAVE, 0).unwrap();
            sim.start().unwrap();
            sim.pass(cycles).unwrap();
            sim.reset().unwrap();
            copy(&mut sim, [0; 4], 2000, &mut Random::new(cycles, 1));
        }
    }
}

#[test]
fn bad_requests_are_refused() {
    let board = Board::from_name("ideal").unwrap();
    let mut sim = open("ideal", seeded(1));
    let error = sim.write_memory(board.bank_base(3) + board.bank_bytes - 2, &[0; 4]).unwrap_err().to_string();
    assert!(error.contains("do not lie in one bank"), "{error}");
    let masters = [MASTERS[0], Master { name: "gmem7", data_bits: 512, id_bits: 0 }];
    let error = KernelSim::with_design(&design(), &masters, board, seeded(1)).err().expect("no such pins").to_string();
    assert!(error.contains("m_axi_gmem7_awvalid") && error.contains("m_axi_gmem1_awvalid"), "{error}");
}

#[test]
fn a_run_longer_than_its_bound_is_given_up() {
    let mut sim = open("ideal", seeded(1));
    let [s0, t0, s1, t1] = places(sim.board(), [0; 4]);
    for (offset, address) in SOURCE.into_iter().chain(TARGET).zip([s0, s1, t0, t1]) {
        write_address(&mut sim, offset, address);
    }
    sim.write_register(BYTES, 100_000).unwrap();
    sim.write_register(MISBEHAVE, 0).unwrap();
    sim.start().unwrap();
    let error = sim.run_until_done(1).unwrap_err();
    assert!(matches!(error, SimError::TooLong { cycles: 1, .. }), "{error}");
}

#[test]
fn waves_are_written_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy.fst");
    let mut sim = open("ideal", Options { trace: Some(path.clone()), ..seeded(1) });
    copy(&mut sim, [0; 4], 640, &mut Random::new(1, 0));
    let text = sim.write_register(0xf00, 1).unwrap_err().to_string();
    assert!(text.contains("copy.fst"), "{text}");
    drop(sim);
    assert!(std::fs::metadata(&path).unwrap().len() > 1000);
}
