//! The sum of squares of a gradient as the specification has it (`nearfield_model::gradient_norm`), fast, and on a device with the
//! kernel `gradient_norm`.
//!
//! Squares of significands are integers of 48 bits, so 2^15 of one exponent add up in 64 bits: a thread keeps a sum an
//! exponent and moves them into the wide accumulator before they can overflow. Exact sums do not depend on who adds what.

use crate::device::{Buffer, Device, DeviceError, Value};
use crate::gradients::Gradients;
use crate::step::{piece_elements, pieces, run_bound, verify};
use nearfield_abi::kernel::gradient_norm as argument;
use nearfield_abi::kernel::Kernel;
use nearfield_model::gradient_norm::SquareSum;
use std::num::NonZero;

/// Squares that are added to one sum before it is moved, and a few at a run's end: 2^16 of 48 bits would overflow 64.
const SQUARES: usize = 1 << 15;
/// Values that go into sums of their own, one after another, so that none waits for the sum before it.
const WAYS: usize = 4;
/// Below this many elements a thread costs more than it brings.
const ELEMENTS_WORTH_A_THREAD: usize = 1 << 16;

/// The exact sum of squares of gradients, and whether one was infinite or NaN, by a device that [`crate::device::open_kernel`] opened
/// with [`Kernel::GradientNorm`]; `soft` does it on the host's own cores. Runs that do not fit the device's memory go there in
/// pieces. The kernel's checksum of what it read is compared with the host's.
///
/// # Errors
///
/// [`DeviceError::OtherKernel`] before anything runs, [`DeviceError::Corrupted`], and what the device fails with.
pub fn on_device(device: &mut dyn Device, grads: &Gradients<'_>) -> Result<SquareSum, DeviceError> {
    if device.in_place().is_some() {
        return Ok(grads.sum_of_squares());
    }
    if device.describe().kernel.kernel != Kernel::GradientNorm {
        return Err(other_kernel(device));
    }
    if grads.is_empty() {
        return Ok(SquareSum::default());
    }
    let piece = piece_elements(device, grads.granule() as u64).min(grads.len() as u64) as usize;
    let bytes = pieces(grads.len(), piece).map(|here| grads.part(here).byte_length()).max().unwrap_or(0);
    let bank = device.describe().argument_banks[argument::GRADS].unwrap_or(0);
    let buffer = device.allocate(bytes, bank)?;
    let sum = pieces(grads.len(), piece).try_fold(SquareSum::default(), |mut sum, here| {
        sum.add_sum(&of_piece(device, &buffer, &grads.part(here))?);
        Ok(sum)
    });
    device.release(buffer);
    sum
}

/// One start of the kernel.
fn of_piece(device: &mut dyn Device, buffer: &Buffer, grads: &Gradients<'_>) -> Result<SquareSum, DeviceError> {
    let bytes = grads.bytes();
    device.write(buffer, 0, &bytes)?;
    let mut list = vec![Value::Pointer(*buffer); argument::GRAD_BYTES + 1];
    list[argument::ELEMENTS] = Value::U32(grads.len() as u32);
    list[argument::GRAD_FORMAT] = Value::U32(grads.code());
    list[argument::GRAD_BYTES] = Value::U32(bytes.len() as u32);
    device.start(&list)?;
    device.wait(run_bound(device, grads.len()))?;
    let Some(counters) = device.counters()? else { return Err(other_kernel(device)) };
    verify(&device.describe().kernel, &counters, argument::GRADS, true, &bytes)?;
    tracing::debug!(elements = grads.len(), cycles = counters.cycles, "the squares of a piece are summed");
    counters.squares.ok_or_else(|| other_kernel(device))
}

fn other_kernel(device: &dyn Device) -> DeviceError {
    let about = device.describe();
    DeviceError::OtherKernel {
        device: about.name.clone(),
        has: about.kernel.kernel.name(),
        wanted: Kernel::GradientNorm.name(),
    }
}

