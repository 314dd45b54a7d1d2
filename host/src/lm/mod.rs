//! Training of a language model on bytes: a GPT (Radford et al., 2019) whose optimizer steps run elsewhere.
//!
//! [`Gpt`] computes a loss and its derivatives by all parameters, which are one flat run; [`Optimize`] keeps that run with
//! the optimizer's state and does the steps; [`train()`] brings both together, and [`Trigram`] is the model that a GPT has to
//! beat. A run depends on its options and its text alone, not on the number of threads and not on where it was interrupted.

mod activation;
mod attention;
mod block;
#[cfg(test)]
mod difference;
mod elementary;
mod gpt;
mod linear;
mod matrix;
mod norm;
mod optimize;
mod plan;
mod random;
mod shape;
mod text;
mod train;
mod trigram;
mod weights;
mod workers;

pub use gpt::{Gpt, Window};
pub use optimize::{InMemory, Optimize, OptimizeError, Update};
pub use plan::{Options, Plan, PlanError, RecordError};
pub use random::{generator, Purpose};
pub use shape::{Shape, ShapeError, CALM, EMBEDDING_DEVIATION, VOCABULARY};
pub use text::{Text, TextError};
pub use train::{train, Event, Sample, TrainError, Trained, Watch};
pub use trigram::Trigram;
pub use weights::save;

/// Takes the first elements off a slice that is being handed out.
fn split<'a>(rest: &mut &'a mut [f32], elements: usize) -> &'a mut [f32] {
    let (here, after) = std::mem::take(rest).split_at_mut(elements);
    *rest = after;
    here
}
