//! `nearfield check`: whether a store is whole, and the way back to its older generation.

use super::console::Console;
use super::failure::Failure;
use super::place::Place;
use anyhow::anyhow;
use clap::Args;
use nearfield::disk::{self, Disk};
use nearfield::store::{bytes_to_check, check, repair, Checked, Finding, StoreError};
use serde::Serialize;
use std::sync::Arc;

/// Read every file of a store and compare it with its checksum.
#[derive(Args)]
#[command(after_help = "Example:\n  nearfield check --store state\n  \
nearfield check --store /ssd0/state,/ssd1/state --repair\n\n\
A store has the state after its last step and, until the next step begins, the one before it. Exit code 1 says that the last \
one is damaged; --repair then goes back to the one before if that is whole, and that step has to be done again. It says the same of damaged \
accumulated gradients: `nearfield accumulate --drop` forgets them.")]
pub struct Check {
    #[command(flatten)]
    store: Place,
    /// If the last step is damaged, or the manifest, go back to the step before while that is whole.
    #[arg(long)]
    repair: bool,
}

/// What is printed.
#[derive(Serialize)]
struct Printed {
    store: String,
    /// The steps at which the store stands, and accumulated gradients; none if the manifest is damaged.
    #[serde(flatten)]
    found: Checked,
    /// What is wrong with the manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<String>,
    /// The step that `--repair` went back to.
    #[serde(skip_serializing_if = "Option::is_none")]
    repaired_to: Option<u64>,
}

impl Check {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let disk = disk::system();
        let bar = console.progress("bytes", bytes_to_check(&disk, self.store.folders()));
        let found = check(&disk, self.store.folders(), &mut |done| bar.set_position(done));
        bar.finish_and_clear();
        let nothing = Checked { generations: Vec::new(), accumulated: None };
        let mut printed = Printed { store: self.store.name(), found: nothing, manifest: None, repaired_to: None };
        match found {
            Ok(found) => printed.found = found,
            Err(StoreError::Damaged { path, what }) => printed.manifest = Some(format!("{}: {what}", path.display())),
            Err(error) => return Err(error.into()),
        }
        if printed.is_whole() {
            return console.result(&printed, || printed.text());
        }
        // Where only accumulated gradients are damaged there is nothing to go back to.
        if !self.repair || printed.state_is_whole() {
            console.result(&printed, || printed.text())?;
            return Err(Failure::failed(anyhow!("{} is damaged; {}", printed.store, printed.advice())));
        }
        match self.repair(console, &disk) {
            Ok(step) => printed.repaired_to = Some(step),
            Err(error @ (StoreError::NoWayBack { .. } | StoreError::Damaged { .. })) => {
                console.result(&printed, || printed.text())?;
                return Err(Failure::failed(error));
            }
            Err(error) => return Err(error.into()),
        }
        console.result(&printed, || printed.text())
    }

    fn repair(&self, console: &Console, disk: &Arc<dyn Disk>) -> Result<u64, StoreError> {
        let bar = console.progress("bytes", bytes_to_check(disk, self.store.folders()));
        let repaired = repair(disk, self.store.folders(), &mut |done| bar.set_position(done));
        bar.finish_and_clear();
        repaired
    }
}

impl Printed {
    fn is_whole(&self) -> bool {
        self.state_is_whole() && self.found.accumulated.iter().all(|found| found.damage.is_empty())
    }

    fn state_is_whole(&self) -> bool {
        self.manifest.is_none() && self.found.generations.iter().all(|found| !found.current || found.damage.is_empty())
    }

    /// What to do about damage.
    fn advice(&self) -> String {
        if self.state_is_whole() {
            return "its last step is whole, the gradients that wait are not; `nearfield accumulate --drop` forgets them, \
                    then accumulate them again"
                .into();
        }
        let whole = self.found.generations.iter().find(|found| found.damage.is_empty());
        match (&self.manifest, whole) {
            (Some(_), _) => {
                "no command opens it; --repair takes the manifest of the step before, while its files are whole".into()
            }
            (None, Some(found)) => format!("--repair goes back to step {}, which is whole", found.step),
            (None, None) => "no step of it is whole; restore it from a snapshot, or import exported tensors".into(),
        }
    }

    fn text(&self) -> String {
        let mut lines = Vec::new();
        let told = |damage: &[Finding]| -> Vec<String> {
            damage.iter().map(|finding| format!("  device {}: {}", finding.device, finding.what)).collect()
        };
        if let Some(what) = &self.manifest {
            lines.push(format!("{}: no step can be told, the manifest is damaged", self.store));
            lines.push(format!("  {what}"));
        }
        for found in &self.found.generations {
            let is = if found.current { "the last one" } else { "the one before" };
            let state = if found.damage.is_empty() { "whole" } else { "damaged" };
            lines.push(format!("{}: step {}, {is}, is {state}", self.store, found.step));
            lines.extend(told(&found.damage));
        }
        if let Some(found) = &self.found.accumulated {
            let state = if found.damage.is_empty() { "whole" } else { "damaged" };
            lines.push(format!("{}: the sum of {} accumulated gradients is {state}", self.store, found.count));
            lines.extend(told(&found.damage));
        }
        if let Some(step) = self.repaired_to {
            lines
                .push(format!("{}: went back to step {step}; what was done after it has to be done again", self.store));
        }
        lines.join("\n")
    }
}
