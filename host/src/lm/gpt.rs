//! The model: bytes in, a distribution over the next byte out. Forward and backward are written out by hand.
//!
//! `x = token[byte] + position[place]`, the blocks, a normalisation, and a linear head without bias; the loss is the mean
//! cross-entropy of the bytes that follow.
//!
//! The sequences of a batch are computed apart, each whole on one thread. The derivative by a parameter is then summed
//! over the sequences in their order by one thread. So nothing depends on how many threads there are.

use super::block::{parameter_tasks, Block, BlockDerivatives, BlockPass, Passes, Task};
use super::elementary::{exp, largest, sum};
use super::linear::{by_bias, by_weight, Linear};
use super::norm::{by_gain, Norm, NormPass};
use super::shape::{Places, Shape, VOCABULARY};
use super::{split, workers};

/// A run of bytes and for each of them the byte that follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window<'t> {
    /// Bytes, as many as the model's context.
    pub inputs: &'t [u8],
    /// The byte that follows each of them.
    pub targets: &'t [u8],
}

/// Room for what one sequence needs between forward and backward.
struct Sequence {
    inputs: Vec<u8>,
    targets: Vec<u8>,
    /// What the blocks add to; afterwards the derivative by it.
    x: Vec<f32>,
    blocks: Vec<BlockPass>,
    norm: NormPass,
    by_norm: Vec<f32>,
    /// Logits; afterwards the derivative by them.
    logits: Vec<f32>,
    by: BlockDerivatives,
    /// Cross-entropy of the targets, summed, in nats.
    loss: f64,
}

/// A model of a shape, with room for a batch. Parameters are not part of it.
pub struct Gpt {
    shape: Shape,
    places: Places,
    threads: usize,
    sequences: Vec<Sequence>,
}

impl Gpt {
    /// A model that works on `batch` sequences at once with `threads` threads.
    ///
    /// # Panics
    /// If the shape is one that [`Shape::check`] refuses, or if `batch` is 0.
    pub fn new(shape: Shape, batch: usize, threads: usize) -> Gpt {
        assert!(shape.check().is_ok() && batch > 0, "a shape that is refused, or no sequence");
        let sequences = (0..batch).map(|_| Sequence::new(&shape)).collect();
        Gpt { shape, places: shape.places(), threads, sequences }
    }

    /// Its widths.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Sequences of a batch.
    pub fn batch(&self) -> usize {
        self.sequences.len()
    }

