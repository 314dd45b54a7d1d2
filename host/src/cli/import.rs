//! `nearfield import`: a store from a checkpoint, this program's or another's.

use super::console::Console;
use super::failure::Failure;
use super::new_store::NewStore;
use super::optimizer;
use clap::Args;
use nearfield::import::{Checkpoint, ImportError, Paths};
use nearfield::store::{Progress, STEPS};
use nearfield_model::optimizer::Hyper;
use std::path::PathBuf;

/// Make a store from a checkpoint: parameters, the optimizer's state, and the number of steps done.
#[derive(Args)]
#[command(after_help = format!(
    "One of these names must fit all tensors, all of them F32 (exp_avg_sq likewise; adagrad in PyTorch: sum; sgd: momentum_buffer):\n  \
NAME, NAME.exp_avg                                       what `nearfield export --state` writes\n  \
NAME, state.NAME.exp_avg, state.NAME.step                PyTorch's flattened optimizer state\n  \
NAME, state.0.exp_avg, state.0.step                      PyTorch's optimizer state, with --order\n  \
[zero/]NAME/fp32, [zero/]NAME/exp_avg, [zero/]NAME/step  DeepSpeed's universal checkpoint\n\n{}\n\nExample:\n  \
nearfield import --from trained.safetensors --store state --optimizer adamw --lr 1e-3\n  \
nearfield import --params model --from optimizer.safetensors --store /ssd0/state,/ssd1/state --lr 1e-3 --no-decay '*.bias'",
    optimizer::table(Hyper::of)
))]
pub struct Import {
    /// Parameters and state: a safetensors file, or a folder of such files.
    #[arg(long, value_name = "PATH")]
    from: PathBuf,
    /// The parameters, if they lie apart from the state.
    #[arg(long, value_name = "PATH")]
    params: Option<PathBuf>,
    /// The parameters' names, one a line, for a state that counts them (state.0.exp_avg).
    #[arg(long, value_name = "FILE")]
    order: Option<PathBuf>,
    #[command(flatten)]
    store: NewStore,
    /// Steps done, whatever the checkpoint says.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..STEPS))]
    step: Option<u64>,
}

impl Import {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let hyper = self.store.hyper()?;
        let path = self.params.clone().unwrap_or_else(|| self.from.clone());
        let paths = Paths { from: self.from, params: self.params, order: self.order };
        let checkpoint = Checkpoint::find(paths, hyper)?;
        let step = self.step.map_or_else(|| checkpoint.step(), Ok)?;
        let model = self.store.model(checkpoint.tensors().to_vec(), hyper, &path)?;
        let runs = checkpoint.runs(&model.tensors)?;
        self.store.make(console, model, Progress::at(step, &hyper), &runs)
    }
}

// A checkpoint is looked at before anything is written.
impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Failure {
        Failure::refused(error)
    }
}