/// The exact sum of squares of a run, on this many threads or one a core.
pub fn sum_of_squares(run: &[f32], threads: Option<NonZero<usize>>) -> SquareSum {
    let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = threads.map_or_else(cores, NonZero::get).min(run.len().div_ceil(ELEMENTS_WORTH_A_THREAD)).max(1);
    if threads == 1 {
        return on_this_thread(run);
    }
    std::thread::scope(|scope| {
        let share = run.len().div_ceil(threads);
        let spawned: Vec<_> = run.chunks(share).map(|part| scope.spawn(move || on_this_thread(part))).collect();
        let mut sum = SquareSum::default();
        for thread in spawned {
            match thread.join() {
                Ok(part) => sum.add_sum(&part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        sum
    })
}

fn on_this_thread(run: &[f32]) -> SquareSum {
    let mut sum = SquareSum::default();
    let mut sums = [[0u64; 256]; WAYS];
    for part in run.chunks(WAYS * SQUARES) {
        let (groups, rest) = part.as_chunks::<WAYS>();
        for group in groups {
            for (sums, &value) in sums.iter_mut().zip(group) {
                add(sums, value);
            }
        }
        for &value in rest {
            add(&mut sums[0], value);
        }
        for sums in &mut sums {
            drain(sums, &mut sum);
        }
    }
    sum
}

/// Adds a square to the sum of its exponent, the biased one: a branch for subnormals would cost more than what [`drain`] does.
fn add(sums: &mut [u64; 256], value: f32) {
    let bits = value.to_bits();
    let exponent = (bits >> 23 & 0xff) as usize;
    let significand = u64::from(bits & 0x007f_ffff) | u64::from(exponent != 0) << 23;
    // Of what is not finite a trace must stay: the significand is not zero.
    sums[exponent] += significand * significand;
}

/// Moves the sums into the wide one.
fn drain(sums: &mut [u64; 256], into: &mut SquareSum) {
    for (exponent, squares) in (0..).zip(sums) {
        match (exponent, std::mem::take(squares)) {
            (_, 0) => {}
            (0xff, _) => into.nonfinite = true,
            (_, squares) => into.add_squares(squares, u32::saturating_sub(exponent, 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topk::tests::Draw;
    use nearfield_model::gradient_norm::sum_of_squares as specified;

    #[test]
    fn it_is_the_specified_sum_to_the_bit() {
        let mut draw = Draw(5);
        for elements in [0, 1, 3, 4, 5, 1000, WAYS * SQUARES - 1, WAYS * SQUARES + 5, 3 * ELEMENTS_WORTH_A_THREAD + 7] {
            let any: Vec<f32> = (0..elements).map(|_| f32::from_bits(draw.next() as u32)).collect();
            let finite: Vec<f32> = any.iter().map(|value| f32::from_bits(value.to_bits() & 0xff7f_ffff)).collect();
            let subnormal: Vec<f32> = any.iter().map(|value| f32::from_bits(value.to_bits() & 0x807f_ffff)).collect();
            let tiny: Vec<f32> = any.iter().map(|value| f32::from_bits(value.to_bits() & 0x80ff_ffff)).collect();
            for run in [any, finite, subnormal, tiny] {
                for threads in [1, 2, 3] {
                    assert_eq!(sum_of_squares(&run, NonZero::new(threads)), specified(&run), "{elements}");
                }
            }
        }
    }

    /// The most that is added before the sums are moved, in one exponent, with the largest significand.
    #[test]
    fn sums_of_one_exponent_do_not_overflow() {
        for value in [f32::MAX, -f32::from_bits(0x3fff_ffff), f32::from_bits(0x007f_ffff)] {
            for elements in [3 * WAYS * SQUARES + 1, WAYS * SQUARES - 1] {
                let run = vec![value; elements];
                assert_eq!(sum_of_squares(&run, NonZero::new(1)), specified(&run));
            }
        }
    }

    #[test]
    fn one_value_that_is_not_finite_is_seen() {
        let mut run = vec![1.0; 100_003];
        for place in [0, 50_000, 100_002] {
            for value in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
                run[place] = value;
                let sum = sum_of_squares(&run, None);
                assert!(sum.nonfinite && sum == specified(&run));
            }
            run[place] = 1.0;
        }
    }
}
