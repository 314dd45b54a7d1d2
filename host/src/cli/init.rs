//! `nearfield init`: a store from parameters.

use super::console::Console;
use super::failure::Failure;
use super::new_store::NewStore;
use super::optimizer;
use clap::Args;
use nearfield::safetensors::{SafetensorsFile, Shards};
use nearfield::source::Dense;
use nearfield::store::{Progress, TensorEntry};
use nearfield_model::optimizer::Hyper;
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
    store: NewStore,
}

impl Init {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let hyper = self.store.hyper()?;
        let shards = Shards::open(&self.params)?;
        // By name: the same model gives the same store, whatever wrote the file.
        let tensors: Vec<TensorEntry> =
            shards.tensors().map(|(name, t)| TensorEntry { name: name.clone(), shape: t.shape.clone() }).collect();
        if !self.params.is_dir() {
            // Says which tensor it is that has another type.
            SafetensorsFile::open(&self.params)?;
        }
        let model = self.store.model(tensors, hyper, &self.params)?;
        let params = Dense::open(shards, &model.tensors)?;
        params.refuse_other_than_f32()?;
        self.store.make(console, model, Progress::of(&hyper.powers()), &[params])
    }
}
