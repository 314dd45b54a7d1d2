//! Gradients in memory.

use super::{Form, GradientError, Source};
use crate::store::Piece;
use std::fmt;
use std::sync::Arc;

/// A dense run in binary32.
#[derive(Clone)]
pub struct InMemory(pub Arc<Vec<f32>>);

impl fmt::Debug for InMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InMemory({} elements)", self.0.len())
    }
}

impl Source for InMemory {
    fn form(&self) -> Form {
        Form::Fp32
    }

    fn most_bytes(&self, elements: u64) -> u64 {
        4 * elements
    }

    fn read(&self, piece: &Piece, into: &mut [u8]) -> Result<usize, GradientError> {
        let range = piece.range();
        let bytes: &[u8] = bytemuck::cast_slice(&self.0[range.start as usize..range.end as usize]);
        into[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}
