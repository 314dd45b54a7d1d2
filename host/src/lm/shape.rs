//! The model's widths, and where each of its tensors lies in the flat run of parameters.

use crate::store::TensorEntry;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Tokens are bytes.
pub const VOCABULARY: usize = 256;

/// The widths of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Blocks, one above the other.
    pub layers: usize,
    /// Values a token has between blocks, a multiple of `heads`.
    pub width: usize,
    /// Heads of each attention.
    pub heads: usize,
    /// Tokens that a prediction can look back on, its own included.
    pub context: usize,
}

/// Widths that no model has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// A width is out of bounds.
    #[error("{what} is {value}; choose one from 1 to {most}")]
    Bounds {
        /// Which one.
        what: &'static str,
        /// What it is.
        value: usize,
        /// The largest one that is taken.
        most: usize,
    },
    /// The heads do not share the width evenly.
    #[error("a width of {width} is not a multiple of {heads} heads; choose one that is")]
    Heads {
        /// Values a token has.
        width: usize,
        /// Heads.
        heads: usize,
    },
}

impl Default for Shape {
    /// 10.9 million parameters.
    fn default() -> Shape {
        Shape { layers: 6, width: 384, heads: 6, context: 128 }
    }
}

/// Where the tensors of a block lie in the block's part of the flat run.
#[derive(Clone, Debug)]
pub(super) struct BlockPlaces {
    pub norm1: NormPlaces,
    /// Queries, keys and values of all heads, side by side.
    pub qkv: LinearPlaces,
    pub projection: LinearPlaces,
    pub norm2: NormPlaces,
    pub expand: LinearPlaces,
    pub contract: LinearPlaces,
}

/// Where a linear map lies: a weight `[inputs, outputs]` and a bias `[outputs]`.
#[derive(Clone, Debug)]
pub(super) struct LinearPlaces {
    pub inputs: usize,
    pub outputs: usize,
    pub weight: Range<usize>,
    pub bias: Range<usize>,
}

/// Where a normalisation lies: a gain and a bias, both `[width]`.
#[derive(Clone, Debug)]
pub(super) struct NormPlaces {
    pub gain: Range<usize>,
    pub bias: Range<usize>,
}

/// Where everything lies in the flat run.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub token: Range<usize>,
    pub position: Range<usize>,
    /// The parts of the blocks, each laid out as `block` says.
    pub blocks: Vec<Range<usize>>,
    pub block: BlockPlaces,
    pub norm: NormPlaces,
    pub head: Range<usize>,
}

impl Shape {
    /// Refuses widths that no model has, or none that fits a machine.
    pub fn check(&self) -> Result<(), ShapeError> {
        let bounds = [
            ("the number of layers", self.layers, 1_000),
            ("the width", self.width, 65_536),
            ("the number of heads", self.heads, 65_536),
            ("the context", self.context, 65_536),
        ];
        for (what, value, most) in bounds {
            if !(1..=most).contains(&value) {
                return Err(ShapeError::Bounds { what, value, most });
            }
        }
        match self.width % self.heads {
            0 => Ok(()),
            _ => Err(ShapeError::Heads { width: self.width, heads: self.heads }),
        }
    }

    /// Values a token has within one head.
    pub fn head_width(&self) -> usize {
        self.width / self.heads
    }

    /// Values a token has in the middle of a block's second half.
    pub fn hidden(&self) -> usize {
        4 * self.width
    }

