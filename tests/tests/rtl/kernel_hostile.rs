//! `smartupdate` on the board `hostile`: any count, any seed, errors on any port, against the model, bit for bit.

use nearfield_abi::board::Board;
use nearfield_abi::kernel::{smartupdate as argument, KernelConfig, AXI_BEAT_BYTES, POINTER_ALIGNMENT};
use nearfield_abi::register;
use nearfield_model::half::{f32_to_bf16, f32_to_f16};
use nearfield_model::optimizer::adamw::{self, Coefficients, Hyper};
use nearfield_sim::axi::{Fault, Response};
use nearfield_sim::{KernelSim, Options, RunReport};
use nearfield_tests::binary32::Operands;
use nearfield_tests::rng::{long, seed, Rng};

/// Elements of a page of 4 KiB: where bursts end.
const PAGE: usize = 1024;
/// Bytes of noise that must stay as they are, before and behind each tensor.
const GUARD: usize = 256;
/// What they are around the half copy.
const HALF_GUARD: u8 = 0x3c;
/// Far more than a run of some thousand elements takes on the slowest mood.
const MAX_CYCLES: u64 = 1_000_000;

fn lanes() -> &'static [u32] {
    if long() {
        &[1, 2, 4]
    } else {
        &[1, 4]
    }
}

fn open(lanes: u32, seed: u64) -> KernelSim {
    let config = KernelConfig::smartupdate(lanes).expect("a lane count that exists");
    let board = Board::from_name("hostile").expect("a board that exists");
    // What no reset reaches is random too, so that nothing leans on registers that happen to be 0.
    let options = Options { seed, randomize: true, watchdog_cycles: 10_000, ..Options::default() };
    KernelSim::open(config, board, options).unwrap_or_else(|e| panic!("{lanes} lanes, seed {seed}: {e}"))
}

/// A step on four tensors, params, exp_avg, exp_avg_sq, grads, with a half copy behind the gradients.
struct Step {
    coefficients: Coefficients,
    bases: [u64; 4],
    half: u64,
    half_format: u32,
    tensors: [Vec<f32>; 4],
    guards: [Vec<u8>; 8],
}

impl Step {
    /// `count` elements of every kind of float, each tensor in a bank of its own, anywhere in a page.
    fn random(count: usize, board: &Board, random: &mut Rng) -> Step {
        let hyper = Hyper { weight_decay: [0.0, 0.01][random.below(2)], ..Hyper::default() };
        let powers = hyper.powers().at(1 + random.below(10) as u64, hyper.beta1, hyper.beta2);
        let mut operands = Operands::new(random.word());
        let mut tensor = || (0..count).map(|_| f32::from_bits(operands.any())).collect();
        let beats_of_page = 4096 / POINTER_ALIGNMENT as usize;
        Step {
            coefficients: Coefficients::new(&hyper, &powers),
            tensors: [tensor(), tensor(), tensor(), tensor()],
            bases: std::array::from_fn(|i| {
                let skew = random.below(beats_of_page) as u64 * POINTER_ALIGNMENT;
                board.bank_base(i as u32) + 0x10_0000 + skew
            }),
            half: board.bank_base(3) + 0x20_0000 + random.below(beats_of_page) as u64 * POINTER_ALIGNMENT,
            half_format: [argument::half_format::FP16, argument::half_format::BF16][random.below(2)],
            guards: std::array::from_fn(|_| (0..GUARD).map(|_| random.word() as u8).collect()),
        }
    }

    fn count(&self) -> usize {
        self.tensors[0].len()
    }

