//! `nearfield gcn`: graph convolutional networks, a file a subcommand.

mod fetch;
mod train;

use super::console::Console;
use super::failure::Failure;
use clap::{Args, Subcommand};

/// Graph convolutional networks: get their data sets, and train them with the optimizer on a device.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  nearfield gcn train --dataset cora --device sim:smartssd --check\n  nearfield gcn fetch pubmed"
)]
pub struct Gcn {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Fetch(fetch::Fetch),
    Train(Box<train::Train>),
}

impl Gcn {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        match self.command {
            Command::Fetch(command) => command.run(console),
            Command::Train(command) => command.run(console),
        }
    }
}