    /// The tensors in the order of the flat run, without gaps: row-major, a weight as `[inputs, outputs]`.
    pub fn tensors(&self) -> Vec<TensorEntry> {
        let (width, hidden) = (self.width, self.hidden());
        let mut tensors = Vec::new();
        let mut next = |name: String, shape: &[usize]| {
            tensors.push(TensorEntry { name, shape: shape.iter().map(|&n| n as u64).collect() });
        };
        next("token.weight".into(), &[VOCABULARY, width]);
        next("position.weight".into(), &[self.context, width]);
        for block in 0..self.layers {
            let mut part = |name: &str, shape: &[usize]| next(format!("block{block}.{name}"), shape);
            part("norm1.gain", &[width]);
            part("norm1.bias", &[width]);
            part("qkv.weight", &[width, 3 * width]);
            part("qkv.bias", &[3 * width]);
            part("projection.weight", &[width, width]);
            part("projection.bias", &[width]);
            part("norm2.gain", &[width]);
            part("norm2.bias", &[width]);
            part("expand.weight", &[width, hidden]);
            part("expand.bias", &[hidden]);
            part("contract.weight", &[hidden, width]);
            part("contract.bias", &[width]);
        }
        next("norm.gain".into(), &[width]);
        next("norm.bias".into(), &[width]);
        next("head.weight".into(), &[width, VOCABULARY]);
        tensors
    }

    /// Values that training keeps in memory with so many windows a step: parameters, gradients and two states, and what lies
    /// between forward and backward.
    pub fn values(&self, batch: usize) -> u128 {
        let [layers, width, heads, context, batch] =
            [self.layers, self.width, self.heads, self.context, batch].map(|n| n as u128);
        let block = 12 * width * width + 13 * width;
        let parameters = layers * block + (2 * VOCABULARY as u128 + context + 2) * width;
        let sequence = context * (layers * (16 * width + heads * context) + 16 * width + VOCABULARY as u128);
        4 * parameters + batch * sequence
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.places().head.end
    }

    /// Where the tensors of [`Shape::tensors`] lie.
    pub(super) fn places(&self) -> Places {
        let (width, hidden) = (self.width, self.hidden());
        let mut end = 0;
        let mut next = |elements: usize| {
            end += elements;
            end - elements..end
        };
        let token = next(VOCABULARY * width);
        let position = next(self.context * width);
        let block = BlockPlaces::new(width, hidden);
        let blocks = (0..self.layers).map(|_| next(block.contract.bias.end)).collect();
        let norm = NormPlaces { gain: next(width), bias: next(width) };
        Places { token, position, blocks, block, norm, head: next(width * VOCABULARY) }
    }

    /// Parameters before the first step. Gains are 1, biases 0. The head is 0 too, so that every byte is equally likely
    /// at first. Weights of linear maps are uniform with a standard deviation of 1 / sqrt(inputs), those that end in the
    /// sum between blocks multiplied by [`CALM`] and divided by sqrt(2 · layers), so that the sum does not grow with depth
    /// (Radford et al., 2019). Tokens and positions are uniform with a standard deviation of [`EMBEDDING_DEVIATION`].
    pub fn initial_parameters(&self, chance: &mut impl Rng) -> Vec<f32> {
        let places = self.places();
        let mut parameters = vec![0.0; places.head.end];
        // Uniform numbers take no logarithm or cosine, in which C libraries differ.
        let mut fill = |elements: &mut [f32], deviation: f64| {
            let limit = (3f64.sqrt() * deviation) as f32;
            elements.fill_with(|| chance.random_range(-limit..=limit));
        };
        fill(&mut parameters[places.token], EMBEDDING_DEVIATION);
        fill(&mut parameters[places.position], EMBEDDING_DEVIATION);
        let calm = CALM / (2.0 * self.layers as f64).sqrt();
        for part in places.blocks {
            let block = &mut parameters[part];
            let BlockPlaces { norm1, qkv, projection, norm2, expand, contract } = &places.block;
            for norm in [norm1, norm2] {
                block[norm.gain.clone()].fill(1.0);
            }
            for (linear, factor) in [(qkv, 1.0), (projection, calm), (expand, 1.0), (contract, calm)] {
                fill(&mut block[linear.weight.clone()], factor / (linear.inputs as f64).sqrt());
            }
        }
        parameters[places.norm.gain].fill(1.0);
        parameters
    }
}