    /// Writes tensors, guards and arguments.
    fn prepare(&self, sim: &mut KernelSim) {
        for (i, (&base, tensor)) in self.bases.iter().zip(&self.tensors).enumerate() {
            let bytes: Vec<u8> = tensor.iter().flat_map(|x| x.to_le_bytes()).collect();
            sim.write_memory(base, &bytes).unwrap();
            sim.write_memory(base - GUARD as u64, &self.guards[2 * i]).unwrap();
            sim.write_memory(base + bytes.len() as u64, &self.guards[2 * i + 1]).unwrap();
        }
        let k = &self.coefficients;
        let mut pointers = [0; 5];
        pointers[..4].copy_from_slice(&self.bases);
        pointers[argument::HALF] = self.half;
        let guarded = vec![HALF_GUARD; 2 * self.count() + 2 * GUARD];
        sim.write_memory(self.half - GUARD as u64, &guarded).unwrap();
        let scalars = [
            (argument::ELEMENTS, self.count() as u32),
            (argument::FLAGS, if k.weight_decay { argument::flag::WEIGHT_DECAY } else { 0 }),
            (argument::OPTIMIZER, argument::optimizer::ADAMW),
            (argument::GRAD_FORMAT, argument::grad_format::FP32),
            (argument::GRAD_BYTES, 0),
            (argument::HALF_FORMAT, self.half_format),
            (argument::GRAD_SCALE, 1f32.to_bits()),
            (argument::BETA1, k.beta1.to_bits()),
            (argument::C1, k.c1.to_bits()),
            (argument::BETA2, k.beta2.to_bits()),
            (argument::C2, k.c2.to_bits()),
            (argument::BIAS2, k.bias2.to_bits()),
            (argument::EPS, k.eps.to_bits()),
            (argument::STEP_SIZE, k.step_size.to_bits()),
            (argument::DECAY, k.decay.to_bits()),
        ];
        let arguments = KernelConfig::smartupdate(1).unwrap().arguments();
        for (id, pointer) in pointers.into_iter().enumerate() {
            sim.write_register(arguments[id].offset, pointer as u32).unwrap();
            sim.write_register(arguments[id].offset + 4, (pointer >> 32) as u32).unwrap();
        }
        for (id, value) in scalars {
            sim.write_register(arguments[id].offset, value).unwrap();
        }
    }

    /// Compares memory with the model's answer, and what lies around the tensors with what lay there.
    fn check(&self, sim: &KernelSim, case: &str) {
        let [mut p, mut m, mut v, g] = self.tensors.clone();
        adamw::step(&self.coefficients, &mut p, &mut m, &mut v, &g);
        let round = if self.half_format == argument::half_format::FP16 { f32_to_f16 } else { f32_to_bf16 };
        let copy = p.iter().flat_map(|&p| round(p).to_le_bytes());
        let guard = || [HALF_GUARD; GUARD].into_iter();
        let wanted: Vec<u8> = guard().chain(copy).chain(guard()).collect();
        let mut bytes = vec![0; wanted.len()];
        sim.read_memory(self.half - GUARD as u64, &mut bytes).unwrap();
        assert!(bytes == wanted, "{case}: the half copy, or what lies around it");
        for (i, (&base, wanted)) in self.bases.iter().zip([p, m, v, g]).enumerate() {
            let mut bytes = vec![0; 4 * wanted.len() + 2 * GUARD];
            sim.read_memory(base - GUARD as u64, &mut bytes).unwrap();
            let (before, rest) = bytes.split_at(GUARD);
            let (tensor, behind) = rest.split_at(4 * wanted.len());
            assert!(before == self.guards[2 * i], "{case}: tensor {i} was written before its first element");
            assert!(behind == self.guards[2 * i + 1], "{case}: tensor {i} was written behind its last element");
            for (j, (bytes, wanted)) in tensor.chunks_exact(4).zip(&wanted).enumerate() {
                let got = u32::from_le_bytes(bytes.try_into().unwrap());
                assert_eq!(got, wanted.to_bits(), "{case}: element {j} of tensor {i}: {got:#x}");
            }
        }
    }

    /// Runs the step and checks everything of it.
    fn run(&self, sim: &mut KernelSim, case: &str) {
        self.prepare(sim);
        let report = finish(sim, case);
        assert_eq!(sim.read_register(register::ERROR_CODE).unwrap(), register::error::NONE, "{case}");
        self.check(sim, case);
        let beats = (4 * self.count()).div_ceil(AXI_BEAT_BYTES as usize) as u64;
        let half_beats = (2 * self.count()).div_ceil(AXI_BEAT_BYTES as usize) as u64;
        assert_eq!(report.beats, [(beats, beats), (beats, beats), (beats, beats), (beats, half_beats)], "{case}");
        for (i, stream) in KernelConfig::smartupdate(1).unwrap().streams().iter().enumerate() {
            let counter = register::STREAMS + i as u32 * register::STREAM_STRIDE + register::stream::BEATS;
            let beats = if stream.name == "half_write" { half_beats } else { beats };
            assert_eq!(read_u64(sim, counter), beats, "{case}: beats of {}", stream.name);
        }
        let cycles = read_u64(sim, register::CYCLES);
        assert!(cycles > 0 && cycles <= report.cycles, "{case}: {cycles} of {} cycles", report.cycles);
    }
}

