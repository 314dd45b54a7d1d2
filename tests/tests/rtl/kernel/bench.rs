//! A kernel on a board, and the tensors of a `smartupdate`.

use nearfield_abi::board::Board;
use nearfield_abi::checksum::Checksum;
use nearfield_abi::kernel::{smartupdate as abi, ArgumentKind, KernelConfig};
use nearfield_abi::register::{self, error, stream};
use nearfield_model::optimizer::adamw::{self, Coefficients, Hyper};
use nearfield_sim::{KernelSim, Options};
use nearfield_tests::rng::Rng;

/// Bytes on each side of a tensor that must stay as they are.
const GUARD: u64 = 64;

/// The four tensors of a run.
#[derive(Clone, Debug)]
pub struct Tensors {
    /// Parameters, first moments, second moments, gradients: the order of the masters.
    pub data: [Vec<f32>; 4],
}

/// Equal means bit for bit: NaN equals itself, and 0 is not -0.
impl PartialEq for Tensors {
    fn eq(&self, other: &Tensors) -> bool {
        let bits = |t: &Vec<f32>| t.iter().map(|x| x.to_bits()).collect::<Vec<u32>>();
        self.data.iter().map(bits).eq(other.data.iter().map(bits))
    }
}

impl Tensors {
    /// `n` elements, corners among them.
    pub fn random(n: usize, rng: &mut Rng) -> Tensors {
        let mut value = |positive: bool| {
            let bits = match rng.below(16) {
                0 => [0, 0x8000_0000, 1, 0x007f_ffff, 0x0080_0000, 0x7f7f_ffff, 0x3f80_0000][rng.below(7)],
                // Exponents around one, so that most results are ordinary numbers.
                _ => (rng.word() as u32 & 0x807f_ffff) | ((100 + rng.below(40) as u32) << 23),
            };
            f32::from_bits(if positive { bits & 0x7fff_ffff } else { bits })
        };
        let mut tensor = |positive| (0..n).map(|_| value(positive)).collect();
        Tensors { data: [tensor(false), tensor(false), tensor(true), tensor(false)] }
    }

    /// What the step makes of them.
    pub fn stepped(&self, k: &Coefficients) -> Tensors {
        let mut after = self.clone();
        let [p, m, v, g] = &mut after.data;
        adamw::step(k, p, m, v, g);
        after
    }
}

/// Coefficients of some step, with or without weight decay.
pub fn coefficients(weight_decay: f64) -> Coefficients {
    let hyper = Hyper { weight_decay, ..Hyper::default() };
    Coefficients::new(&hyper, &hyper.powers().next(hyper.beta1, hyper.beta2))
}

/// A kernel, and where its tensors lie.
pub struct Bench {
    pub sim: KernelSim,
    pub config: KernelConfig,
    pub bases: [u64; 4],
    /// Where a half copy goes, if one is asked for.
    pub half: u64,
}

impl Bench {
    /// Opens a board with a `smartupdate`; tensors lie in different banks where there are some, at different places of a page.
    pub fn open(lanes: u32, board: &str, seed: u64) -> Bench {
        Bench::of(KernelConfig::smartupdate(lanes).expect("such a kernel exists"), board, seed)
    }

    /// The same with any kernel.
    pub fn of(config: KernelConfig, board: &str, seed: u64) -> Bench {
        let board = Board::from_name(board).expect("such a board exists");
        let sim = KernelSim::open(config, board, Options { seed, ..Options::default() })
            .unwrap_or_else(|e| panic!("{} on {}: {e}", config.name(), board.name));
        let base = |i: u32| board.bank_base(i % board.banks) + 0x10_0000 * u64::from(i + 1);
        let bases = [base(0), base(1) + 64, base(2) + 4096 - 64, base(3) + 2048];
        Bench { sim, config, bases, half: base(7) + 192 }
    }

    pub fn argument(&mut self, id: usize, value: u64) {
        let argument = self.config.arguments()[id];
        self.sim.write_register(argument.offset, value as u32).unwrap();
        if matches!(argument.kind, ArgumentKind::Pointer { .. }) {
            self.sim.write_register(argument.offset + 4, (value >> 32) as u32).unwrap();
        }
    }

    pub fn read(&mut self, offset: u32) -> u32 {
        self.sim.read_register(offset).unwrap()
    }

    pub fn read64(&mut self, offset: u32) -> u64 {
        u64::from(self.read(offset)) | u64::from(self.read(offset + 4)) << 32
    }

    /// Writes tensors and the bytes around them.
    pub fn place(&mut self, tensors: &Tensors) {
        for (base, tensor) in self.bases.iter().zip(&tensors.data) {
            let bytes: Vec<u8> = tensor.iter().flat_map(|x| x.to_bits().to_le_bytes()).collect();
            self.sim.write_memory(base - GUARD, &[0xa5; GUARD as usize]).unwrap();
            self.sim.write_memory(*base, &bytes).unwrap();
            self.sim.write_memory(base + bytes.len() as u64, &[0x5a; GUARD as usize]).unwrap();
        }
    }

