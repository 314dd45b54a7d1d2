//! `gradient_norm` on simulated boards against `model::gradient_norm`, to the bit.

use super::bench::Bench;
use super::formats::{malformed_streams, Grads, MALFORMED_ELEMENTS};
use nearfield::gradients::Gradients;
use nearfield::topk::{encode, Kept, Stream, ValueFormat};
use nearfield_abi::checksum::Checksum;
use nearfield_abi::kernel::{gradient_norm as abi, KernelConfig};
use nearfield_abi::register::{self, control, error, stream};
use nearfield_model::gradient_norm::{sum_of_squares, SquareSum};
use nearfield_model::half::f16_to_f32;
use nearfield_sim::axi::{Fault, Response};
use nearfield_tests::rng::{long, seed, Rng};

/// Around an element, a word of each width, a beat of 32 and of 16 bits, and a page.
const COUNTS: [usize; 23] =
    [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 65, 1007, 1023, 1024, 1025, 2047, 2049, 4099];
/// Around chunks of a Top-K stream.
const CHUNKS: [usize; 4] = [65_535, 65_536, 65_537, 131_073];

/// A finite binary32: of any exponent, subnormal, at an end of the range, or near one.
fn value(rng: &mut Rng) -> f32 {
    let any = rng.word() as u32;
    let bits = match rng.below(8) {
        0 => [0, 0x8000_0000, 1, 0x007f_ffff, 0x0080_0000, 0x7f7f_ffff, 0xff7f_ffff, 0x7f00_0000][rng.below(8)],
        1 => any & 0x807f_ffff,
        2 | 3 => (any & 0x807f_ffff) | (100 + rng.below(40) as u32) << 23,
        _ => (any & 0x807f_ffff) | (rng.below(255) as u32) << 23,
    };
    f32::from_bits(bits)
}

/// A finite binary16.
fn half(rng: &mut Rng) -> u16 {
    (rng.word() as u16 & 0x83ff) | (rng.below(31) as u16) << 10
}

/// Finite gradients in every dense format.
fn dense(n: usize, rng: &mut Rng) -> Vec<Grads> {
    let fp32: Vec<f32> = (0..n).map(|_| value(rng)).collect();
    let fp16: Vec<u16> = (0..n).map(|_| half(rng)).collect();
    let bf16: Vec<u16> = (0..n).map(|_| (value(rng).to_bits() >> 16) as u16).collect();
    [Gradients::from(&fp32), Gradients::Fp16(&fp16), Gradients::Bf16(&bf16)].map(|run| Grads::new(&run)).into()
}

/// Streams with values of every format, each with another density.
fn sparse(n: usize, rng: &mut Rng) -> Vec<Grads> {
    let formats = ValueFormat::ALL.into_iter().map(|format| {
        let out_of = [1, 3, 100][rng.below(3)];
        let mut kept = Kept::default();
        for i in (0..n as u64).filter(|_| rng.one_in(out_of)).collect::<Vec<_>>() {
            let value = match format {
                ValueFormat::Fp16 => f16_to_f32(half(rng)),
                // Rounded to 16 bits the largest would be infinite.
                _ => f32::from_bits(value(rng).to_bits() & 0xffff_0000),
            };
            kept.push(i, value);
        }
        let bytes = encode(n as u64, format, &kept).unwrap();
        Grads::new(&Gradients::TopK(Stream::parse(&bytes).unwrap()))
    });
    formats.collect()
}

impl Bench {
    fn norm(lanes: u32, board: &str, seed: u64) -> Bench {
        Bench::of(KernelConfig::gradient_norm(lanes).unwrap(), board, seed)
    }

    /// Writes gradients, what follows them in memory, and the arguments.
    fn give_norm(&mut self, elements: usize, grads: &Grads, beyond: u8) {
        let base = self.bases[0];
        self.sim.write_memory(base, &grads.bytes).unwrap();
        self.sim.write_memory(base + grads.bytes.len() as u64, &[beyond; 128]).unwrap();
        self.argument(abi::GRADS, base);
        self.argument(abi::ELEMENTS, elements as u64);
        self.argument(abi::GRAD_FORMAT, grads.code.into());
        self.argument(abi::GRAD_BYTES, grads.bytes.len() as u64);
    }

