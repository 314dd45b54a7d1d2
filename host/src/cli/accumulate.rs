//! `nearfield accumulate`: gradients of several micro-batches, added up in the store.

use super::console::Console;
use super::failure::Failure;
use super::place::{Bytes, Place};
use anyhow::anyhow;
use clap::Args;
use nearfield::handler::{accumulate, DEFAULT_MEMORY};
use nearfield::source;
use serde_json::json;
use std::path::PathBuf;

/// Add gradients of a micro-batch to those that wait in a store for `nearfield step --accumulated`.
#[derive(Args)]
#[command(after_help = "Example:\n  nearfield accumulate --store state --grads one.safetensors\n  \
nearfield accumulate --store state --grads two.safetensors\n  nearfield step --store state --accumulated --loss-scale 2\n\n\
Gradients are added in binary32, in the order in which they come; --loss-scale N in the step makes the sum of N a mean. The sums take 8 \
bytes a parameter on the drives, from the first time on.")]
pub struct Accumulate {
    #[command(flatten)]
    store: Place,
    /// The gradients, as `nearfield step` takes them.
    #[arg(long, value_name = "PATH", required_unless_present = "drop")]
    grads: Option<PathBuf>,
    /// Forget what waits instead.
    #[arg(long, conflicts_with = "grads")]
    drop: bool,
    /// The most memory for buffers, of all devices together.
    #[arg(long, value_name = "BYTES", default_value_t = Bytes(DEFAULT_MEMORY))]
    memory: Bytes,
}

impl Accumulate {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let mut store = self.store.open()?;
        let name = store.name();
        let Some(grads) = &self.grads else {
            let count = store.manifest().accumulated.as_ref().map_or(0, |accumulated| accumulated.count);
            store.drop_accumulated()?;
            let result = json!({ "store": name, "accumulated": 0, "dropped": count });
            return console.result(&result, || format!("{name}: {count} accumulated gradients are forgotten"));
        };
        let source = source::open(grads, &store.manifest().tensors, store.layout())?;
        let bar = console.progress("elements", store.elements());
        let done = accumulate(&mut store, &source, self.memory.0, &mut |done| bar.set_position(done));
        bar.finish_and_clear();
        let count = done?;
        let squares = store.manifest().accumulated.as_ref().and_then(|accumulated| accumulated.squares());
        let squares =
            squares.ok_or_else(|| Failure::failed(anyhow!("{name} does not have what was just added to it")))?;
        let result = json!({ "store": name, "accumulated": count, "nonfinite": squares.nonfinite });
        console.result(&result, || {
            let not = if squares.nonfinite { ", not all of them finite" } else { "" };
            let gradients = if count == 1 { "gradient waits" } else { "gradients, added up, wait" };
            format!("{name}: {count} {gradients} for `nearfield step --accumulated`{not}")
        })
    }
}