    /// The mean cross-entropy of a batch's targets in nats. Its derivatives by all parameters replace what is in `gradients`.
    ///
    /// # Panics
    /// If `parameters` or `gradients` is not as long as the shape says, if `windows` are not as many as the batch has
    /// sequences, or if one is not as long as the context.
    pub fn gradients(&mut self, parameters: &[f32], windows: &[Window<'_>], gradients: &mut [f32]) -> f64 {
        assert_eq!(windows.len(), self.batch(), "a window a sequence");
        let Gpt { shape, places, threads, sequences } = self;
        assert!(parameters.len() == places.head.end && gradients.len() == parameters.len());
        let tokens = (windows.len() * shape.context) as f32;
        let tasks = sequences.iter_mut().zip(windows).collect();
        workers::each(*threads, tasks, |(sequence, window)| {
            sequence.forward(shape, places, parameters, window);
            sequence.score(Some(1.0 / tokens));
            sequence.backward_head(places, parameters);
        });
        for (block, part) in places.blocks.iter().enumerate().rev() {
            workers::each(*threads, sequences.iter_mut().collect(), |sequence: &mut Sequence| {
                let Sequence { x, blocks, by, .. } = sequence;
                Block::new(shape, &parameters[part.clone()], &places.block).backward(&blocks[block], x, by);
            });
            let passes: Vec<Passes<'_>> =
                sequences.iter().map(|sequence| (&sequence.blocks[block], &sequence.by)).collect();
            let tasks = parameter_tasks(&places.block, &passes, &mut gradients[part.clone()]);
            workers::each(*threads, tasks, |task| task());
        }
        workers::each(*threads, outer_tasks(shape, sequences, gradients), |task| task());
        sequences.iter().map(|sequence| sequence.loss).sum::<f64>() / f64::from(tokens)
    }

    /// The cross-entropy of all targets of any number of windows, summed, in nats.
    ///
    /// # Panics
    /// If `parameters` is not as long as the shape says, or if a window is not as long as the context.
    pub fn evaluate(&mut self, parameters: &[f32], windows: &[Window<'_>]) -> f64 {
        let Gpt { shape, places, threads, sequences } = self;
        assert_eq!(parameters.len(), places.head.end);
        let mut loss = 0.0;
        for windows in windows.chunks(sequences.len()) {
            workers::each(*threads, sequences.iter_mut().zip(windows).collect(), |(sequence, window)| {
                sequence.forward(shape, places, parameters, window);
                sequence.score(None);
            });
            loss += sequences[..windows.len()].iter().map(|sequence| sequence.loss).sum::<f64>();
        }
        loss
    }
}

impl Sequence {
    fn new(shape: &Shape) -> Sequence {
        let room = |width: usize| vec![0.0; shape.context * width];
        Sequence {
            inputs: vec![0; shape.context],
            targets: vec![0; shape.context],
            x: room(shape.width),
            blocks: (0..shape.layers).map(|_| BlockPass::new(shape)).collect(),
            norm: NormPass::new(shape.context, shape.width),
            by_norm: room(shape.width),
            logits: room(VOCABULARY),
            by: BlockDerivatives::new(shape),
            loss: 0.0,
        }
    }

    /// Logits of a window.
    fn forward(&mut self, shape: &Shape, places: &Places, parameters: &[f32], window: &Window<'_>) {
        self.inputs.copy_from_slice(window.inputs);
        self.targets.copy_from_slice(window.targets);
        let (width, tokens) = (shape.width, &parameters[places.token.clone()]);
        let positions = parameters[places.position.clone()].chunks_exact(width);
        for ((x, &byte), position) in self.x.chunks_exact_mut(width).zip(&self.inputs).zip(positions) {
            let token = &tokens[usize::from(byte) * width..][..width];
            x.iter_mut().zip(token).zip(position).for_each(|((x, token), position)| *x = token + position);
        }
        for (pass, part) in self.blocks.iter_mut().zip(&places.blocks) {
            Block::new(shape, &parameters[part.clone()], &places.block).forward(&mut self.x, pass);
        }
        Norm::new(parameters, &places.norm).forward(&self.x, &mut self.norm);
        head(places, parameters).forward(&self.norm.y, &mut self.logits);
    }

    /// The loss of the logits. With a `share`, the logits become the derivatives of `share` · loss by them.
    fn score(&mut self, share: Option<f32>) {
        self.loss = 0.0;
        for (logits, &target) in self.logits.chunks_exact_mut(VOCABULARY).zip(&self.targets) {
            let target = usize::from(target);
            let most = largest(logits);
            let chosen = logits[target] - most;
            logits.iter_mut().for_each(|logit| *logit = exp(*logit - most));
            let total = sum(logits);
            self.loss += f64::from(total).ln() - f64::from(chosen);
            if let Some(share) = share {
                let factor = share / total;
                logits.iter_mut().for_each(|logit| *logit *= factor);
                logits[target] -= share;
            }
        }
    }

    /// The derivative by what the last block gave, in x.
    fn backward_head(&mut self, places: &Places, parameters: &[f32]) {
        head(places, parameters).backward(&self.logits, &mut self.by_norm);
        self.x.fill(0.0);
        Norm::new(parameters, &places.norm).backward(&self.norm, &self.by_norm, &mut self.x);
    }
}

fn head<'a>(places: &Places, parameters: &'a [f32]) -> Linear<'a> {
    Linear::without_bias(&parameters[places.head.clone()], VOCABULARY)
}

/// The derivatives by what lies outside the blocks, each element in one task.
fn outer_tasks<'a>(shape: &Shape, sequences: &'a [Sequence], gradients: &'a mut [f32]) -> Vec<Task<'a>> {
    let places = shape.places();
    let width = shape.width;
    let mut rest = gradients;
    let tokens = split(&mut rest, places.token.len());
    let positions = split(&mut rest, places.position.len());
    split(&mut rest, places.norm.gain.start - places.position.end);
    let (gain, bias) = (split(&mut rest, width), split(&mut rest, width));
    vec![
        Box::new(move || {
            tokens.fill(0.0);
            for sequence in sequences {
                for (&byte, by_x) in sequence.inputs.iter().zip(sequence.x.chunks_exact(width)) {
                    let token = &mut tokens[usize::from(byte) * width..][..width];
                    token.iter_mut().zip(by_x).for_each(|(sum, value)| *sum += value);
                }
            }
        }),
        Box::new(move || by_bias(sequences.iter().map(|sequence| &sequence.x[..]), positions)),
        Box::new(move || {
            by_gain(sequences.iter().map(|sequence| (&sequence.norm, &sequence.by_norm[..])), gain);
            by_bias(sequences.iter().map(|sequence| &sequence.by_norm[..]), bias);
        }),
        Box::new(move || {
            let pairs = sequences.iter().map(|sequence| (&sequence.norm.y[..], &sequence.logits[..]));
            by_weight(pairs, (width, VOCABULARY), 0..width, rest);
        }),
    ]
}

#[cfg(test)]
mod tests;