    fn squares(&mut self) -> SquareSum {
        let mut sum = SquareSum { nonfinite: self.read(register::NONFINITE) != 0, ..SquareSum::default() };
        for lane in 0..self.config.lanes {
            let at = register::SUMS + lane * register::SUM_STRIDE;
            let mut words = [0; 10];
            (0..9).for_each(|i| words[i as usize] = self.read64(at + 8 * i));
            words[9] = self.read(at + 72).into();
            assert_eq!(self.read(at + 76), 0, "what follows the limbs of lane {lane}");
            sum.add_sum(&SquareSum { words, nonfinite: false });
        }
        sum
    }

    /// A run, compared with the model; returns its cycles.
    fn check_norm(&mut self, grads: &Grads, beyond: u8) -> u64 {
        let n = grads.dense.len();
        let about = format!("{n} elements, grad_format {}, {beyond:#04x} behind them", grads.code);
        self.give_norm(n, grads, beyond);
        let cycles = self.run(200_000 + 100 * n as u64);
        assert_eq!(self.error(), (error::NONE, 0, 0), "{about}");
        assert_eq!(self.squares(), sum_of_squares(&grads.dense), "{about}");
        let sum = Checksum::of(&grads.bytes);
        let at = |counter| register::STREAMS + counter;
        let found = (self.read64(at(stream::CHECKSUM_A)), self.read64(at(stream::CHECKSUM_B)));
        assert_eq!(found, (sum.a, sum.b), "{about}");
        assert_eq!(self.read64(at(stream::BEATS)), grads.bytes.len().div_ceil(64) as u64, "{about}");
        cycles
    }
}

fn formats(lanes: u32, board: &str) {
    let seed = seed(&format!("gradient_norm, {lanes} on {board}"), 41);
    let mut rng = Rng::new(seed);
    let mut bench = Bench::norm(lanes, board, seed);
    // Behind the end lie NaNs, large numbers, or numbers of any size.
    let mut beyond = [0xff, 0x7f, 0x3c].into_iter().cycle();
    for n in COUNTS {
        for grads in [dense(n, &mut rng), sparse(n, &mut rng)].iter().flatten() {
            bench.check_norm(grads, beyond.next().unwrap());
        }
        beyond.next();
    }
    for n in CHUNKS {
        let all = sparse(n, &mut rng);
        bench.check_norm(&all[rng.below(3)], 0xff);
    }
}

#[test]
fn one_lane_equals_the_model_on_ideal_memory() {
    formats(1, "ideal");
}

#[test]
fn four_lanes_equal_the_model_on_ideal_memory() {
    formats(4, "ideal");
}

#[test]
fn one_lane_equals_the_model_on_hostile_memory() {
    formats(1, "hostile");
}

#[test]
fn four_lanes_equal_the_model_on_hostile_memory() {
    formats(4, "hostile");
}

#[test]
fn two_and_eight_lanes_equal_the_model() {
    if !long() {
        println!("skipped: NEARFIELD_LONG=1 (make test-long) runs it");
        return;
    }
    for lanes in [2, 8] {
        formats(lanes, "ideal");
        formats(lanes, "hostile");
        busy(lanes, 200_000);
    }
}