    /// Reads tensors back, and checks that the bytes around them are as they were.
    pub fn fetch(&self, n: usize) -> Tensors {
        let data = self.bases.map(|base| {
            let mut bytes = vec![0; 4 * n];
            let mut guard = [0; GUARD as usize];
            self.sim.read_memory(base - GUARD, &mut guard).unwrap();
            assert_eq!(guard, [0xa5; GUARD as usize], "bytes before a tensor were written");
            self.sim.read_memory(base, &mut bytes).unwrap();
            self.sim.read_memory(base + 4 * n as u64, &mut guard).unwrap();
            assert_eq!(guard, [0x5a; GUARD as usize], "bytes after a tensor of {n} elements were written");
            bytes.chunks(4).map(|w| f32::from_le_bytes([w[0], w[1], w[2], w[3]])).collect()
        });
        Tensors { data }
    }

    /// Writes all arguments for a step on `n` elements.
    pub fn arguments(&mut self, n: usize, k: &Coefficients) {
        let flags = if k.weight_decay { abi::flag::WEIGHT_DECAY } else { 0 };
        let [params, exp_avg, exp_avg_sq, grads] = self.bases;
        let values = [
            (abi::PARAMS, params),
            (abi::EXP_AVG, exp_avg),
            (abi::EXP_AVG_SQ, exp_avg_sq),
            (abi::GRADS, grads),
            (abi::HALF, self.half),
            (abi::ELEMENTS, n as u64),
            (abi::FLAGS, flags.into()),
            (abi::OPTIMIZER, abi::optimizer::ADAMW.into()),
            (abi::GRAD_FORMAT, abi::grad_format::FP32.into()),
            (abi::GRAD_BYTES, 0),
            (abi::HALF_FORMAT, abi::half_format::NONE.into()),
            (abi::GRAD_SCALE, 1.0f32.to_bits().into()),
            (abi::BETA1, k.beta1.to_bits().into()),
            (abi::C1, k.c1.to_bits().into()),
            (abi::BETA2, k.beta2.to_bits().into()),
            (abi::C2, k.c2.to_bits().into()),
            (abi::BIAS2, k.bias2.to_bits().into()),
            (abi::EPS, k.eps.to_bits().into()),
            (abi::STEP_SIZE, k.step_size.to_bits().into()),
            (abi::DECAY, k.decay.to_bits().into()),
        ];
        for (id, value) in values {
            self.argument(id, value);
        }
    }

    /// Starts and waits; returns the kernel's own count of cycles.
    pub fn run(&mut self, max_cycles: u64) -> u64 {
        self.sim.start().unwrap();
        self.sim.run_until_done(max_cycles).unwrap_or_else(|e| panic!("{e}"));
        self.read64(register::CYCLES)
    }

    /// Error code, port and address.
    pub fn error(&mut self) -> (u32, u32, u64) {
        (self.read(register::ERROR_CODE), self.read(register::ERROR_PORT), self.read64(register::ERROR_ADDRESS))
    }

    /// A whole step on `tensors`, compared with the model.
    pub fn check_step(&mut self, tensors: &Tensors, k: &Coefficients) -> u64 {
        let n = tensors.data[0].len();
        self.place(tensors);
        self.arguments(n, k);
        let cycles = self.run(200_000 + 100 * n as u64);
        assert_eq!(self.error(), (error::NONE, 0, 0), "{n} elements");
        let (got, expected) = (self.fetch(n), tensors.stepped(k));
        for (t, name) in ["params", "exp_avg", "exp_avg_sq", "grads"].into_iter().enumerate() {
            for i in 0..n {
                let (got, expected) = (got.data[t][i].to_bits(), expected.data[t][i].to_bits());
                assert_eq!(got, expected, "{name}[{i}] of {n}: {got:08x} instead of {expected:08x}");
            }
        }
        let beats = n.div_ceil(16) as u64;
        for (s, carried) in self.config.streams().iter().enumerate() {
            let block = register::STREAMS + s as u32 * register::STREAM_STRIDE;
            let used = carried.name != "half_write";
            assert_eq!(
                self.read64(block + stream::BEATS),
                if used { beats } else { 0 },
                "beats of stream {s} at {n} elements"
            );
            let from = if carried.read { tensors } else { &expected };
            let bytes: &[u8] = bytemuck::cast_slice(&from.data[carried.master as usize]);
            let sum = if used { Checksum::of(bytes) } else { Checksum::default() };
            let found = (self.read64(block + stream::CHECKSUM_A), self.read64(block + stream::CHECKSUM_B));
            assert_eq!(found, (sum.a, sum.b), "checksum of stream {s} at {n} elements");
        }
        cycles
    }
}
