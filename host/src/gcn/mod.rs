//! Training of a two-layer graph convolutional network (Kipf & Welling, "Semi-Supervised Classification with Graph
//! Convolutional Networks", ICLR 2017) whose optimizer steps run on a device.
//!
//! Forward and backward run here, on one thread, so that a result depends on the seed alone and not on how many threads
//! there are. The parameters are one flat run of elements; every step of all of them is the device's. Their gradient goes
//! there as it is, or as the stream of its largest elements.

mod compression;
mod csr;
mod dataset;
mod network;
mod optimizer;
mod random;
mod run;
mod split;
mod train;
mod weights;

pub use compression::{Compression, CompressionError, CompressionReport, TopK};
pub use csr::{Csr, CsrBuilder};
pub use dataset::{names, Dataset, DatasetError};
pub use network::{Loss, Network, Pass, Score, Shape, Tensor};
pub use optimizer::{Checked, Optimizer, OptimizerError, Reference};
pub use random::{generator, Purpose};
pub use run::{run, Run, RunError, RunReport, SplitReport};
pub use split::{Split, SplitError, TEST, TRAIN_PER_CLASS, VALIDATION};
pub use train::{train, Epoch, Options, TrainError, Trained};
pub use weights::save;
