//! `nearfield init`: a store from parameters.

use super::console::Console;
use super::failure::Failure;
use super::optimizer::{self, OptimizerFlags};
use anyhow::anyhow;
use clap::Args;
use nearfield::safetensors::{flatten, SafetensorsFile};
use nearfield::store::{State, Store, TensorEntry};
use nearfield_model::optimizer::Hyper;
use serde_json::json;
use std::convert::Infallible;
use std::path::PathBuf;

/// Make a store: the optimizer state of a model, in one folder.
#[derive(Args)]
#[command(after_help = format!(
    "{}\n\nExample:\n  nearfield init --params model.safetensors --store state --optimizer adamw --lr 1e-3 --weight-decay 0.01",
    optimizer::table(Hyper::of)
))]
pub struct Init {
    /// The parameters, a safetensors file of F32 tensors.
    #[arg(long, value_name = "FILE")]
    params: PathBuf,
    /// The folder to make.
    #[arg(long, value_name = "DIR", value_parser = one_folder)]
    store: PathBuf,
    #[command(flatten)]
    optimizer: OptimizerFlags,
    /// Refused by name: whoever has read of it learns that it is not here yet.
    #[arg(long, value_name = "GLOB", hide = true, value_parser = no_decay)]
    no_decay: Option<Infallible>,
}

fn one_folder(text: &str) -> Result<PathBuf, String> {
    match text.contains(',') {
        true => Err("stores on several devices come with a later version; name one folder, without a comma".into()),
        false => Ok(text.into()),
    }
}

fn no_decay(_: &str) -> Result<Infallible, String> {
    Err("this flag comes with a later version; leave it out, and all tensors decay".into())
}

impl Init {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let hyper = self.optimizer.hyper(Hyper::of)?;
        let mut file = SafetensorsFile::open(&self.params)?;
        // By name: the same model gives the same store, whatever wrote the file.
        let tensors: Vec<TensorEntry> =
            file.tensors().iter().map(|(name, t)| TensorEntry { name: name.clone(), shape: t.shape.clone() }).collect();
        let state = State::new(flatten(&mut file, &tensors)?, &hyper);
        let elements = state.params.len();
        if elements == 0 {
            return Err(Failure::refused(anyhow!("{} has no elements to train", self.params.display())));
        }
        let count = tensors.len();
        Store::create(&self.store, tensors, &hyper, &state)?;
        let optimizer = hyper.optimizer().name();
        let result = json!({
            "store": self.store, "optimizer": optimizer, "tensors": count, "elements": elements, "step": 0,
        });
        console.result(&result, || {
            format!("{}: {elements} parameters in {count} tensors, {optimizer}, step 0", self.store.display())
        })
    }
}
