//! Where a real network's features are not 0: the layers of a 28-layer residual network trained on Cora (`host/data/cora28/README.md`).

use super::features::bernoulli;
use super::load::npy::{Array, Kind};
use super::load::npz::{self, Archive};
use super::{Graph, GraphError};

static GRAPH: &[u8] = include_bytes!("../../data/cora28/graph.npz");
static MASKS: &[u8] = include_bytes!("../../data/cora28/masks.npz");

/// Masks of the features of several layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masks {
    layers: usize,
    rows: usize,
    /// Bytes of a row.
    bytes: usize,
    bits: Vec<u8>,
}

impl Masks {
    /// Reads an `.npz` archive whose member `masks.npy` is a u8 array `[layers, rows, width / 8]`: bit i of byte j is column 8 j + i.
    ///
    /// # Errors
    ///
    /// When there is no such member, or it is something else.
    pub fn parse(bytes: &[u8]) -> Result<Masks, GraphError> {
        let member = Archive::parse(bytes)?.required("masks.npy")?;
        let array = Array::parse("masks.npy", &member)?;
        match array.shape[..] {
            [layers, rows, bytes] if (array.kind, array.size) == (Kind::Unsigned, 1) && !array.bytes.is_empty() => {
                Ok(Masks { layers, rows, bytes, bits: array.bytes.to_vec() })
            }
            _ => Err(GraphError::at(
                "masks.npy",
                "it is no array of u8 of three dimensions: layers, rows, bytes of a row",
            )),
        }
    }

    /// The network in this program, and its graph: normalised, with self-loops.
    ///
    /// # Errors
    ///
    /// When they are damaged, which a clean checkout is not.
    pub fn cora28() -> Result<(Graph, Masks), GraphError> {
        Ok((npz::parse(GRAPH)?, Masks::parse(MASKS)?))
    }

    /// Number of layers.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        8 * self.bytes
    }

    /// The part of a layer's features that is not 0.
    ///
    /// # Panics
    ///
    /// If there is no such layer.
    pub fn density(&self, layer: usize) -> f64 {
        let set: u32 = self.layer(layer).iter().map(|byte| byte.count_ones()).sum();
        f64::from(set) / (self.rows * self.width()) as f64
    }

    /// Features `[rows, width]` of a layer, row-major: where the mask is set drawn evenly from (-1, 1) and not 0, elsewhere 0.
    ///
    /// # Panics
    ///
    /// If there is no such layer.
    pub fn features(&self, layer: usize, seed: u64) -> Vec<f32> {
        let mut features = bernoulli(self.rows, self.width(), 1.0, seed);
        for (features, byte) in features.as_chunks_mut::<8>().0.iter_mut().zip(self.layer(layer)) {
            let clear = features.iter_mut().enumerate().filter(|(column, _)| byte >> column & 1 == 0);
            clear.for_each(|(_, value)| *value = 0.0);
        }
        features
    }

    fn layer(&self, layer: usize) -> &[u8] {
        assert!(layer < self.layers, "layer {layer} of {}", self.layers);
        let size = self.rows * self.bytes;
        &self.bits[layer * size..][..size]
    }
}
