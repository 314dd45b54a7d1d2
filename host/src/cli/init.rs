//! `nearfield init`: a store from parameters.

use super::console::Console;
use super::failure::Failure;
use super::optimizer::{self, OptimizerFlags};
use super::place::Place;
use anyhow::anyhow;
use clap::Args;
use glob::Pattern;
use nearfield::disk;
use nearfield::safetensors::{SafetensorsFile, Shards};
use nearfield::source::Dense;
use nearfield::store::{create, Contents, Model, StoreError, TensorEntry};
use nearfield_model::optimizer::Hyper;
use serde_json::json;
use std::path::PathBuf;

/// Make a store: the optimizer state of a model, in a folder or in one a device.
#[derive(Args)]
#[command(after_help = format!(
    "{}\n\nExample:\n  nearfield init --params model.safetensors --store state --optimizer adamw --lr 1e-3 --weight-decay 0.01\n  \
nearfield init --params model --store /ssd0/state,/ssd1/state --no-decay '*.bias' --no-decay '*norm*'",
    optimizer::table(Hyper::of)
))]
pub struct Init {
    /// The parameters: a safetensors file of F32 tensors, or a folder of such files.
    #[arg(long, value_name = "PATH")]
    params: PathBuf,
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

impl Init {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let hyper = self.optimizer.hyper(Hyper::of)?;
        let shards = Shards::open(&self.params)?;
        // By name: the same model gives the same store, whatever wrote the file.
        let tensors: Vec<TensorEntry> =
            shards.tensors().map(|(name, t)| TensorEntry { name: name.clone(), shape: t.shape.clone() }).collect();
        if !self.params.is_dir() {
            // Says which tensor it is that has another type.
            SafetensorsFile::open(&self.params)?;
        }
        let model = self.model(tensors, hyper)?;
        let (elements, count) =
            (model.tensors.iter().filter_map(TensorEntry::elements).sum::<u64>(), model.tensors.len());
        if elements == 0 {
            return Err(Failure::refused(anyhow!("{} has no elements to train", self.params.display())));
        }
        let params = Dense::open(shards, &model.tensors)?;
        params.refuse_other_than_f32()?;
        let bar = console.progress("elements", elements * (1 + hyper.states().len() as u64));
        let contents = Contents { subgroup_elements: self.subgroup, ..Contents::new(model) };
        create(&disk::system(), self.store.folders(), contents, |run, begin, into| {
            bar.inc(into.len() as u64);
            if run == 0 {
                params.read_range(begin..begin + into.len() as u64, bytemuck::cast_slice_mut(into))?;
            }
            Ok::<(), MakeError>(())
        })?;
        bar.finish_and_clear();
        let optimizer = hyper.optimizer().name();
        let store = self.store.name();
        let result = json!({
            "store": store, "optimizer": optimizer, "tensors": count, "elements": elements, "step": 0,
            "devices": self.store.folders().len(),
        });
        console.result(&result, || format!("{store}: {elements} parameters in {count} tensors, {optimizer}, step 0"))
    }

    fn model(&self, tensors: Vec<TensorEntry>, hyper: Hyper) -> Result<Model, Failure> {
        for pattern in &self.no_decay {
            if !tensors.iter().any(|tensor| pattern.matches(&tensor.name)) {
                let params = self.params.display();
                return Err(Failure::refused(anyhow!(
                    "--no-decay {pattern} matches no tensor of {params}; it is compared with the whole name, and * stands for any text"
                )));
            }
        }
        if self.no_decay.is_empty() {
            return Ok(Model::new(tensors, hyper));
        }
        Ok(Model::with_no_decay(tensors, hyper, |name| self.no_decay.iter().any(|pattern| pattern.matches(name))))
    }
}

/// Why a store was not made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    File(#[from] nearfield::safetensors::SafetensorsError),
}

impl From<MakeError> for Failure {
    fn from(error: MakeError) -> Failure {
        match error {
            MakeError::Store(error) => error.into(),
            MakeError::File(error) => Failure::failed(error),
        }
    }
}
