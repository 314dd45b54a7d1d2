//! `nearfield bench compress`: how fast the largest elements of a gradient are found.

use super::super::console::Console;
use super::super::failure::Failure;
use clap::Args;
use nearfield::compress::{Amount, Compressor};
use nearfield::disk::Aligned;
use nearfield::topk::{encode, ValueFormat};
use rand::RngCore;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::num::NonZero;
use std::time::Instant;

#[derive(Args)]
pub struct Compress {
    /// Number of elements of the run.
    #[arg(long, default_value_t = 1 << 24, value_parser = clap::value_parser!(u32).range(1..=1 << 30))]
    elements: u32,
    /// The part to keep, above 0 and at most 1.
    #[arg(long, value_name = "K", default_value_t = 0.01)]
    ratio: f64,
    /// How values are stored: fp32, fp16 or bf16.
    #[arg(long, default_value = "fp16")]
    format: ValueFormat,
    /// Threads; without it one a core.
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
    /// How often each is done, in turn; the median counts.
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// Seed of the made-up gradient.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// What is printed with `--json`; rates in 10^9 elements a second.
#[derive(Serialize)]
struct Printed {
    elements: u32,
    kept: usize,
    format: ValueFormat,
    threads: usize,
    stream_bytes: usize,
    /// Reading the run and nothing else: what no compressor can be faster than.
    read_gelem_per_s: f64,
    /// Adding one run to another and nothing else, which moves 12 bytes an element: the same for error feedback.
    add_gelem_per_s: f64,
    /// Finding the largest elements.
    select_gelem_per_s: f64,
    /// The same, and writing the stream.
    stream_gelem_per_s: f64,
    /// Adding and keeping a residual, and writing the stream.
    feedback_gelem_per_s: f64,
}

impl Compress {
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let amount = Amount::Ratio(self.ratio);
        amount.of(u64::from(self.elements)).map_err(Failure::refused)?;
        let elements = u64::from(self.elements);
        let gradient = self.gradient();
        // In memory of the kind that `nearfield compress` reads into.
        let copy = || {
            let mut memory = Aligned::new(4 * gradient.len()).map_err(Failure::failed)?;
            memory.floats_mut()[..gradient.len()].copy_from_slice(&gradient);
            Ok::<_, Failure>(memory)
        };
        let mut copies = [copy()?, copy()?, copy()?];
        let [run, sums, grads] = copies.each_mut().map(|copy| &mut copy.floats_mut()[..gradient.len()]);
        let compressor = Compressor::new(self.threads);
        let threads = compressor.threads();
        let (mut bytes, mut kept) = (Vec::new(), 0);
        // What is left in `grads` becomes the gradient of the next round: values change, and so does what is kept.
        let mut times: [Vec<f64>; 5] = Default::default();
        // In turn, so that what else the machine does slows all of them.
        for _ in 0..self.rounds {
            let [reads, adds, selects, streams, feedbacks] = &mut times;
            timed(reads, || {
                read(run, threads);
                Ok(())
            })?;
            timed(adds, || {
                add(sums, run, threads);
                Ok(())
            })?;
            timed(selects, || {
                std::hint::black_box(compressor.select(run, amount)?);
                Ok(())
            })?;
            timed(streams, || {
                let selected = compressor.select(run, amount)?;
                bytes = encode(elements, self.format, &selected)?;
                kept = selected.len();
                Ok(())
            })?;
            timed(feedbacks, || {
                let step = compressor.with_feedback(grads, run, amount, self.format)?;
                std::hint::black_box(encode(elements, self.format, &step.kept)?);
                Ok(())
            })?;
        }
        let [read, add, select, stream, feedback] = times.map(|times| self.rate(times));
        let printed = Printed {
            elements: self.elements,
            kept,
            format: self.format,
            threads,
            stream_bytes: bytes.len(),
            read_gelem_per_s: read,
            add_gelem_per_s: add,
            select_gelem_per_s: select,
            stream_gelem_per_s: stream,
            feedback_gelem_per_s: feedback,
        };
        console.result(&printed, || text(&printed))
    }

    /// Draws that are about normal: the sum of four uniform ones.
    fn gradient(&self) -> Vec<f32> {
        let mut generator = ChaCha8Rng::seed_from_u64(self.seed);
        let uniform = |word: u64, shift: u32| (word >> shift & 0xffff) as f32 / 65_536.0 - 0.5;
        (0..self.elements)
            .map(|_| {
                let word = generator.next_u64();
                [0, 16, 32, 48].into_iter().map(|shift| uniform(word, shift)).sum()
            })
            .collect()
    }

    /// 10^9 elements a second at the median of these times.
    fn rate(&self, mut seconds: Vec<f64>) -> f64 {
        seconds.sort_by(f64::total_cmp);
        f64::from(self.elements) / seconds[seconds.len() / 2] / 1e9
    }
}

/// Does something, and notes how many seconds it took.
fn timed(seconds: &mut Vec<f64>, round: impl FnOnce() -> anyhow::Result<()>) -> Result<(), Failure> {
    let begun = Instant::now();
    round().map_err(Failure::failed)?;
    seconds.push(begun.elapsed().as_secs_f64());
    Ok(())
}

/// Reads the run on all threads.
fn read(run: &[f32], threads: usize) {
    std::thread::scope(|scope| {
        for part in run.chunks(run.len().div_ceil(threads).max(1)) {
            scope.spawn(move || {
                let mut any = [0; 64];
                for chunk in part.chunks_exact(any.len()) {
                    any.iter_mut().zip(chunk).for_each(|(any, value)| *any |= value.to_bits());
                }
                std::hint::black_box(any);
            });
        }
    });
}

/// Adds a run to another of its length on all threads.
fn add(sums: &mut [f32], run: &[f32], threads: usize) {
    let part = run.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        for (sums, run) in sums.chunks_mut(part).zip(run.chunks(part)) {
            scope.spawn(move || sums.iter_mut().zip(run).for_each(|(sum, value)| *sum += value));
        }
    });
}

fn text(printed: &Printed) -> String {
    let Printed { elements, kept, format, threads, stream_bytes, .. } = printed;
    format!(
        "{kept} of {elements} elements, {format}, {stream_bytes} bytes, {threads} threads\n\
         reading alone:        {:.3} Gelem/s\n\
         adding alone:         {:.3} Gelem/s\n\
         selecting:            {:.3} Gelem/s\n\
         and writing a stream: {:.3} Gelem/s\n\
         with error feedback:  {:.3} Gelem/s",
        printed.read_gelem_per_s,
        printed.add_gelem_per_s,
        printed.select_gelem_per_s,
        printed.stream_gelem_per_s,
        printed.feedback_gelem_per_s
    )
}
