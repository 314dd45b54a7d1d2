//! A device's share where the device reaches files itself: from a drive into its memory and back, past the host.
//!
//! The host sees neither parameters nor states. What says that they are right are the kernel's own stream checksums: of what it read,
//! compared with those the set was written with, and of what it wrote, kept for the next step. Gradients come through the host, for they
//! come from there. Transfers and kernel take turns: a device answers one call at a time.

use super::pipeline::Ended;
use super::{DeviceReport, HandlerError, SharedDevice, Work};
use crate::device::{Buffer, BufferKind, Device, DeviceError, Value};
use crate::disk::{Aligned, DiskFile};
use crate::step::{arguments, carried, piece_elements, run_bound, tensor_arguments, StepReport};
use crate::store::{damaged, padded_bytes, sum_with, Piece, Reading, Store, Sums, Writing};
use nearfield_abi::checksum::Checksum;
use nearfield_abi::kernel::smartupdate as argument;
use nearfield_abi::topk::CHUNK_ELEMENTS;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

/// A device with buffers that files reach.
pub(super) struct Peer {
    device: SharedDevice,
    /// A tensor each, in the order of the kernel's arguments, the gradients last.
    buffers: Vec<Buffer>,
    half: Option<Buffer>,
    piece_elements: u64,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let mut device = self.device.lock().unwrap_or_else(PoisonError::into_inner);
        self.buffers.drain(..).chain(self.half.take()).for_each(|buffer| device.release(buffer));
    }
}

