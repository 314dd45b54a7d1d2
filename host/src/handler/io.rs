//! The threads that read and write, and what they are asked for.

use super::{HalfSink, HandlerError};
use crate::disk::{read_exact, write_all, Aligned, DiskFile};
use crate::source::Source;
use crate::store::{padded_bytes, Piece};
use nearfield_abi::checksum::Checksum;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Transfers of a device under way at once.
pub const DEPTH: usize = 4;
/// Threads of a device that do them: more than that, so that a drive has all it takes while checksums are worked out.
pub(super) const THREADS: usize = DEPTH + 2;

/// Holds transfers back while [`DEPTH`] of them are under way.
#[derive(Default)]
pub(super) struct Gate {
    under_way: Mutex<usize>,
    ended: Condvar,
}

impl Gate {
    fn pass<T>(&self, transfer: impl FnOnce() -> T) -> T {
        let count = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let count = self.ended.wait_while(count, |under_way| *under_way >= DEPTH);
        *count.unwrap_or_else(PoisonError::into_inner) += 1;
        let done = transfer();
        *self.under_way.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.ended.notify_one();
        done
    }
}

/// Which buffer of which slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub slot: usize,
    pub part: PartOf,
}

/// A buffer of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartOf {
    /// A flat run.
    Run(usize),
    Gradients,
    Half,
}

/// A transfer. Whoever does it owns the buffer meanwhile.
pub(super) enum Transfer {
    Read { path: Arc<PathBuf>, file: Arc<dyn DiskFile> },
    ReadGradients { source: Arc<dyn Source> },
    Write { path: Arc<PathBuf>, file: Arc<dyn DiskFile> },
    WriteHalf { sink: Arc<dyn HalfSink> },
}

pub(super) struct Job {
    pub place: Place,
    pub piece: Piece,
    pub buffer: Aligned,
    pub transfer: Transfer,
}

/// What a transfer came to.
pub(super) struct Moved {
    pub place: Place,
    pub buffer: Aligned,
    pub result: Result<Carried, HandlerError>,
}

/// What was moved.
#[derive(Clone, Copy, Debug)]
pub(super) enum Carried {
    /// Elements with this checksum, in so many bytes of the file.
    Elements(Checksum, u64),
    /// Gradients of so many bytes.
    Gradients(usize),
    /// A half-precision copy.
    Half,
}

/// Does transfers until there are no more, or the step is stopped.
pub(super) fn serve<T: From<Moved>>(jobs: &Mutex<Receiver<Job>>, gate: &Gate, done: &Sender<T>, stop: &AtomicBool) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { place, piece, mut buffer, transfer }) = job else { return };
        let result = match stop.load(Ordering::Relaxed) {
            true => Err(HandlerError::Stopped),
            false => transfer.carry(&piece, &mut buffer, gate),
        };
        if done.send(Moved { place, buffer, result }.into()).is_err() {
            return;
        }
    }
}

impl Transfer {
    fn carry(self, piece: &Piece, buffer: &mut Aligned, gate: &Gate) -> Result<Carried, HandlerError> {
        let (device, subgroup, offset) = (piece.subgroup.device, piece.subgroup.number, piece.offset());
        let elements = piece.elements as usize;
        let bytes = padded_bytes(piece.elements);
        match self {
            Transfer::Read { path, file } => {
                gate.pass(|| read_exact(file.as_ref(), &mut buffer.bytes_mut()[..bytes as usize], offset)).map_err(
                    |source| HandlerError::Read { device, path: path.to_path_buf(), offset, subgroup, source },
                )?;
                Ok(Carried::Elements(Checksum::of(&buffer.bytes()[..4 * elements]), bytes))
            }
            Transfer::ReadGradients { source } => {
                Ok(Carried::Gradients(gate.pass(|| source.read(piece, buffer.bytes_mut()))?))
            }
            Transfer::Write { path, file } => {
                buffer.bytes_mut()[4 * elements..bytes as usize].fill(0);
                let sum = Checksum::of(&buffer.bytes()[..4 * elements]);
                gate.pass(|| write_all(file.as_ref(), &buffer.bytes()[..bytes as usize], offset)).map_err(
                    |source| HandlerError::Write { device, path: path.to_path_buf(), offset, subgroup, source },
                )?;
                Ok(Carried::Elements(sum, bytes))
            }
            Transfer::WriteHalf { sink } => {
                let halves: &[u16] = bytemuck::cast_slice(&buffer.bytes()[..2 * elements]);
                gate.pass(|| sink.write(piece, halves)).map_err(HandlerError::Half)?;
                Ok(Carried::Half)
            }
        }
    }
}