/// Starts the kernel and waits for its end, by when nothing may be outstanding.
fn finish(sim: &mut KernelSim, case: &str) -> RunReport {
    sim.start().and_then(|()| sim.run_until_done(MAX_CYCLES)).unwrap_or_else(|e| panic!("{case}: {e}"))
}

fn read_u64(sim: &mut KernelSim, offset: u32) -> u64 {
    let low = sim.read_register(offset).unwrap();
    u64::from(sim.read_register(offset + 4).unwrap()) << 32 | u64::from(low)
}

#[test]
fn every_small_count_and_every_edge() {
    let mut random = Rng::new(seed("kernel_hostile::every_small_count_and_every_edge", 0x6b01));
    let edges = [PAGE, 2 * PAGE, PAGE + PAGE / 2].into_iter().flat_map(|edge| edge - 17..edge + 18);
    let counts: Vec<usize> = (1..=70).chain(edges.step_by(if long() { 1 } else { 8 })).collect();
    for &lanes in lanes() {
        for (i, chunk) in counts.chunks(12).enumerate() {
            let mut sim = open(lanes, i as u64);
            for &count in chunk {
                let step = Step::random(count, sim.board(), &mut random);
                step.run(&mut sim, &format!("{lanes} lanes, seed {i}, {count} elements"));
            }
        }
    }
}

#[test]
fn many_seeds() {
    let first = seed("kernel_hostile::many_seeds", 1000);
    let seeds = if long() { 1000 } else { 24 };
    for &lanes in lanes() {
        for seed in first..first + seeds {
            let mut random = Rng::new(seed);
            let mut sim = open(lanes, seed);
            for _ in 0..2 {
                let count = 1 + random.below(3000);
                let step = Step::random(count, sim.board(), &mut random);
                step.run(&mut sim, &format!("{lanes} lanes, seed {seed}, {count} elements"));
            }
        }
    }
}

/// Runs long enough for every stream to be held up, by the counters of stalls; how full the buffers are is not seen.
#[test]
fn every_stream_stalls_in_long_runs() {
    let first = seed("kernel_hostile::every_stream_stalls_in_long_runs", 5000);
    let streams = KernelConfig::smartupdate(1).unwrap().streams();
    for &lanes in lanes() {
        let mut stalls = vec![0; streams.len()];
        for seed in first..first + if long() { 30 } else { 2 } {
            let mut random = Rng::new(seed);
            let mut sim = open(lanes, seed);
            let count = 40_000 + random.below(PAGE);
            let step = Step::random(count, sim.board(), &mut random);
            step.run(&mut sim, &format!("{lanes} lanes, seed {seed}, {count} elements"));
            for (i, stalls) in stalls.iter_mut().enumerate() {
                let counter = register::STREAMS + i as u32 * register::STREAM_STRIDE + register::stream::STALLS;
                *stalls += read_u64(&mut sim, counter);
            }
        }
        println!("{lanes} lanes: cycles of stall {stalls:?}");
        for (stream, &stalls) in streams.iter().zip(&stalls) {
            assert!(stalls > 0, "{lanes} lanes: {} never stalled", stream.name);
        }
        for read in [true, false] {
            let of = streams.iter().zip(&stalls).filter(|(stream, _)| stream.read == read);
            let cycles: u64 = of.map(|(_, stalls)| stalls).sum();
            assert!(cycles > 1000, "{lanes} lanes: streams with read = {read} hardly stalled: {cycles} cycles");
        }
    }
}

