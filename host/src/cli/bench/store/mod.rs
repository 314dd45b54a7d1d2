//! `nearfield bench store`: a step of a store against what its drives and the update take by themselves.

mod alone;
mod plain;

use super::super::console::Console;
use super::super::failure::Failure;
use super::super::place::Bytes;
use alone::Alone;
use anyhow::{anyhow, Context};
use clap::Args;
use nearfield::device::soft::Soft;
use nearfield::disk;
use nearfield::handler::{self, SharedDevice, Work, DEFAULT_MEMORY};
use nearfield::safetensors::{ElementType, RunWriter, Shards};
use nearfield::source::Dense;
use nearfield::store::{create, Contents, Model, Next, Store, StoreError, TensorEntry};
use nearfield_model::optimizer::{Hyper, Optimizer};
use plain::Plain;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

#[derive(Args)]
pub struct BenchStore {
    /// A folder on the drive that is measured; a store of 24 bytes an element and gradients of 4 are made in it, and removed.
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Number of elements.
    #[arg(long, default_value_t = 1 << 28, value_parser = clap::value_parser!(u64).range(1024..=1 << 36))]
    elements: u64,
    /// How often each is done, in turn; the median counts.
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// The optimizer: adam, adamw, adagrad, sgd or lion.
    #[arg(long, value_name = "NAME", default_value = "adamw", value_parser = super::super::optimizer::optimizer)]
    optimizer: Optimizer,
    /// Threads of the update; without it one a core.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// The most memory for the step's buffers.
    #[arg(long, value_name = "BYTES", default_value_t = Bytes(DEFAULT_MEMORY))]
    memory: Bytes,
}

/// What is printed with `--json`. Times are medians, in seconds; ratios are medians of the rounds' own.
#[derive(Serialize)]
struct Printed {
    elements: u64,
    rounds: u32,
    optimizer: &'static str,
    /// Whether files went past the page cache.
    direct: bool,
    piece_elements: u64,
    /// A step of the store, with reading, updating, writing, syncing and committing.
    step_seconds: f64,
    /// The same reads and writes with the same pieces and as many at once, and nothing else.
    plain_seconds: f64,
    /// The update alone, from memory.
    update_seconds: f64,
    /// The slower of the two by the step.
    step_of_slower: f64,
    /// The vector loop of the optimizer and nothing else.
    loop_seconds: f64,
    /// That by the update.
    update_of_loop: f64,
    /// The update with its half-precision copy.
    fused_seconds: f64,
    /// The update, and the copy in a pass of its own.
    separate_seconds: f64,
    /// That by the former.
    separate_by_fused: f64,
    read_bytes_per_second: f64,
    write_bytes_per_second: f64,
    update_elements_per_second: f64,
    buffer_bytes: u64,
    memory_bytes: u64,
    /// The most memory that the process had while it did the first step, less what it had before.
    peak_bytes: Option<u64>,
    steps: Vec<f64>,
    plains: Vec<f64>,
    updates: Vec<f64>,
}

