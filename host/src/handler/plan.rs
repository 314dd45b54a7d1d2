//! How large pieces are and how many are under way at once.

use super::HandlerError;
use crate::disk::BLOCK;
use crate::source::Source;
use crate::store::Store;
use nearfield_abi::topk::CHUNK_ELEMENTS;

/// What a step may take unless something else is asked for.
pub const DEFAULT_MEMORY: u64 = 1 << 30;
/// The largest pieces: 4 MiB a tensor. Larger ones are no faster and make the first read and the last write longer, which nothing
/// overlaps.
const MOST_ELEMENTS: u64 = 1 << 20;
/// The smallest: a chunk of a Top-K stream.
const LEAST_ELEMENTS: u64 = CHUNK_ELEMENTS;
/// Pieces of a device under way: one updated, the others being read or written. With five a step takes a tenth longer, as the threads that
/// read run out of buffers while many are being written; more than seven are no faster.
const SLOTS: usize = 7;
/// The fewest: one in each stage.
const LEAST_SLOTS: usize = 3;

/// The buffers of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Elements of a piece, a multiple of a chunk.
    pub piece_elements: u64,
    /// Pieces of a device under way at once.
    pub slots: usize,
    /// Flat runs, the parameters among them.
    pub runs: usize,
    /// Bytes of a piece's gradients.
    pub grad_bytes: u64,
    /// Bytes of a piece's half-precision copy; 0 if there is none.
    pub half_bytes: u64,
    devices: usize,
}

impl Plan {
    /// The largest pieces of `runs` flat runs and their gradients, with a half-precision copy if `half` is set, that fit `memory` bytes.
    ///
    /// # Errors
    ///
    /// [`HandlerError::Memory`] if the smallest do not.
    pub fn new(store: &Store, runs: usize, source: &dyn Source, half: bool, memory: u64) -> Result<Plan, HandlerError> {
        let devices = store.folders().len();
        let largest = store.layout().subgroups().iter().map(|s| s.elements).max().unwrap_or(1);
        let useful = largest.next_multiple_of(LEAST_ELEMENTS).min(MOST_ELEMENTS);
        let plan = |piece_elements: u64, slots| Plan {
            piece_elements,
            slots,
            runs,
            grad_bytes: source.most_bytes(piece_elements).next_multiple_of(BLOCK as u64),
            half_bytes: if half { 2 * piece_elements } else { 0 },
            devices,
        };
        let mut elements = useful;
        loop {
            for slots in (LEAST_SLOTS..=SLOTS).rev() {
                let plan = plan(elements, slots);
                if plan.bytes() <= memory {
                    return Ok(plan);
                }
            }
            if elements == LEAST_ELEMENTS {
                let needed = plan(elements, LEAST_SLOTS).bytes();
                return Err(HandlerError::Memory { needed, given: memory });
            }
            elements = (elements / 2).next_multiple_of(LEAST_ELEMENTS);
        }
    }

    /// Bytes of all buffers of all devices.
    pub fn bytes(&self) -> u64 {
        let slot = self.runs as u64 * 4 * self.piece_elements + self.grad_bytes + self.half_bytes;
        (self.devices * self.slots) as u64 * slot
    }
}
