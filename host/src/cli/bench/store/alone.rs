//! The update of a step from memory, and loops to compare it with.

use super::value;
use nearfield::device::soft::{Level, Soft};
use nearfield::device::{InPlace, Tensors};
use nearfield::gradients::{Gradients, HalfCopy, HalfFormat};
use nearfield_model::optimizer::{Coefficients, Hyper};
use std::num::NonZero;
use std::time::Instant;

/// A model in memory.
pub struct Alone {
    soft: Soft,
    k: Coefficients,
    threads: usize,
    params: Vec<f32>,
    states: Vec<Vec<f32>>,
    grads: Vec<f32>,
    half: Vec<u16>,
}

fn filled<T: Clone>(elements: u64, value: T) -> Option<Vec<T>> {
    let mut run = Vec::new();
    run.try_reserve_exact(elements as usize).ok()?;
    run.resize(elements as usize, value);
    Some(run)
}

impl Alone {
    /// `None` if there is no memory for it.
    pub fn new(hyper: Hyper, elements: u64, threads: Option<usize>) -> Option<Alone> {
        let k = hyper.coefficients(&hyper.next(&hyper.powers())).ok()?;
        let (mut params, mut grads) = (filled(elements, 0.0f32)?, filled(elements, 0.0f32)?);
        params.iter_mut().zip(0..).for_each(|(x, i)| *x = value(i));
        grads.iter_mut().zip(1..).for_each(|(x, i)| *x = value(i));
        let states = hyper.states().iter().map(|_| filled(elements, 1e-3)).collect::<Option<_>>()?;
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let half = filled(elements, 0)?;
        let (soft, threads) = (Soft::open(threads), threads.unwrap_or(cores));
        Some(Alone { soft, k, threads, params, states, grads, half })
    }

    /// Seconds of a step as `soft` does it.
    pub fn update(&mut self) -> f64 {
        self.step(false)
    }

    /// The same with the half-precision copy in the same pass.
    pub fn fused(&mut self) -> f64 {
        self.step(true)
    }

    fn step(&mut self, half: bool) -> f64 {
        let begun = Instant::now();
        let half = half.then_some(HalfCopy { format: HalfFormat::Bf16, into: &mut self.half });
        let states = self.states.iter_mut().map(Vec::as_mut_slice).collect();
        let tensors = Tensors { params: &mut self.params, states, grads: Gradients::Fp32(&self.grads), half };
        std::hint::black_box(self.soft.step(&self.k, 1.0, tensors));
        begun.elapsed().as_secs_f64()
    }

    /// The optimizer's vector loop over the same bytes: no check for overflow, no blocks.
    pub fn bare(&mut self) -> f64 {
        let begun = Instant::now();
        let each = self.params.len().div_ceil(self.threads).next_multiple_of(16);
        let (k, level) = (&self.k, Level::detect());
        std::thread::scope(|scope| {
            let mut states: Vec<_> = self.states.iter_mut().map(|state| state.chunks_mut(each)).collect();
            for (params, grads) in self.params.chunks_mut(each).zip(self.grads.chunks(each)) {
                let mut states: Vec<&mut [f32]> = states.iter_mut().filter_map(Iterator::next).collect();
                scope.spawn(move || level.step(k, params, &mut states, grads));
            }
        });
        begun.elapsed().as_secs_f64()
    }

    /// A step, and then the half-precision copy in a pass of its own.
    pub fn separate(&mut self) -> f64 {
        let begun = Instant::now();
        self.step(false);
        let each = self.params.len().div_ceil(self.threads).next_multiple_of(16);
        let level = Level::detect();
        std::thread::scope(|scope| {
            for (params, half) in self.params.chunks(each).zip(self.half.chunks_mut(each)) {
                scope.spawn(move || level.narrow(params, HalfCopy { format: HalfFormat::Bf16, into: half }));
            }
        });
        begun.elapsed().as_secs_f64()
    }
}
