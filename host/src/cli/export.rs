//! `nearfield export`: a store's tensors as a safetensors file.

use super::console::Console;
use super::failure::Failure;
use super::output::refuse_unwritable;
use anyhow::{anyhow, Context};
use clap::Args;
use nearfield::safetensors;
use nearfield::store::{by_tensor, Store, TensorEntry};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Write a store's parameters, and with --state the optimizer's state, as safetensors.
#[derive(Args)]
#[command(after_help = "Example:\n  nearfield export --store state -o trained.safetensors --state\n\n\
With --state the state of a tensor NAME is NAME.exp_avg and NAME.exp_avg_sq (adam, adamw), NAME.exp_avg_sq (adagrad), \
NAME.exp_avg (lion) or NAME.momentum_buffer (sgd with momentum). The number of steps stands in the metadata under `step`.")]
pub struct Export {
    /// The store.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// The file to write.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Write the optimizer's state too.
    #[arg(long)]
    state: bool,
}

type Named<'a> = BTreeMap<String, (&'a [u64], &'a [f32])>;

impl Export {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        refuse_unwritable(&self.output).map_err(Failure::refused)?;
        let store = Store::open(&self.store)?;
        let state = store.load()?;
        let tensors = &store.manifest().tensors;
        let mut named = Named::new();
        add(&mut named, tensors, "", &state.params).map_err(Failure::refused)?;
        if self.state {
            for (name, run) in store.hyper().states().iter().zip(&state.states) {
                add(&mut named, tensors, &format!(".{name}"), run).map_err(Failure::refused)?;
            }
        }
        let step = store.manifest().progress.step;
        let metadata = BTreeMap::from([("step".to_string(), step.to_string())]);
        safetensors::write(&self.output, &named, &metadata)
            .with_context(|| format!("cannot write {}; make room or name another place", self.output.display()))
            .map_err(Failure::failed)?;
        let result = json!({ "output": self.output, "tensors": named.len(), "step": step });
        console.result(&result, || format!("{}: {} tensors of step {step}", self.output.display(), named.len()))
    }
}

/// Adds a flat run's tensors under their names with a suffix.
fn add<'a>(named: &mut Named<'a>, tensors: &'a [TensorEntry], suffix: &str, run: &'a [f32]) -> anyhow::Result<()> {
    for (tensor, here) in by_tensor(tensors, run) {
        let name = format!("{}{suffix}", tensor.name);
        if named.insert(name.clone(), (&tensor.shape, here)).is_some() {
            return Err(anyhow!(
                "two tensors would be called {name:?}; export without --state, or rename the parameter"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_collide() {
        let tensors: Vec<TensorEntry> =
            ["w", "w.exp_avg"].map(|n| TensorEntry { name: n.into(), shape: vec![2] }).into();
        let (params, exp_avg) = ([1.0, 2.0, 3.0, 4.0], [0.0; 4]);
        let mut named = Named::new();
        add(&mut named, &tensors, "", &params).unwrap();
        assert_eq!(named["w.exp_avg"].1, [3.0, 4.0]);
        assert!(add(&mut named, &tensors, ".exp_avg", &exp_avg).unwrap_err().to_string().contains("w.exp_avg"));
    }
}
