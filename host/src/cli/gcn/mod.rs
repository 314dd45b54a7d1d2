//! `nearfield gcn`: graph convolutional networks, a file a subcommand.

mod bench;
mod fetch;
mod train;

use super::console::Console;
use super::failure::Failure;
use clap::{Args, Subcommand};

/// Graph convolutional networks: get their data sets, train them with the optimizer on a device, and measure
/// the aggregation kernel.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  nearfield gcn train --dataset cora --device sim:smartssd --check\n  nearfield gcn fetch pubmed\n  \
nearfield gcn bench --graph cora --format beicsr,dense"
)]
pub struct Gcn {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Bench(Box<bench::Bench>),
    Fetch(fetch::Fetch),
    Train(Box<train::Train>),
}

impl Gcn {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        match self.command {
            Command::Bench(command) => command.run(console),
            Command::Fetch(command) => command.run(console),
            Command::Train(command) => command.run(console),
        }
    }
}