impl Peer {
    /// `None` for a device that has no such memory.
    ///
    /// # Errors
    ///
    /// What the device fails with otherwise.
    pub(super) fn new(device: &SharedDevice, work: &Work) -> Result<Option<Peer>, HandlerError> {
        let mut held = device.lock().unwrap_or_else(PoisonError::into_inner);
        if held.in_place().is_some() {
            return Ok(None);
        }
        let piece_elements = piece_elements(held.as_ref(), CHUNK_ELEMENTS);
        let banks = held.describe().argument_banks.clone();
        let mut peer = Peer { device: device.clone(), buffers: Vec::new(), half: None, piece_elements };
        let mut allocate = |bytes, id: usize, kind| held.allocate_kind(bytes, banks[id].unwrap_or(0), kind);
        let mut failed = None;
        for id in tensor_arguments(&work.coefficients[0]) {
            let (bytes, kind) = match id {
                argument::GRADS => (work.source.most_bytes(piece_elements), BufferKind::Normal),
                _ => (4 * piece_elements, BufferKind::PeerToPeer),
            };
            match allocate(bytes, id, kind) {
                Ok(buffer) => peer.buffers.push(buffer),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        if failed.is_none() && work.half.is_some() {
            match allocate(2 * piece_elements, argument::HALF, BufferKind::Normal) {
                Ok(buffer) => peer.half = Some(buffer),
                Err(error) => failed = Some(error),
            }
        }
        // Dropping the peer releases its buffers, for which it takes the device.
        drop(held);
        match failed {
            None => Ok(Some(peer)),
            Some(DeviceError::NoSuchKind { why, .. }) => {
                if let Some(why) = why {
                    tracing::info!("files go through the host's memory: {why}");
                }
                Ok(None)
            }
            Some(error) => Err(error.into()),
        }
    }

    /// Does a folder's share. `progress` hears how many elements were written, piece by piece.
    pub(super) fn run(
        &self,
        store: &Store,
        number: usize,
        (reading, writing): (Reading, Writing),
        work: &Work,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Ended, HandlerError> {
        let begun = Instant::now();
        let (from, into) = (plain(&reading.files)?, plain(&writing.files)?);
        let bytes = work.source.most_bytes(self.piece_elements) as usize;
        let room =
            |bytes: usize| Aligned::new(bytes).map_err(|source| HandlerError::NoMemory { bytes: bytes as u64, source });
        let mut host = Host { grads: room(bytes)?, half: room(2 * self.piece_elements as usize)? };
        let nothing: Sums = reading.sums.iter().map(|runs| vec![Checksum::default(); runs.len()]).collect();
        let (mut read, mut written) = (nothing.clone(), nothing);
        let mut report = StepReport::default();
        let mut about = DeviceReport { direct: true, peer_to_peer: true, ..DeviceReport::default() };
        for (place, subgroup) in store.layout().of_device(number).enumerate() {
            for piece in subgroup.pieces(self.piece_elements) {
                if stop.load(Ordering::Relaxed) {
                    return Err(HandlerError::Stopped);
                }
                let done = self.piece(&piece, work, (&from, &into), &mut host, &mut about)?;
                for run in 0..from.len() {
                    read[place][run] = sum_with(read[place][run], done.read[run], piece.first);
                    written[place][run] = sum_with(written[place][run], done.written[run], piece.first);
                }
                report.add(&done.report);
                progress(piece.elements);
            }
        }
        for ((subgroup, said), found) in store.layout().of_device(number).zip(&reading.sums).zip(&read) {
            for (run, (said, found)) in said.iter().zip(found).enumerate() {
                if said != found {
                    return Err(damaged(reading.files[run].0.clone(), subgroup.number, *said, *found).into());
                }
            }
        }
        let part = writing.finish(&written)?;
        about.seconds = begun.elapsed().as_secs_f64();
        Ok(Ended { part, sums: written, report, device: about })
    }

    fn piece(
        &self,
        piece: &Piece,
        work: &Work,
        (from, into): (&[&File], &[&File]),
        host: &mut Host,
        about: &mut DeviceReport,
    ) -> Result<Done, HandlerError> {
        let bytes = work.source.read(piece, host.grads.bytes_mut())?;
        let grads = work.source.form().view(piece, &host.grads.bytes()[..bytes])?;
        let mut held = self.device.lock().unwrap_or_else(PoisonError::into_inner);
        let device = held.as_mut();
        let (runs, length) = (&self.buffers[..from.len()], padded_bytes(piece.elements));
        for (buffer, file) in runs.iter().zip(from) {
            device.load(buffer, 0, file, piece.offset(), length)?;
            about.read_bytes += length;
        }
        device.write(&self.buffers[from.len()], 0, &grads.bytes())?;
        let k = &work.coefficients[piece.subgroup.group];
        let mut list = arguments(&self.buffers, k, piece.elements as u32);
        list[argument::GRAD_FORMAT] = Value::U32(grads.code());
        list[argument::GRAD_BYTES] = Value::U32(grads.byte_length() as u32);
        list[argument::GRAD_SCALE] = Value::F32(work.scale);
        if let Some(((format, _), buffer)) = work.half.as_ref().zip(self.half) {
            list[argument::HALF] = Value::Pointer(buffer);
            list[argument::HALF_FORMAT] = Value::U32(format.code());
        }
        let begun = Instant::now();
        device.start(&list)?;
        device.wait(run_bound(device, piece.elements as usize))?;
        about.update_seconds += begun.elapsed().as_secs_f64();
        let done = self.told(device, &tensor_arguments(k)[..from.len()], piece)?;
        for (buffer, file) in runs.iter().zip(into) {
            device.store(buffer, 0, file, piece.offset(), length)?;
            about.written_bytes += length;
        }
        if let Some(((_, sink), buffer)) = work.half.as_ref().zip(self.half) {
            let halves = &mut host.half.bytes_mut()[..2 * piece.elements as usize];
            device.read(&buffer, 0, halves)?;
            sink.write(piece, bytemuck::cast_slice(halves)).map_err(HandlerError::Half)?;
        }
        Ok(done)
    }

    /// What the kernel says of a piece.
    fn told(&self, device: &mut dyn Device, ids: &[usize], piece: &Piece) -> Result<Done, HandlerError> {
        let (kernel, lanes) = (device.describe().kernel, device.describe().lanes);
        let clock_mhz = device.describe().clock_mhz;
        let counters = device.counters()?;
        let sum = |id: &usize, read| {
            let carried = counters.as_ref().and_then(|counters| carried(&kernel, counters, *id, read));
            // Every kernel that a device with such memory can hold has them.
            let (a, b) =
                carried.ok_or(DeviceError::Arguments { what: "the kernel has no stream checksums".into() })?.checksum;
            Ok::<_, DeviceError>(Checksum { a, b, words: piece.elements })
        };
        let read = ids.iter().map(|id| sum(id, true)).collect::<Result<_, _>>()?;
        let written = ids.iter().map(|id| sum(id, false)).collect::<Result<_, _>>()?;
        let mut report = StepReport { elements: piece.elements, lanes, clock_mhz, ..StepReport::default() };
        if let Some(counters) = counters {
            report.count(&counters);
        }
        Ok(Done { read, written, report })
    }
}

/// Memory of the host that a piece takes.
struct Host {
    grads: Aligned,
    half: Aligned,
}

/// What a piece came to.
struct Done {
    read: Vec<Checksum>,
    written: Vec<Checksum>,
    report: StepReport,
}

/// The files themselves.
fn plain(files: &[(PathBuf, Arc<dyn DiskFile>)]) -> Result<Vec<&File>, HandlerError> {
    // Whoever calls has seen that they are there.
    files.iter().map(|(_, file)| file.file().ok_or(HandlerError::Stopped)).collect()
}
