//! A block: `x = x + projection(attention(norm1(x)))`, then `x = x + contract(gelu(expand(norm2(x))))` (Radford et al., 2019).

use super::attention::{Attention, Scratch};
use super::linear::{by_bias, by_weight, Linear};
use super::norm::{by_gain, Norm, NormPass};
use super::shape::{BlockPlaces, LinearPlaces, NormPlaces, Shape};
use super::{activation, split};

/// Rows of a weight whose derivative is one task: small enough that threads share a block's weights evenly.
const TASK_INPUTS: usize = 128;

/// A block's parameters.
pub(super) struct Block<'a> {
    part: &'a [f32],
    places: &'a BlockPlaces,
    attention: Attention,
}

/// What a block's forward pass leaves of a sequence for the backward pass.
pub(super) struct BlockPass {
    norm1: NormPass,
    qkv: Vec<f32>,
    /// What attention looked at.
    weights: Vec<f32>,
    attended: Vec<f32>,
    norm2: NormPass,
    /// Before the activation.
    expanded: Vec<f32>,
    /// After it.
    active: Vec<f32>,
}

/// The derivatives of a sequence within one block, by what the parts gave; one for all blocks of a model.
pub(super) struct BlockDerivatives {
    by_norm1: Vec<f32>,
    by_qkv: Vec<f32>,
    by_attended: Vec<f32>,
    by_projected: Vec<f32>,
    by_norm2: Vec<f32>,
    by_expanded: Vec<f32>,
    by_contracted: Vec<f32>,
    scratch: Scratch,
}

impl BlockPass {
    pub(super) fn new(shape: &Shape) -> BlockPass {
        let &Shape { width, context, .. } = shape;
        let room = |width: usize| vec![0.0; context * width];
        BlockPass {
            norm1: NormPass::new(context, width),
            qkv: room(3 * width),
            weights: vec![0.0; Attention::new(shape).weights()],
            attended: room(width),
            norm2: NormPass::new(context, width),
            expanded: room(shape.hidden()),
            active: room(shape.hidden()),
        }
    }
}

impl BlockDerivatives {
    pub(super) fn new(shape: &Shape) -> BlockDerivatives {
        let room = |width: usize| vec![0.0; shape.context * width];
        let (width, hidden) = (shape.width, shape.hidden());
        BlockDerivatives {
            by_norm1: room(width),
            by_qkv: room(3 * width),
            by_attended: room(width),
            by_projected: room(width),
            by_norm2: room(width),
            by_expanded: room(hidden),
            by_contracted: room(width),
            scratch: Attention::new(shape).scratch(),
        }
    }
}

impl<'a> Block<'a> {
    /// The block whose part of the flat run is `part`.
    pub(super) fn new(shape: &Shape, part: &'a [f32], places: &'a BlockPlaces) -> Block<'a> {
        Block { part, places, attention: Attention::new(shape) }
    }

    fn linear(&self, places: &LinearPlaces) -> Linear<'a> {
        Linear::new(self.part, places)
    }

    fn norm(&self, places: &NormPlaces) -> Norm<'a> {
        Norm::new(self.part, places)
    }

    /// Makes x of the block below, `[context, width]`, x of this one.
    pub(super) fn forward(&self, x: &mut [f32], pass: &mut BlockPass) {
        let places = self.places;
        self.norm(&places.norm1).forward(x, &mut pass.norm1);
        self.linear(&places.qkv).forward(&pass.norm1.y, &mut pass.qkv);
        self.attention.forward(&pass.qkv, &mut pass.weights, &mut pass.attended);
        self.linear(&places.projection).forward_onto(&pass.attended, x);

        self.norm(&places.norm2).forward(x, &mut pass.norm2);
        self.linear(&places.expand).forward(&pass.norm2.y, &mut pass.expanded);
        activation::forward(&pass.expanded, &mut pass.active);
        self.linear(&places.contract).forward_onto(&pass.active, x);
    }

    /// Makes the derivative by this block's x that by the x of the block below.
    pub(super) fn backward(&self, pass: &BlockPass, by_x: &mut [f32], by: &mut BlockDerivatives) {
        let places = self.places;
        by.by_contracted.copy_from_slice(by_x);
        self.linear(&places.contract).backward(by_x, &mut by.by_expanded);
        activation::backward(&pass.expanded, &mut by.by_expanded);
        self.linear(&places.expand).backward(&by.by_expanded, &mut by.by_norm2);
        self.norm(&places.norm2).backward(&pass.norm2, &by.by_norm2, by_x);

        by.by_projected.copy_from_slice(by_x);
        self.linear(&places.projection).backward(by_x, &mut by.by_attended);
        self.attention.backward(&pass.qkv, &pass.weights, &by.by_attended, &mut by.by_qkv, &mut by.scratch);
        self.linear(&places.qkv).backward(&by.by_qkv, &mut by.by_norm1);
        self.norm(&places.norm1).backward(&pass.norm1, &by.by_norm1, by_x);
    }
}