/// Each format with one value that is not finite, at every place of a word, in the first, a middle and the last beat.
#[test]
fn what_is_not_finite_is_told_and_is_not_summed() {
    let mut rng = Rng::new(42);
    for lanes in [1, 4] {
        let mut bench = Bench::norm(lanes, "ideal", 42);
        let n = 1003;
        for i in (0..8).chain(500..504).chain(n - 8..n) {
            let fp32: Vec<f32> = (0..n).map(|_| value(&mut rng)).collect();
            let special = [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::from_bits(0xff80_0001)][rng.below(4)];
            let bits = (special.to_bits() >> 16) as u16 | 1;
            let with = |mut run: Vec<u16>, bits: u16| {
                run[i] = bits;
                run
            };
            let fp16 = with((0..n).map(|_| half(&mut rng)).collect(), 0x7c00 | rng.word() as u16 & 0x83ff);
            let bf16 = with(fp32.iter().map(|x| (x.to_bits() >> 16) as u16).collect(), bits);
            let mut wide = fp32.clone();
            wide[i] = special;
            for run in [Gradients::from(&wide), Gradients::Fp16(&fp16), Gradients::Bf16(&bf16)] {
                let grads = Grads::new(&run);
                assert!(sum_of_squares(&grads.dense).nonfinite);
                bench.check_norm(&grads, 0);
            }
        }
        for format in ValueFormat::ALL {
            let mut kept = Kept::default();
            (0..1003).step_by(17).for_each(|i| kept.push(i, if i == 510 { f32::INFINITY } else { 1.5 }));
            let bytes = encode(1003, format, &kept).unwrap();
            bench.check_norm(&Grads::new(&Gradients::TopK(Stream::parse(&bytes).unwrap())), 0xff);
        }
        // The next run does not remember it.
        dense(n, &mut rng).iter().for_each(|grads| _ = bench.check_norm(grads, 0xff));
    }
}

/// Cuts at any place, runs on two configurations: the sums add up to the whole's.
#[test]
fn sums_of_pieces_add_up_to_the_whole() {
    let seed = seed("gradient_norm pieces", 43);
    let mut rng = Rng::new(seed);
    let mut benches = [Bench::norm(1, "hostile", seed), Bench::norm(4, "ideal", seed)];
    let whole: Vec<f32> = (0..10_000).map(|_| value(&mut rng)).collect();
    let mut sum = SquareSum::default();
    let mut rest = whole.as_slice();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(1 + rng.below(1500)));
        let bench = &mut benches[rng.below(2)];
        bench.check_norm(&Grads::new(&Gradients::Fp32(piece)), 0x7f);
        sum.add_sum(&bench.squares());
        rest = after;
    }
    assert_eq!(sum, sum_of_squares(&whole));
}

/// Three times every power of two make ones in all bits from the lowest on, so one more of the smallest, as the run's last, carries
/// through 18 limbs before the sum stands.
#[test]
fn a_run_ends_only_when_the_last_carry_has_passed() {
    let mut bench = Bench::norm(1, "ideal", 44);
    let powers: Vec<f32> =
        (0..23).map(|bit| f32::from_bits(1 << bit)).chain((1..255).map(|e| f32::from_bits(e << 23))).collect();
    let mut run = powers.repeat(3);
    run.push(f32::from_bits(1));
    let mut expected = SquareSum::default();
    expected.words[554 / 64] = 1 << (554 % 64);
    assert_eq!(sum_of_squares(&run), expected);
    bench.check_norm(&Grads::new(&Gradients::from(&run)), 0xff);
    run.pop();
    run.extend([f32::MAX; 5000]);
    bench.check_norm(&Grads::new(&Gradients::from(&run)), 0xff);
}

fn busy(lanes: u32, n: usize) {
    let mut rng = Rng::new(45);
    let mut bench = Bench::norm(lanes, "ideal", 45);
    let run: Vec<f32> = (0..n).map(|_| value(&mut rng)).collect();
    let cycles = bench.check_norm(&Grads::new(&Gradients::from(&run)), 0xff);
    let used = n as f64 / (f64::from(lanes) * cycles as f64);
    println!("{n} elements in {cycles} cycles with {lanes} lanes: {used:.4} elements per lane and cycle");
    assert!(used >= 0.98, "{used:.4} elements per lane and cycle");
}

#[test]
fn four_lanes_are_busy() {
    busy(4, 1_000_000);
}

#[test]
fn one_lane_is_busy() {
    busy(1, 200_000);
}

