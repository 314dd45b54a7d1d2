//! `nearfield reshard`: the same state on other devices.

use super::console::Console;
use super::failure::Failure;
use super::place::{self, Place};
use clap::Args;
use nearfield::store::reshard;
use serde_json::json;
use std::path::PathBuf;

/// Make a store with the state of another one, on another number of devices.
#[derive(Args)]
#[command(after_help = "Example:\n  nearfield reshard --store /ssd0/state,/ssd1/state --to /nvme/state\n  \
nearfield reshard --store state --to /ssd0/state,/ssd1/state,/ssd2/state --subgroup 4194304\n\n\
Everything that is read is compared with its checksums. The old store stays as it is; remove it when the new one is in use.")]
pub struct Reshard {
    #[command(flatten)]
    store: Place,
    /// The new store: its folders, one a device, with commas between.
    #[arg(long, value_name = "DIR[,DIR]", value_delimiter = ',', required = true)]
    to: Vec<PathBuf>,
    /// Elements of a subgroup, what is dealt to devices: without it 16777216, or less where a device would have nothing to do.
    #[arg(long, value_name = "N")]
    subgroup: Option<u64>,
}

impl Reshard {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let store = self.store.open()?;
        let elements = store.elements();
        let bar = console.progress("elements", elements * store.series().runs.len() as u64);
        let made = reshard(&store, &self.to, self.subgroup, &mut |done| bar.set_position(done));
        bar.finish_and_clear();
        made.map_err(Failure::begun)?;
        let (to, step) = (place::name(&self.to), store.powers().step);
        let (before, devices) = (store.folders().len(), self.to.len());
        let result = json!({
            "store": store.name(), "to": to, "devices_before": before, "devices": devices, "elements": elements, "step": step,
        });
        console.result(&result, || {
            format!("{to}: {elements} parameters of step {step} on {devices} devices, {before} before")
        })
    }
}
