//! The flags of commands that make a store of parameters.

use super::console::Console;
use super::failure::Failure;
use super::optimizer::OptimizerFlags;
use super::place::Place;
use anyhow::anyhow;
use clap::Args;
use glob::Pattern;
use nearfield::disk;
use nearfield::safetensors::SafetensorsError;
use nearfield::source::Dense;
use nearfield::store::{create, Contents, Model, Progress, StoreError, TensorEntry};
use nearfield_model::optimizer::Hyper;
use serde_json::json;
use std::path::Path;

/// Where the store is to lie, for which optimizer, and how it is cut.
#[derive(Args)]
pub struct NewStore {
    #[command(flatten)]
    store: Place,
    #[command(flatten)]
    optimizer: OptimizerFlags,
    /// Tensors whose whole name matches do not decay; may be given more than once.
    #[arg(long, value_name = "GLOB", value_parser = Pattern::new)]
    no_decay: Vec<Pattern>,
    /// Elements of a subgroup, what is dealt to devices: without it 16777216, or less where a device would have nothing to do.
    #[arg(long, value_name = "N")]
    subgroup: Option<u64>,
}

impl NewStore {
    /// The optimizer's hyper-parameters.
    pub fn hyper(&self) -> Result<Hyper, Failure> {
        self.optimizer.hyper(Hyper::of)
    }

    /// The model of tensors that are in `path`, with its groups.
    pub fn model(&self, tensors: Vec<TensorEntry>, hyper: Hyper, path: &Path) -> Result<Model, Failure> {
        for pattern in &self.no_decay {
            if !tensors.iter().any(|tensor| pattern.matches(&tensor.name)) {
                return Err(Failure::refused(anyhow!(
                    "--no-decay {pattern} matches no tensor of {}; it is compared with the whole name, and * stands for any text",
                    path.display()
                )));
            }
        }
        if tensors.iter().filter_map(TensorEntry::elements).sum::<u64>() == 0 {
            return Err(Failure::refused(anyhow!("{} has no elements to train", path.display())));
        }
        if self.no_decay.is_empty() {
            return Ok(Model::new(tensors, hyper));
        }
        Ok(Model::with_no_decay(tensors, hyper, |name| self.no_decay.iter().any(|pattern| pattern.matches(name))))
    }

    /// Makes the store and prints what it is. `runs` are the parameters and the optimizer's first states; the others are zero.
    pub fn make(self, console: &Console, model: Model, progress: Progress, runs: &[Dense]) -> Result<(), Failure> {
        let (count, hyper, step) = (model.tensors.len(), model.hyper, progress.step);
        let elements: u64 = model.tensors.iter().filter_map(TensorEntry::elements).sum();
        let contents = Contents { subgroup_elements: self.subgroup, progress, ..Contents::new(model) };
        let bar = console.progress("elements", elements * (1 + hyper.states().len() as u64));
        create(&disk::system(), self.store.folders(), contents, |run, begin, into| {
            bar.inc(into.len() as u64);
            if let Some(run) = runs.get(run) {
                run.read_range(begin..begin + into.len() as u64, bytemuck::cast_slice_mut(into))?;
            }
            Ok::<(), MakeError>(())
        })?;
        bar.finish_and_clear();
        let optimizer = hyper.optimizer().name();
        let store = self.store.name();
        let result = json!({
            "store": store, "optimizer": optimizer, "tensors": count, "elements": elements, "step": step,
            "devices": self.store.folders().len(),
        });
        console
            .result(&result, || format!("{store}: {elements} parameters in {count} tensors, {optimizer}, step {step}"))
    }
}

/// Why a store was not made.
#[derive(Debug, thiserror::Error)]
enum MakeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    File(#[from] SafetensorsError),
}

impl From<MakeError> for Failure {
    fn from(error: MakeError) -> Failure {
        match error {
            MakeError::Store(error) => error.into(),
            MakeError::File(error) => Failure::failed(error),
        }
    }
}