/// A piece of the derivative by the parameters.
pub(super) type Task<'a> = Box<dyn FnOnce() + Send + 'a>;

/// A sequence's forward and backward pass through one block.
pub(super) type Passes<'a> = (&'a BlockPass, &'a BlockDerivatives);

/// The derivative by a block's parameters, `into`, as tasks of their own elements. How it is cut does not depend on the
/// number of threads.
pub(super) fn parameter_tasks<'a>(
    places: &BlockPlaces,
    sequences: &'a [Passes<'a>],
    into: &'a mut [f32],
) -> Vec<Task<'a>> {
    let width = places.qkv.inputs;
    let mut cut = Cut { sequences, rest: into, tasks: Vec::new() };
    cut.norm(width, |pass| &pass.norm1, |by| &by.by_norm1);
    cut.linear(&places.qkv, |pass| &pass.norm1.y, |by| &by.by_qkv);
    cut.linear(&places.projection, |pass| &pass.attended, |by| &by.by_projected);
    cut.norm(width, |pass| &pass.norm2, |by| &by.by_norm2);
    cut.linear(&places.expand, |pass| &pass.norm2.y, |by| &by.by_expanded);
    cut.linear(&places.contract, |pass| &pass.active, |by| &by.by_contracted);
    cut.tasks
}

/// What a part's input was.
type Of<T> = fn(&BlockPass) -> &T;
/// The derivative by what a part gave.
type By = fn(&BlockDerivatives) -> &[f32];

/// A block's derivative while it is being cut into tasks, in the order of its tensors.
struct Cut<'a> {
    sequences: &'a [Passes<'a>],
    rest: &'a mut [f32],
    tasks: Vec<Task<'a>>,
}

impl<'a> Cut<'a> {
    fn norm(&mut self, width: usize, of: Of<NormPass>, by: By) {
        let (gain, bias) = (split(&mut self.rest, width), split(&mut self.rest, width));
        let sequences = self.sequences.iter();
        self.tasks.push(Box::new(move || {
            by_gain(sequences.clone().map(|(pass, derivatives)| (of(pass), by(derivatives))), gain);
            by_bias(sequences.map(|(_, derivatives)| by(derivatives)), bias);
        }));
    }

    fn linear(&mut self, places: &LinearPlaces, of: Of<[f32]>, by: By) {
        let widths = (places.inputs, places.outputs);
        let sequences = self.sequences.iter();
        for begin in (0..widths.0).step_by(TASK_INPUTS) {
            let inputs = begin..widths.0.min(begin + TASK_INPUTS);
            let into = split(&mut self.rest, inputs.len() * widths.1);
            let pairs = sequences.clone().map(move |(pass, derivatives)| (of(pass), by(derivatives)));
            self.tasks.push(Box::new(move || by_weight(pairs, widths, inputs, into)));
        }
        let bias = split(&mut self.rest, widths.1);
        self.tasks.push(Box::new(move || by_bias(sequences.map(|(_, derivatives)| by(derivatives)), bias)));
    }
}