impl BenchStore {
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let place = tempfile::Builder::new()
            .prefix(".nearfield-bench-")
            .tempdir_in(&self.folder)
            .with_context(|| format!("{} cannot be written; name another --folder", self.folder.display()))
            .map_err(Failure::refused)?;
        let hyper = Hyper::of(self.optimizer);
        let model = Model::new(vec![TensorEntry { name: "w".into(), shape: vec![self.elements] }], hyper);
        let bar = console.progress("rounds", u64::from(self.rounds) + 1);
        let grads = place.path().join("grads.safetensors");
        self.write_gradients(&grads, &model.tensors)
            .context("cannot write gradients; make room")
            .map_err(Failure::failed)?;
        let folders = [place.path().join("store")];
        create(&disk::system(), &folders, Contents::new(model), |run, begin, into| {
            into.iter_mut().zip(begin..).for_each(|(x, i)| *x = if run == 0 { value(i) } else { 1e-3 });
            Ok::<(), StoreError>(())
        })?;
        let mut store = Store::open(&folders)?;
        let dense = Dense::open(Shards::open(&grads)?, &store.manifest().tensors)?;
        let source = Arc::new(dense);
        let soft: SharedDevice = Arc::new(Mutex::new(Box::new(Soft::open(self.threads))));
        let step = |store: &mut Store| -> Result<(f64, handler::Report), Failure> {
            let powers = store.hyper().next(&store.powers());
            let k = store.hyper().coefficients(&powers).map_err(Failure::refused)?;
            let (source, memory) = (source.clone(), self.memory.0);
            let work = Work { coefficients: vec![k], scale: 1.0, source, feedback: None, half: None, memory };
            let next = Next { powers, loss_scale: None, record: None };
            let begun = Instant::now();
            let report = handler::step(store, std::slice::from_ref(&soft), &work, next, &mut |_| ())?;
            Ok((begun.elapsed().as_secs_f64(), report))
        };
        // The first is not counted: it makes the second set's blocks, which later steps write over.
        let before = resident();
        forget_peak();
        let (_, report) = step(&mut store)?;
        let peak_bytes = peak().zip(before).map(|(peak, before)| peak.saturating_sub(before));
        bar.inc(1);
        let mut alone = Alone::new(hyper, self.elements, self.threads).ok_or_else(|| {
            let bytes = self.elements * 4 * (hyper.states().len() as u64 + 2);
            Failure::failed(anyhow!("there is no memory for {bytes} bytes; give fewer --elements"))
        })?;
        let plain = Plain::new(&store, source.clone(), report.piece_elements);
        let mut times: [Vec<f64>; 8] = Default::default();
        for round in 0..self.rounds as usize {
            let io = |error: std::io::Error| Failure::failed(anyhow!(error).context("the plain transfers failed"));
            // Each comes first as often as the others, and before its neighbours as often as after them: what ran before leaves caches
            // and clocks as it likes.
            for turn in 0..times.len() {
                let turn = if round % 2 == 0 { turn } else { times.len() - 1 - turn };
                let which = (round / 2 + turn) % times.len();
                times[which].push(match which {
                    0 => step(&mut store)?.0,
                    1 => plain.both(&store).map_err(io)?,
                    2 => alone.update(),
                    3 => alone.bare(),
                    4 => alone.fused(),
                    5 => alone.separate(),
                    6 => plain.read(&store).map_err(io)?,
                    _ => plain.write(&store).map_err(io)?,
                });
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        let [steps, plains, updates, loops, fused, separate, reads, writes] = times;
        let slower = plains.iter().zip(&updates).map(|(plain, update)| plain.max(*update));
        let (read_bytes, written_bytes) = plain.bytes();
        let printed = Printed {
            elements: self.elements,
            rounds: self.rounds,
            optimizer: self.optimizer.name(),
            direct: report.devices[0].direct,
            piece_elements: report.piece_elements,
            step_seconds: median(steps.iter().copied()),
            plain_seconds: median(plains.iter().copied()),
            update_seconds: median(updates.iter().copied()),
            step_of_slower: median(slower.zip(&steps).map(|(slower, step)| slower / step)),
            loop_seconds: median(loops.iter().copied()),
            update_of_loop: median(loops.iter().zip(&updates).map(|(bare, update)| bare / update)),
            fused_seconds: median(fused.iter().copied()),
            separate_seconds: median(separate.iter().copied()),
            separate_by_fused: median(separate.iter().zip(&fused).map(|(separate, fused)| separate / fused)),
            read_bytes_per_second: read_bytes as f64 / median(reads.iter().copied()),
            write_bytes_per_second: written_bytes as f64 / median(writes.iter().copied()),
            update_elements_per_second: self.elements as f64 / median(updates.iter().copied()),
            buffer_bytes: report.buffer_bytes,
            memory_bytes: self.memory.0,
            peak_bytes,
            steps,
            plains,
            updates,
        };
        console.result(&printed, || text(&printed))
    }

    fn write_gradients(&self, path: &Path, tensors: &[TensorEntry]) -> std::io::Result<()> {
        let file = RunWriter::create(path, ElementType::F32, tensors)?;
        let mut piece = Vec::new();
        for begin in (0..self.elements).step_by(1 << 20) {
            let end = self.elements.min(begin + (1 << 20));
            piece.clear();
            piece.extend((begin..end).map(|i| value(i + 1)));
            file.write(begin, bytemuck::cast_slice(&piece))?;
        }
        file.finish()
    }
}

/// A made-up element.
fn value(i: u64) -> f32 {
    (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f32 / (1 << 23) as f32 - 1.0
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Makes the system forget the most memory that this process had.
fn forget_peak() {
    // Where it cannot, the figure is larger than it should be, never smaller.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The most memory that this process had.
fn peak() -> Option<u64> {
    status("VmHWM:")
}

/// The memory that it has.
fn resident() -> Option<u64> {
    status("VmRSS:")
}

fn status(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

fn text(printed: &Printed) -> String {
    let p = printed;
    let through =
        if p.direct { "past the page cache" } else { "through the page cache: the file system has no direct I/O" };
    let peak = p.peak_bytes.map_or("unknown".into(), |bytes| format!("{} MiB", bytes >> 20));
    format!(
        "{} elements, {}, {} rounds, {through}, pieces of {} elements\n\
         a step:                 {:.3} s\n\
         its transfers alone:    {:.3} s ({:.2} GB/s read, {:.2} GB/s written when alone)\n\
         its update alone:       {:.3} s ({:.3} Gelem/s)\n\
         the slower by the step: {:.3}\n\
         vector loop by update:  {:.3}\n\
         update and half copy:   {:.3} s in one pass, {:.3} s in two: {:.3}\n\
         memory of a step:       {peak}, of which buffers {} MiB; allowed {} MiB",
        p.elements,
        p.optimizer,
        p.rounds,
        p.piece_elements,
        p.step_seconds,
        p.plain_seconds,
        p.read_bytes_per_second / 1e9,
        p.write_bytes_per_second / 1e9,
        p.update_seconds,
        p.update_elements_per_second / 1e9,
        p.step_of_slower,
        p.update_of_loop,
        p.fused_seconds,
        p.separate_seconds,
        p.separate_by_fused,
        p.buffer_bytes >> 20,
        p.memory_bytes >> 20,
    )
}
