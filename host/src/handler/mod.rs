//! The transfer handler: one optimizer step of a store, its devices side by side.
//!
//! Each device reads piece k + 1, updates piece k and writes piece k − 1 at the same time, and waits for no other device. A piece is a
//! run of elements within a subgroup, a few MiB a tensor; it lives in one of a fixed set of buffers, whose total is known before the
//! step begins ([`Plan`]). Files are read and written past the page cache where the file system can.
//!
//! What is read is compared with the checksums of the set it belongs to, what is written is summed up for the next one. Nothing that
//! goes wrong here changes the store: until [`Store::commit`] the new set counts for nothing.

mod accumulate;
mod error;
mod half;
mod io;
mod peer;
mod pipeline;
mod plan;
mod residual;
mod worker;

pub use accumulate::accumulate;
pub use error::HandlerError;
pub use half::HalfSink;
pub use io::DEPTH;
pub use plan::{Plan, DEFAULT_MEMORY};
pub use residual::Feedback;

use crate::device::Device;
use crate::disk::DiskFile;
use crate::gradients::HalfFormat;
use crate::source::Source;
use crate::step::StepReport;
use crate::store::{Next, Store};
use nearfield_model::optimizer::Coefficients;
use peer::Peer;
use pipeline::{Ended, Pipeline, Task};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{mpsc, Arc, Mutex};
use std::time::{Duration, Instant};
use worker::{Updater, Worker};

/// A device that several folders may share.
pub type SharedDevice = Arc<Mutex<Box<dyn Device>>>;

/// What a step does.
#[derive(Clone)]
pub struct Work {
    /// The coefficients of each parameter group.
    pub coefficients: Vec<Coefficients>,
    /// What gradients are multiplied by first.
    pub scale: f32,
    /// The gradients.
    pub source: Arc<dyn Source>,
    /// Error feedback, if what is not sent is to be kept. Nothing infinite may be sent then.
    pub feedback: Option<Feedback>,
    /// Where the new parameters go in half precision too, if they do.
    pub half: Option<(HalfFormat, Arc<dyn HalfSink>)>,
    /// The most bytes of buffers.
    pub memory: u64,
}

/// What a step came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The update: elements, cycles, stalls, wall time of the whole step.
    #[serde(flatten)]
    pub step: StepReport,
    /// Bytes of all buffers.
    pub buffer_bytes: u64,
    /// Elements of a piece.
    pub piece_elements: u64,
    /// What each device did.
    pub devices: Vec<DeviceReport>,
}

/// What a device did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct DeviceReport {
    /// Bytes read of files of the store.
    pub read_bytes: u64,
    /// Bytes written.
    pub written_bytes: u64,
    /// Whether files were read and written past the page cache.
    pub direct: bool,
    /// Whether the device read and wrote them itself.
    pub peer_to_peer: bool,
    /// Time in which pieces were updated.
    pub update_seconds: f64,
    /// Time from the first read to the last sync.
    pub seconds: f64,
}

