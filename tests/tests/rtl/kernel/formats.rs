//! Gradients in every format and half copies in both, on memory that is not kind; streams that are malformed; what is not finite.

use super::bench::{coefficients, Bench, Tensors};
use nearfield::gradients::{GradientRun, Gradients, HalfFormat};
use nearfield::topk::{encode, Kept, ValueFormat};
use nearfield_abi::checksum::Checksum;
use nearfield_abi::kernel::smartupdate as abi;
use nearfield_abi::register::{self, error, stream};
use nearfield_abi::topk::fault;
use nearfield_tests::rng::{seed, Rng};

/// Around an element, half a beat, a beat and a page, with an even and an odd number of half beats; the last has two chunks.
const COUNTS: [usize; 13] = [1, 15, 16, 17, 31, 32, 33, 47, 49, 1007, 2049, 4099, 66_001];

/// Gradients of a run, as bytes and as what they mean.
pub struct Grads {
    pub code: u32,
    pub bytes: Vec<u8>,
    pub dense: Vec<f32>,
}

impl Grads {
    pub fn new(grads: &Gradients<'_>) -> Grads {
        Grads { code: grads.code(), bytes: grads.bytes().into_owned(), dense: grads.widened().into_owned() }
    }
}

/// Every format once; of the streams each with another density.
fn grads(tensors: &Tensors, rng: &mut Rng) -> Vec<Grads> {
    let run = &tensors.data[3];
    let sparse = ValueFormat::ALL.map(|format| {
        let out_of = [1, 3, 100][rng.below(3)];
        let mut kept = Kept::default();
        for (i, &x) in run.iter().enumerate() {
            if rng.one_in(out_of) {
                kept.push(i as u64, x);
            }
        }
        GradientRun::top_k(run.len() as u64, format, &kept).unwrap()
    });
    let dense = ValueFormat::ALL.map(|format| GradientRun::dense(run, format));
    dense.iter().chain(&sparse).map(|run| Grads::new(&run.parts()[0])).collect()
}

impl Bench {
    /// Writes gradients over those of the tensors, and their arguments.
    fn give(&mut self, grads: &Grads) {
        let base = self.bases[3];
        self.sim.write_memory(base, &grads.bytes).unwrap();
        self.argument(abi::GRAD_FORMAT, grads.code.into());
        self.argument(abi::GRAD_BYTES, grads.bytes.len() as u64);
    }

    fn sums(&mut self, name: &str) -> (u64, u64) {
        let number = self.config.streams().iter().position(|stream| stream.name == name).unwrap();
        let block = register::STREAMS + number as u32 * register::STREAM_STRIDE;
        (self.read64(block + stream::CHECKSUM_A), self.read64(block + stream::CHECKSUM_B))
    }

    /// A step with these gradients and a half copy, compared with the model, sums included.
    fn check_formats(&mut self, tensors: &Tensors, grads: &Grads, half: Option<HalfFormat>) {
        let n = tensors.data[0].len();
        let about = format!("{n} elements, grad_format {}, half copy {half:?}", grads.code);
        let k = coefficients(0.01);
        self.place(tensors);
        self.arguments(n, &k);
        self.give(grads);
        self.argument(abi::HALF_FORMAT, half.map_or(abi::half_format::NONE, HalfFormat::code).into());
        let guarded = vec![0xc3; 2 * n + 192];
        self.sim.write_memory(self.half - 64, &guarded).unwrap();
        self.run(400_000 + 100 * n as u64);
        assert_eq!(self.error(), (error::NONE, 0, 0), "{about}");

        let mut expected = tensors.clone();
        expected.data[3].clone_from(&grads.dense);
        let expected = expected.stepped(&k);
        for (t, name) in ["params", "exp_avg", "exp_avg_sq"].into_iter().enumerate() {
            let mut bytes = vec![0; 4 * n];
            self.sim.read_memory(self.bases[t], &mut bytes).unwrap();
            let words: &[u8] = bytemuck::cast_slice(&expected.data[t]);
            let differs = (0..n).find(|i| bytes[4 * i..4 * i + 4] != words[4 * i..4 * i + 4]);
            assert_eq!(differs, None, "{about}: an element of {name}");
        }
        let sum = Checksum::of(&grads.bytes);
        assert_eq!(self.sums("grads_read"), (sum.a, sum.b), "{about}");
        let nonfinite = grads.dense.iter().any(|g| !g.is_finite());
        assert_eq!(self.read(register::NONFINITE), u32::from(nonfinite), "{about}");

        let mut found = vec![0; guarded.len()];
        self.sim.read_memory(self.half - 64, &mut found).unwrap();
        let copy: Vec<u16> =
            half.map_or(Vec::new(), |format| expected.data[0].iter().map(|&p| format.round(p)).collect());
        let mut wanted = guarded;
        wanted[64..64 + 2 * copy.len()].copy_from_slice(bytemuck::cast_slice(&copy));
        assert!(found == wanted, "{about}: the copy, or what lies around it");
        let sum = Checksum::of(bytemuck::cast_slice(&copy));
        assert_eq!(self.sums("half_write"), (sum.a, sum.b), "{about}");
    }
}

