//! The job of these tests: one step of AdamW on small tensors, started register by register.

use nearfield_abi::board::{unit_base, Board};
use nearfield_abi::kernel::{smartupdate as abi, ArgumentKind, KernelConfig};
use nearfield_abi::register;
use nearfield_model::optimizer::adamw::{self, Coefficients, Hyper};
use nearfield_sim::axi::Random;

use crate::host::Host;

/// Elements of each tensor: whole beats and a part of one.
pub const ELEMENTS: usize = 1001;
/// Bytes of each.
pub const BYTES: u64 = ELEMENTS as u64 * 4;
/// Done, idle and ready: what the control register of a run that has ended reads.
pub const ENDED: u32 = register::control::DONE | register::control::IDLE | register::control::READY;

/// Parameters, first moments, second moments, gradients.
pub fn tensors(seed: u64) -> [Vec<f32>; 4] {
    let mut random = Random::new(seed, 0);
    let mut tensor = |positive: bool| {
        let value = (0..ELEMENTS).map(|_| {
            let value = random.below(1 << 20) as f32 / 65536.0 - 8.0;
            if positive {
                value.abs()
            } else {
                value
            }
        });
        value.collect::<Vec<f32>>()
    };
    [tensor(false), tensor(false), tensor(true), tensor(false)]
}

fn coefficients() -> Coefficients {
    let hyper = Hyper::default();
    Coefficients::new(&hyper, &hyper.powers().next(hyper.beta1, hyper.beta2))
}

/// The bytes of the three tensors that a step changes.
pub fn stepped(mut tensors: [Vec<f32>; 4]) -> Vec<Vec<u8>> {
    let [p, m, v, g] = &mut tensors;
    adamw::step(&coefficients(), p, m, v, g);
    tensors[..3].iter().map(|tensor| bytes(tensor)).collect()
}

/// A tensor as it lies in memory.
pub fn bytes(tensor: &[f32]) -> Vec<u8> {
    tensor.iter().flat_map(|x| x.to_bits().to_le_bytes()).collect()
}

/// Starts a step: every word from the first argument to the last, gaps included, then the start bit.
pub fn start(host: &mut Host, unit: u32, pointers: [u64; 4]) {
    start_on(host, unit, pointers, ELEMENTS as u32);
}

/// The same on another number of elements.
pub fn start_on(host: &mut Host, unit: u32, pointers: [u64; 4], elements: u32) {
    let k = coefficients();
    let arguments = KernelConfig::smartupdate(1).unwrap().arguments();
    let last = arguments.last().unwrap().offset;
    let mut words = vec![0u32; ((last - register::ARGUMENTS) / 4 + 1) as usize];
    for (id, argument) in arguments.iter().enumerate() {
        let place = ((argument.offset - register::ARGUMENTS) / 4) as usize;
        match argument.kind {
            ArgumentKind::Pointer { .. } => {
                let address = pointers.get(id).copied().unwrap_or(0);
                words[place] = address as u32;
                words[place + 1] = (address >> 32) as u32;
            }
            _ => {
                words[place] = match id {
                    abi::ELEMENTS => elements,
                    abi::FLAGS => abi::flag::WEIGHT_DECAY,
                    abi::OPTIMIZER => abi::optimizer::ADAMW,
                    abi::GRAD_FORMAT => abi::grad_format::FP32,
                    abi::GRAD_BYTES => 0,
                    abi::HALF_FORMAT => abi::half_format::NONE,
                    abi::GRAD_SCALE => 1f32.to_bits(),
                    abi::BETA1 => k.beta1.to_bits(),
                    abi::C1 => k.c1.to_bits(),
                    abi::BETA2 => k.beta2.to_bits(),
                    abi::C2 => k.c2.to_bits(),
                    abi::BIAS2 => k.bias2.to_bits(),
                    abi::EPS => k.eps.to_bits(),
                    abi::STEP_SIZE => k.step_size.to_bits(),
                    abi::DECAY => k.decay.to_bits(),
                    _ => unreachable!("an argument of no meaning"),
                }
            }
        }
    }
    for (offset, word) in (register::ARGUMENTS..).step_by(4).zip(words) {
        assert!(host.set(unit_base(unit) + u64::from(offset), word));
    }
    assert!(host.set(unit_base(unit), register::control::START));
}

/// Reads a unit's register.
pub fn register(host: &mut Host, unit: u32, offset: u32) -> u32 {
    host.get(unit_base(unit) + u64::from(offset)).unwrap()
}

/// Addresses for a unit's tensors, each in the bank of its master.
pub fn places(unit: u32) -> [u64; 4] {
    places_on("ideal", unit)
}

/// The same on another board.
pub fn places_on(board: &str, unit: u32) -> [u64; 4] {
    let board = Board::from_name(board).unwrap();
    [0, 1, 2, 3].map(|i| board.bank_base(board.bank_of(unit, i)) + 0x10_0000 * u64::from(unit * 4 + i))
}
