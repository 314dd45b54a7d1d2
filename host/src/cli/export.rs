//! `nearfield export`: a store's tensors as safetensors files.

use super::console::Console;
use super::failure::Failure;
use super::output::refuse_unwritable;
use super::place::{Bytes, Place};
use anyhow::{anyhow, Context};
use clap::Args;
use nearfield::export::{export, ExportError, Output};
use serde_json::json;
use std::path::PathBuf;

/// Write a store's parameters, and with --state the optimizer's state, as safetensors.
#[derive(Args)]
#[command(after_help = "Example:\n  nearfield export --store state -o trained.safetensors --state\n  \
nearfield export --store /ssd0/state,/ssd1/state -o trained --shard 4G\n\n\
With --state the state of a tensor NAME is NAME.exp_avg and NAME.exp_avg_sq (adam, adamw), NAME.exp_avg_sq (adagrad), \
NAME.exp_avg (lion) or NAME.momentum_buffer (sgd with momentum). The number of steps stands in the metadata under `step`.")]
pub struct Export {
    #[command(flatten)]
    store: Place,
    /// The file to write; with --shard, the folder.
    #[arg(short, long, value_name = "PATH")]
    output: PathBuf,
    /// Write the optimizer's state too.
    #[arg(long)]
    state: bool,
    /// Write a folder of files of at most this size (a tensor is never cut), with their index: 4G.
    #[arg(long, value_name = "BYTES")]
    shard: Option<Bytes>,
}

impl Export {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let output = match self.shard {
            None => {
                refuse_unwritable(&self.output).map_err(Failure::refused)?;
                Output::File(self.output.clone())
            }
            Some(Bytes(bytes)) => {
                if self.output.exists() {
                    let output = self.output.display();
                    return Err(Failure::refused(anyhow!("{output} exists already; name a new folder for the shards")));
                }
                Output::Shards { folder: self.output.clone(), bytes }
            }
        };
        let store = self.store.open()?;
        let runs = if self.state { store.series().runs.len() as u64 } else { 1 };
        let bar = console.progress("elements", runs * store.elements());
        let exported = export(&store, &output, self.state, &mut |done| bar.set_position(done));
        bar.finish_and_clear();
        let exported = match exported {
            Ok(exported) => exported,
            Err(ExportError::Store(error)) => return Err(error.into()),
            Err(error @ ExportError::Names { .. }) => return Err(Failure::refused(error)),
            Err(ExportError::Write(error)) => {
                return Err(error)
                    .with_context(|| format!("cannot write {}; make room or name another place", self.output.display()))
                    .map_err(Failure::failed)
            }
        };
        let step = store.manifest().current().progress.step;
        let result = json!({
            "output": self.output, "tensors": exported.tensors, "files": exported.files, "step": step,
        });
        console.result(&result, || format!("{}: {} tensors of step {step}", self.output.display(), exported.tensors))
    }
}