fn formats(lanes: u32, board: &str) {
    let seed = seed(&format!("formats, {lanes} on {board}"), 31);
    let mut rng = Rng::new(seed);
    let mut bench = Bench::open(lanes, board, seed);
    let mut halves = [None, Some(HalfFormat::Fp16), Some(HalfFormat::Bf16)].into_iter().cycle();
    for n in COUNTS {
        let tensors = Tensors::random(n, &mut rng);
        for grads in grads(&tensors, &mut rng) {
            bench.check_formats(&tensors, &grads, halves.next().unwrap());
        }
        // Six formats and three halves: the next count has other pairs.
        halves.next();
    }
}

#[test]
fn one_lane_takes_every_format_on_hostile_memory() {
    formats(1, "hostile");
}

#[test]
fn four_lanes_take_every_format_on_hostile_memory() {
    formats(4, "hostile");
}

#[test]
fn four_lanes_take_every_format_on_ideal_memory() {
    formats(4, "ideal");
}

#[test]
fn what_is_not_finite_is_told_and_what_lies_past_the_end_is_not() {
    let mut bench = Bench::open(4, "ideal", 32);
    let n = 1003;
    let tensors = Tensors::random(n, &mut Rng::new(32));
    for code in [abi::grad_format::FP32, abi::grad_format::FP16, abi::grad_format::BF16] {
        for at in [None, Some(0), Some(1), Some(n / 2), Some(n - 1), Some(n), Some(n + 1), Some(1023)] {
            let width = abi::grad_format::value_bytes(code).unwrap() as usize;
            let mut bytes = vec![0x11; 1024 * width];
            if let Some(at) = at {
                bytes[width * (at + 1) - 1] = 0x7f;
                bytes[width * (at + 1) - 2] = 0x80;
                bytes[width * (at + 1) - 2] |= if code == abi::grad_format::FP16 { 0x7c } else { 0 };
            }
            bench.place(&tensors);
            bench.arguments(n, &coefficients(0.0));
            bench.sim.write_memory(bench.bases[3], &bytes).unwrap();
            bench.argument(abi::GRAD_FORMAT, code.into());
            bench.run(100_000);
            assert_eq!(bench.error(), (error::NONE, 0, 0));
            let expected = at.is_some_and(|at| at < n);
            assert_eq!(
                bench.read(register::NONFINITE),
                u32::from(expected),
                "format {code}, infinity at {at:?} of {n}"
            );
        }
    }
}

/// Elements of [`malformed_streams`].
pub const MALFORMED_ELEMENTS: usize = 3 * 65_536 + 100;

/// Streams of binary32 with a fault each: what it is called, its code, its chunk, the bytes.
pub fn malformed_streams() -> [(&'static str, u32, u32, Vec<u8>); 10] {
    let n = MALFORMED_ELEMENTS;
    let mut kept = Kept::default();
    (0..n as u64).filter(|i| i % 97 == 3).for_each(|i| kept.push(i, 1.0));
    let good = encode(n as u64, ValueFormat::Fp32, &kept).unwrap();
    // Header, a table of a beat, and 22 groups of 192 bytes in each whole chunk.
    let chunk = |number: usize| 128 + number * 22 * 192;
    let swapped = |at: usize| {
        let mut bytes = good.clone();
        bytes.swap(at, at + 2);
        bytes.swap(at + 1, at + 3);
        bytes
    };
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] ^= byte;
        bytes
    };
    [
        ("magic", fault::HEADER, 0, with(1, 1)),
        ("elements", fault::HEADER, 0, with(16, 1)),
        ("count", fault::COUNT, 1, with(64 + 16 + 3, 1)),
        ("sum of counts", fault::COUNT, 3, with(24, 1)),
        ("order", fault::ORDER, 1, swapped(chunk(1) + 10)),
        ("value", fault::CHECKSUM, 2, with(chunk(2) + 64 + 7, 0x40)),
        ("checksum", fault::CHECKSUM, 0, with(64 + 8, 4)),
        ("truncated", fault::TRUNCATED, 2, good[..chunk(2) + 640].to_vec()),
        ("surplus", fault::SURPLUS, 3, [good.as_slice(), &[0; 64]].concat()),
        ("empty", fault::TRUNCATED, 0, Vec::new()),
    ]
}

/// Each fault ends the run with its code and chunk, on memory that is slow and on memory that is not; then a good stream is done well.
fn malformed(lanes: u32, board: &str) {
    let seed = seed(&format!("malformed, {lanes} on {board}"), 33);
    let mut rng = Rng::new(seed);
    let mut bench = Bench::open(lanes, board, seed);
    let n = MALFORMED_ELEMENTS;
    let tensors = Tensors::random(n, &mut rng);
    for (name, fault, number, bytes) in malformed_streams() {
        bench.place(&tensors);
        bench.arguments(n, &coefficients(0.01));
        bench.give(&Grads { code: abi::grad_format::TOPK, bytes, dense: Vec::new() });
        bench.run(2_000_000);
        assert_eq!(bench.error(), (error::STREAM, number, fault.into()), "{name}");
        let few = Tensors::random(777, &mut rng);
        let all = grads(&few, &mut rng);
        bench.check_formats(&few, &all[3 + rng.below(3)], Some(HalfFormat::Bf16));
    }
}

#[test]
fn a_malformed_stream_ends_the_run_on_ideal_memory() {
    malformed(4, "ideal");
}

#[test]
fn a_malformed_stream_ends_the_run_on_hostile_memory() {
    malformed(1, "hostile");
}
