//! The command line: a file a subcommand.
//!
//! Each file has the subcommand's arguments, with the text of its help, and `run`. Results go to standard output, as text
//! or with `--json` as one JSON object; progress and logs go to standard error. Exit codes: 0 done; 2 refused before
//! anything ran or was written; 1 began and failed ([`failure::Failure`]).

mod accumulate;
mod bench;
mod check;
mod compress;
mod console;
mod doctor;
mod emit;
mod export;
mod failure;
mod gcn;
mod import;
mod init;
mod kernels;
mod lm;
mod new_store;
mod optimizer;
mod output;
mod place;
mod plan;
mod reshard;
mod scaling;
mod selftest;
mod snapshot;
mod step;
mod xclbin;
mod xrt;

use clap::{ArgAction, Parser, Subcommand};
use console::Console;
use std::process::ExitCode;

/// What `--device` says of itself with `-h`.
const DEVICE: &str = "The device: soft, sim:BOARD, xrt:INDEX, xrt:BDF or xrt-emu:BOARD, then ,key=value";
/// The same, of a command that works on a store.
const DEVICE_OF_STORE: &str =
    "The device: soft, sim:BOARD, xrt:INDEX, xrt:BDF or xrt-emu:BOARD, then ,key=value; one for all of the \
store's folders, or one a folder";
/// And with `--help`.
const DEVICE_LONG: &str = "The device, with keys after commas: xrt:0,xclbin=smartupdate_l2.xclbin\n\n  \
soft             this machine's CPU: threads\n  \
sim:BOARD        a simulated board (ideal, hostile, smartssd, hbm2-256, u280): lanes, seed, clock (MHz), waves (an FST file)\n  \
xrt:INDEX|BDF    a card through XRT: xclbin (the file to load), unit (which compute unit, from 0)\n  \
xrt-emu:BOARD    a simulated board through the real XRT: the keys of sim and of xrt\n\n\
All but soft also have optimizer=NAME: the smaller kernel for that optimizer alone, smartupdate_NAME, instead of smartupdate";

/// Optimizer steps on generated hardware.
///
/// Nearfield generates FPGA kernels from Rust, simulates them with Verilator, and runs the optimizer step of training on
/// them. Start with `nearfield doctor`, which says what this machine has and lacks.
#[derive(Parser)]
#[command(name = "nearfield", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done; 2 refused before anything ran or was written; 1 began and failed.\n\n\
Example:\n  \
nearfield init --params model.safetensors --store state --lr 1e-3\n  \
nearfield step --store state --grads grads.safetensors --device sim:smartssd\n  \
nearfield export --store state -o trained.safetensors")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print the result as JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Say more on standard error; twice for details.
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    verbose: u8,
    /// Print no progress and no warnings.
    #[arg(short, long, global = true)]
    quiet: bool,
}

#[derive(Subcommand)]
enum Command {
    Doctor(doctor::Doctor),
    Kernels(kernels::Kernels),
    Emit(emit::Emit),
    Init(init::Init),
    Step(step::Step),
    Accumulate(accumulate::Accumulate),
    Compress(compress::Compress),
    Check(check::Check),
    Export(export::Export),
    Import(import::Import),
    Reshard(reshard::Reshard),
    Snapshot(snapshot::Snapshot),
    Gcn(gcn::Gcn),
    Lm(lm::Lm),
    Bench(bench::Bench),
    Plan(plan::Plan),
    Selftest(selftest::Selftest),
    Xclbin(xclbin::Xclbin),
    #[command(name = "__xrt-helper")]
    XrtHelper(xrt::Helper),
    #[command(name = "__xrt-board")]
    XrtBoard(xrt::Board),
}

/// Parses the command line, runs the subcommand and turns its failure into a message and an exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let console = Console::new(cli.json, cli.verbose, cli.quiet);
    let done = match cli.command {
        Command::Doctor(command) => command.run(&console),
        Command::Kernels(command) => command.run(&console),
        Command::Emit(command) => command.run(&console),
        Command::Init(command) => command.run(&console),
        Command::Step(command) => command.run(&console),
        Command::Accumulate(command) => command.run(&console),
        Command::Compress(command) => command.run(&console),
        Command::Check(command) => command.run(&console),
        Command::Export(command) => command.run(&console),
        Command::Import(command) => command.run(&console),
        Command::Reshard(command) => command.run(&console),
        Command::Snapshot(command) => command.run(&console),
        Command::Gcn(command) => command.run(&console),
        Command::Lm(command) => command.run(&console),
        Command::Bench(command) => command.run(&console),
        Command::Plan(command) => command.run(&console),
        Command::Selftest(command) => command.run(&console),
        Command::XrtHelper(command) => return command.run(),
        Command::XrtBoard(command) => command.run(),
        Command::Xclbin(command) => command.run(&console),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => console.failure(&failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_table_of_commands_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("nearfield "), "`nearfield {} --help` shows no example", command.get_name());
        }
    }
}
