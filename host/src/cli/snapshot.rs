//! `nearfield snapshot`: a copy of a store while training goes on.

use super::console::Console;
use super::failure::Failure;
use super::place::{self, Place};
use clap::Args;
use nearfield::disk;
use nearfield::store::{bytes_to_check, snapshot, Snapshot as Taken};
use serde_json::json;
use std::path::PathBuf;

/// Copy the last step of a store into a store of its own, while another process goes on with the next steps.
#[derive(Args)]
#[command(after_help = "Example:\n  nearfield snapshot --store state --to state-monday\n  \
nearfield snapshot --store /ssd0/state,/ssd1/state --to /ssd0/monday,/ssd1/monday\n\n\
The store need not be closed. Where the file system can (XFS, Btrfs, and both folders on one), files share their bytes with the \
store's until a step writes them, which takes no room and hardly any time; elsewhere they are copied, and if two steps are done \
meanwhile the copy is begun again. The copy is compared with the checksums.")]
pub struct Snapshot {
    #[command(flatten)]
    store: Place,
    /// The snapshot: as many folders as the store has, with commas between.
    #[arg(long, value_name = "DIR[,DIR]", value_delimiter = ',', required = true)]
    to: Vec<PathBuf>,
}

impl Snapshot {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let disk = disk::system();
        // Both sets of files: as much as is copied and compared. Before the second step, and where bytes are shared, half of it.
        let bar = console.progress("bytes", bytes_to_check(&disk, self.store.folders()));
        let taken = snapshot(&disk, self.store.folders(), &self.to, &mut |done| bar.set_position(done));
        bar.finish_and_clear();
        let Taken { step, shared_files, copied_files, copied_bytes, attempts, accumulated } =
            taken.map_err(Failure::begun)?;
        let to = place::name(&self.to);
        let result = json!({
            "store": self.store.name(), "to": to, "step": step, "devices": self.to.len(), "shared_files": shared_files,
            "copied_files": copied_files, "copied_bytes": copied_bytes, "attempts": attempts,
            "accumulated_left_out": accumulated,
        });
        console.result(&result, || {
            let how = match (shared_files, copied_files) {
                (_, 0) => format!("{shared_files} files share their bytes with the store's"),
                (0, _) => {
                    format!("{copied_files} files copied, {copied_bytes} bytes: their file system cannot share them")
                }
                _ => format!("{shared_files} files share their bytes with the store's, {copied_files} were copied"),
            };
            let again = if attempts > 1 { format!(", at attempt {attempts}") } else { String::new() };
            let left = match accumulated {
                0 => String::new(),
                count => format!("; the {count} gradients accumulated for the next step are not in it"),
            };
            format!("{to}: step {step}{again}; {how}{left}")
        })
    }
}