#[test]
fn unusable_arguments_are_refused() {
    let mut rng = Rng::new(46);
    let mut bench = Bench::norm(4, "ideal", 46);
    let good = &dense(100, &mut rng)[0];
    let stream = &sparse(100, &mut rng)[0];
    let most = u64::from(abi::MAX_TOPK_ELEMENTS);
    let cases = [
        (good, abi::GRADS, 0x4030),
        (good, abi::ELEMENTS, 0),
        (good, abi::GRAD_FORMAT, 3),
        (good, abi::GRAD_FORMAT, 7),
        (good, abi::GRAD_FORMAT, 8),
        (stream, abi::GRAD_BYTES, 1000),
        (stream, abi::ELEMENTS, most + 1),
        (stream, abi::ELEMENTS, 1 << 31),
    ];
    for (grads, id, value) in cases {
        bench.give_norm(100, grads, 0xff);
        bench.argument(id, value);
        bench.run(10_000);
        assert_eq!(bench.error(), (error::ARGUMENT, id as u32, 0), "argument {id} = {value:#x}");
    }
    // A dense gradient does not look at the stream's bytes; the first of two wrong arguments is told.
    bench.give_norm(100, good, 0xff);
    bench.argument(abi::GRAD_BYTES, 1001);
    bench.run(10_000);
    assert_eq!(bench.error(), (error::NONE, 0, 0));
    bench.argument(abi::GRAD_FORMAT, 9);
    bench.argument(abi::ELEMENTS, 0);
    bench.run(10_000);
    assert_eq!(bench.error(), (error::ARGUMENT, abi::ELEMENTS as u32, 0));
    bench.check_norm(good, 0xff);
}

/// Errors of memory in the first, a middle and the last burst, and streams with every fault; each time the next run is right.
fn errors(lanes: u32, board: &str) {
    let seed = seed(&format!("gradient_norm errors on {board}"), 47);
    let mut rng = Rng::new(seed);
    let mut bench = Bench::norm(lanes, board, seed);
    let base = bench.bases[0];
    for grads in &dense(9_001, &mut rng) {
        let last = base + grads.bytes.len() as u64 - 1;
        for (at, response) in
            [(base, Response::SlaveError), (base + 2 * 4096 + 100, Response::DecodeError), (last, Response::SlaveError)]
        {
            bench.give_norm(grads.dense.len(), grads, 0xff);
            bench.sim.inject(Fault { address: at, bytes: 1, write: false, response });
            bench.run(1_000_000);
            assert_eq!(bench.error(), (error::AXI_READ, 0, base.max(at & !4095)), "{at:#x}");
            bench.sim.clear_faults();
            bench.check_norm(&dense(77, &mut rng)[rng.below(3)], 0x7f);
        }
    }
    for (name, fault, chunk, bytes) in malformed_streams() {
        let grads = Grads { code: abi::grad_format::TOPK, bytes, dense: Vec::new() };
        bench.give_norm(MALFORMED_ELEMENTS, &grads, 0xff);
        bench.run(2_000_000);
        assert_eq!(bench.error(), (error::STREAM, chunk, fault.into()), "{name}");
        let all = [dense(777, &mut rng), sparse(777, &mut rng)];
        bench.check_norm(&all[rng.below(2)][rng.below(3)], 0x7f);
    }
}

#[test]
fn errors_end_a_run_on_ideal_memory() {
    errors(4, "ideal");
}

#[test]
fn errors_end_a_run_on_hostile_memory() {
    errors(1, "hostile");
}

#[test]
fn a_reset_in_mid_run_is_forgotten_and_a_run_repeats_itself() {
    let seed = seed("gradient_norm reset", 48);
    let mut rng = Rng::new(seed);
    let mut bench = Bench::norm(4, "hostile", seed);
    for _ in 0..10 {
        bench.give_norm(5000, &dense(5000, &mut rng)[0], 0xff);
        bench.sim.start().unwrap();
        bench.sim.pass(rng.below(4000) as u64).unwrap();
        bench.sim.reset().unwrap();
        assert_eq!(bench.read(register::CONTROL), control::IDLE);
        bench.check_norm(&dense(99, &mut rng)[rng.below(3)], 0xff);
    }
    let all = sparse(700, &mut rng);
    all.iter().chain(&all).for_each(|grads| _ = bench.check_norm(grads, 0xff));
}