/// An error at any burst of any stream: code, port and address tell which, the run ends drained, and the next is fine.
#[test]
fn an_error_on_each_stream_is_reported_and_drained() {
    let first = seed("kernel_hostile::an_error_on_each_stream_is_reported_and_drained", 2000);
    let seeds = if long() { 50 } else { 4 };
    let config = KernelConfig::smartupdate(1).unwrap();
    for &lanes in lanes() {
        for seed in first..first + seeds {
            let mut random = Rng::new(seed);
            let mut sim = open(lanes, seed);
            for (number, stream) in config.streams().iter().enumerate() {
                let count = 1 + random.below(4 * PAGE);
                let step = Step::random(count, sim.board(), &mut random);
                let case = format!("{lanes} lanes, seed {seed}, {count} elements, error in {}", stream.name);
                step.prepare(&mut sim);
                let half = stream.name == "half_write";
                let base = if half { step.half } else { step.bases[stream.master as usize] };
                let address = base + if half { 2 } else { 4 } * random.below(count) as u64;
                let response = [Response::SlaveError, Response::DecodeError][number % 2];
                sim.inject(Fault { address, bytes: 1, write: !stream.read, response });
                finish(&mut sim, &case);
                let code = if stream.read { register::error::AXI_READ } else { register::error::AXI_WRITE };
                assert_eq!(sim.read_register(register::ERROR_CODE).unwrap(), code, "{case}");
                assert_eq!(sim.read_register(register::ERROR_PORT).unwrap(), stream.master, "{case}");
                // Bursts end at pages, so the one that met the error began at the tensor or at the page.
                let burst = base.max(address & !4095);
                assert_eq!(read_u64(&mut sim, register::ERROR_ADDRESS), burst, "{case}");

                sim.clear_faults();
                let after = Step::random(1 + random.below(PAGE), sim.board(), &mut random);
                after.run(&mut sim, &format!("after {case}"));
            }
        }
    }
}

#[test]
fn a_pointer_into_nowhere_is_an_error_not_a_hang() {
    let mut random = Rng::new(seed("kernel_hostile::a_pointer_into_nowhere_is_an_error_not_a_hang", 3000));
    for &lanes in lanes() {
        for tensor in 0..4 {
            let mut sim = open(lanes, 3000 + tensor as u64);
            let step = Step::random(PAGE, sim.board(), &mut random);
            step.prepare(&mut sim);
            let offset = KernelConfig::smartupdate(lanes).unwrap().arguments()[tensor].offset;
            sim.write_register(offset, 0).unwrap();
            sim.write_register(offset + 4, 0x7fff).unwrap();
            let case = format!("{lanes} lanes, tensor {tensor} in no bank");
            finish(&mut sim, &case);
            assert_eq!(sim.read_register(register::ERROR_CODE).unwrap(), register::error::AXI_READ, "{case}");
            assert_eq!(sim.read_register(register::ERROR_PORT).unwrap(), tensor as u32, "{case}");
            assert_eq!(read_u64(&mut sim, register::ERROR_ADDRESS), 0x7fff_0000_0000, "{case}");
        }
    }
}

/// Errors on several streams at once: one of them is reported, and nothing hangs.
#[test]
fn several_errors_at_once() {
    let first = seed("kernel_hostile::several_errors_at_once", 4000);
    for &lanes in lanes() {
        for seed in first..first + if long() { 100 } else { 6 } {
            let mut random = Rng::new(seed);
            let mut sim = open(lanes, seed);
            let step = Step::random(1 + random.below(3 * PAGE), sim.board(), &mut random);
            step.prepare(&mut sim);
            for _ in 0..5 {
                let (tensor, element) = (random.below(4), random.below(step.count()));
                let address = step.bases[tensor] + 4 * element as u64;
                sim.inject(Fault { address, bytes: 1, write: random.one_in(2), response: Response::SlaveError });
            }
            // A fault that nobody meets (nothing is written where grads are) would let the run end well.
            sim.inject(Fault { address: step.bases[3], bytes: 1, write: false, response: Response::SlaveError });
            let case = format!("{lanes} lanes, seed {seed}, several errors");
            finish(&mut sim, &case);
            let code = sim.read_register(register::ERROR_CODE).unwrap();
            assert!([register::error::AXI_READ, register::error::AXI_WRITE].contains(&code), "{case}: code {code}");
            sim.clear_faults();
            let after = Step::random(1 + random.below(PAGE), sim.board(), &mut random);
            after.run(&mut sim, &format!("after {case}"));
        }
    }
}