/// One step of a store. `devices` are one a folder, or one for all. `progress` hears how many elements are written, those of the residual first.
///
/// # Errors
///
/// [`HandlerError::Memory`] before anything is written, and what goes wrong later: the store is then what it was before, unless
/// [`crate::store::StoreError`] says otherwise.
///
/// # Panics
///
/// If there is neither one device nor one a folder, or coefficients are missing.
pub fn step(
    store: &mut Store,
    devices: &[SharedDevice],
    work: &Work,
    next: Next,
    progress: &mut dyn FnMut(u64),
) -> Result<Report, HandlerError> {
    let begun = Instant::now();
    let folders = store.folders().len();
    assert!(devices.len() == folders || devices.len() == 1, "a device a folder, or one for all");
    assert_eq!(work.coefficients.len(), store.manifest().groups.len(), "coefficients for every group");
    let plan = Plan::new(store, store.series().runs.len(), work.source.as_ref(), work.half.is_some(), work.memory)?;
    let keeping = work.feedback.as_ref().map(|feedback| residual::plan(store, feedback, &work.source, work.memory));
    let keeping = keeping.transpose()?;
    tracing::info!(buffers = plan.bytes(), piece = plan.piece_elements, slots = plan.slots, "a step begins");
    let task = |number: usize| Task {
        source: work.source.clone(),
        worker: Arc::new(Updater {
            device: devices[number % devices.len()].clone(),
            coefficients: work.coefficients.clone(),
            scale: work.scale,
            half: work.half.as_ref().map(|(format, _)| *format),
        }),
        half: work.half.as_ref().map(|(_, sink)| sink.clone()),
    };
    let peers = (0..folders).map(|number| Peer::new(&devices[number % devices.len()], work));
    let peers = peers.collect::<Result<Vec<_>, _>>()?;
    store.settle()?;
    let mut before = 0;
    let unsent = work.feedback.as_ref().zip(keeping).map(|(feedback, plan)| {
        before = store.elements();
        residual::keep(store, feedback, &work.source, &plan, next.powers.step, progress)
    });
    let unsent = unsent.transpose()?;
    let progress = &mut |done| progress(before + done);
    let begin = |number: usize, stop: &Arc<AtomicBool>, progress: &mut dyn FnMut(u64)| {
        let (reading, writing) = (store.reading(number)?, store.writing(number, next.powers.step)?);
        // A file system without direct I/O has nothing that another device could reach.
        let reached =
            |files: &[(PathBuf, Arc<dyn DiskFile>)]| files.iter().all(|(_, f)| f.is_direct() && f.file().is_some());
        match &peers[number] {
            Some(peer) if reached(&reading.files) && reached(&writing.files) => {
                peer.run(store, number, (reading, writing), work, stop, progress)
            }
            _ => Pipeline::new(store, number, (Some(reading), writing), task(number), &plan)?.run(stop, progress),
        }
    };
    let ended = run(folders, &begin, progress);
    drop(peers);
    let ended = ended?;
    work.source.verify()?;
    let mut report = Report { buffer_bytes: plan.bytes(), piece_elements: plan.piece_elements, ..Report::default() };
    let (mut parts, mut sums) = (Vec::new(), Vec::new());
    for Ended { part, sums: of_device, report: of_step, device } in ended {
        parts.push(part);
        sums.push(of_device);
        report.step.add(&of_step);
        report.devices.push(device);
    }
    if report.devices.iter().any(|device| !device.direct && device.read_bytes > 0) {
        tracing::warn!("a folder's file system has no direct I/O; its files go through the page cache");
    }
    store.commit(next, parts, sums, unsent)?;
    report.step.seconds = begun.elapsed().as_secs_f64();
    Ok(report)
}

/// What a device's thread does: given its number, whether to stop, and who hears how many elements were written.
type Share<'a> = dyn Fn(usize, &Arc<AtomicBool>, &mut dyn FnMut(u64)) -> Result<Ended, HandlerError> + Sync + 'a;

/// All devices, each in a thread of its own. The first error stops the others.
fn run(devices: usize, share: &Share<'_>, progress: &mut dyn FnMut(u64)) -> Result<Vec<Ended>, HandlerError> {
    let stop = Arc::new(AtomicBool::new(false));
    let (written, heard) = mpsc::channel::<u64>();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..devices)
            .map(|number| {
                let (stop, written) = (stop.clone(), written.clone());
                scope.spawn(move || {
                    let mut progress = |elements| {
                        let _ = written.send(elements);
                    };
                    let done = share(number, &stop, &mut progress);
                    if done.is_err() {
                        stop.store(true, Ordering::Relaxed);
                    }
                    done
                })
            })
            .collect();
        drop(written);
        let mut total = 0;
        for elements in heard {
            total += elements;
            progress(total);
        }
        let mut ended = Vec::new();
        let mut failed = None;
        for thread in threads {
            match thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
                Ok(done) => ended.push(done),
                // Those that were stopped say nothing of why.
                Err(HandlerError::Stopped) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) => Err(error),
            None if ended.len() == devices => Ok(ended),
            None => Err(HandlerError::Stopped),
        }
    })
}

/// How long a transfer may take before the step is given up: longer than a drive takes to give up by itself.
const TRANSFER_BOUND: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests;
