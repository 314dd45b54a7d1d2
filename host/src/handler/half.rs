//! The half-precision copy of the new parameters, written as a step goes.

use crate::safetensors::RunWriter;
use crate::store::Piece;
use std::fmt::Debug;
use std::io;

/// Takes the half-precision copy of the new parameters, in pieces that come in any order.
pub trait HalfSink: Debug + Send + Sync {
    /// Takes a piece's bits, an element each.
    fn write(&self, piece: &Piece, halves: &[u16]) -> io::Result<()>;
}

impl HalfSink for RunWriter {
    fn write(&self, piece: &Piece, halves: &[u16]) -> io::Result<()> {
        RunWriter::write(self, piece.range().start, bytemuck::cast_slice(halves))
    }
}