/// Standard deviation of tokens and positions before the first step.
pub const EMBEDDING_DEVIATION: f64 = 0.5;
/// How much less than other weights those that end in the sum between blocks are before the first step: blocks begin by adding
/// little to the tokens.
pub const CALM: f64 = 0.1;

impl BlockPlaces {
    fn new(width: usize, hidden: usize) -> BlockPlaces {
        let mut end = 0;
        let mut next = |elements: usize| {
            end += elements;
            end - elements..end
        };
        let norm1 = NormPlaces { gain: next(width), bias: next(width) };
        let qkv = linear(width, 3 * width, &mut next);
        let projection = linear(width, width, &mut next);
        let norm2 = NormPlaces { gain: next(width), bias: next(width) };
        let expand = linear(width, hidden, &mut next);
        let contract = linear(hidden, width, &mut next);
        BlockPlaces { norm1, qkv, projection, norm2, expand, contract }
    }
}

fn linear(inputs: usize, outputs: usize, next: &mut impl FnMut(usize) -> Range<usize>) -> LinearPlaces {
    LinearPlaces { inputs, outputs, weight: next(inputs * outputs), bias: next(outputs) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lm::{generator, Purpose};

    #[test]
    fn the_default_has_more_than_ten_million_parameters() {
        assert_eq!(Shape::default().parameters(), 10_893_312);
    }

    #[test]
    fn places_and_tensors_agree() {
        let shape = Shape { layers: 3, width: 8, heads: 2, context: 5 };
        assert_eq!(shape.values(0), 4 * shape.parameters() as u128);
        let tensors = shape.tensors();
        let elements: u64 = tensors.iter().map(|tensor| tensor.elements().unwrap()).sum();
        assert_eq!(elements as usize, shape.parameters());
        let start = |name: &str| {
            let before = tensors.iter().take_while(|tensor| tensor.name != name);
            before.map(|tensor| tensor.elements().unwrap() as usize).sum::<usize>()
        };
        let places = shape.places();
        assert_eq!(places.position.start, start("position.weight"));
        assert_eq!(places.blocks[2].start, start("block2.norm1.gain"));
        assert_eq!(places.blocks[1].start + places.block.qkv.bias.start, start("block1.qkv.bias"));
        assert_eq!(places.blocks[1].start + places.block.expand.weight.start, start("block1.expand.weight"));
        assert_eq!(places.blocks[0].start + places.block.contract.bias.start, start("block0.contract.bias"));
        assert_eq!((places.norm.gain.start, places.head.start), (start("norm.gain"), start("head.weight")));
    }

    #[test]
    fn initial_parameters_have_their_deviation() {
        let shape = Shape { layers: 2, width: 64, heads: 4, context: 16 };
        let parameters = shape.initial_parameters(&mut generator(1, Purpose::Initialization));
        let places = shape.places();
        let deviation =
            |run: &[f32]| (run.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / run.len() as f64).sqrt();
        let block = &parameters[places.blocks[1].clone()];
        assert!((deviation(&block[places.block.qkv.weight.clone()]) * 8.0 - 1.0).abs() < 0.03);
        assert!((deviation(&block[places.block.contract.weight.clone()]) * 32.0 / CALM - 1.0).abs() < 0.03);
        assert!(block[places.block.norm2.gain.clone()].iter().all(|&gain| gain == 1.0));
        assert!(parameters[places.head].iter().all(|&weight| weight == 0.0));
    }

    #[test]
    fn widths_that_no_model_has_are_refused() {
        let shape = Shape::default();
        assert!(shape.check().is_ok());
        assert!(matches!(Shape { heads: 5, ..shape }.check(), Err(ShapeError::Heads { .. })));
        assert!(matches!(Shape { layers: 0, ..shape }.check(), Err(ShapeError::Bounds { .. })));
        assert!(matches!(Shape { context: 1 << 17, ..shape }.check(), Err(ShapeError::Bounds { .. })));
    }
}
