//! The program `package`: what `make xclbin` and `make release` run.

use clap::{Parser, Subcommand};
use nearfield_bitstreams::{release, tools, Package, PackageError, Target};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Package kernels for cards.
#[derive(Parser)]
#[command(name = "package", version, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done; 2 refused before anything was written; 1 began and failed.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write what builds a kernel for a card, and build it where vivado and v++ are on PATH.
    #[command(after_help = "Example:\n  package xclbin --board smartssd --kernel smartupdate_l2 -o build/xclbin")]
    Xclbin {
        /// The card.
        #[arg(long, value_name = "NAME")]
        board: String,
        /// The kernel's configuration; without it, smartupdate with the card's default lanes.
        #[arg(long, value_name = "NAME")]
        kernel: Option<String>,
        /// The folder in which BOARD/KERNEL is made.
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
    },
    /// Pack the packages of every card with its default kernel into one archive.
    #[command(after_help = "Example:\n  package release -o build/release")]
    Release {
        /// The folder for the archive.
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
    },
}

fn xclbin(board: &str, kernel: Option<String>, output: &Path) -> Result<String, PackageError> {
    let target = Target::from_name(board)?;
    let kernel = match kernel {
        Some(name) => name,
        None => target.default_kernel()?.name(),
    };
    let package = Package::from_name(&kernel, &target)?;
    let folder = package.write(output)?;
    let folder = folder.canonicalize().map_err(|source| PackageError::Write { path: folder, source })?;
    let missing = tools::missing(&std::env::var_os("PATH").unwrap_or_default());
    if missing.is_empty() {
        return Ok(tools::build(&folder, &package.name)?.display().to_string());
    }
    Ok(format!(
        "{}\nNothing was built: {} {} not on PATH. The folder can be taken to a machine with Vitis; ./build.sh in it builds \
         {}.xclbin.",
        folder.display(),
        missing.join(" and "),
        if missing.len() == 1 { "is" } else { "are" },
        package.name,
    ))
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Xclbin { board, kernel, output } => xclbin(&board, kernel, &output),
        Command::Release { output } => release::write(&output).map(|path| path.display().to_string()),
    };
    match done {
        Ok(result) => {
            println!("{result}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(if error.refused() { 2 } else { 1 })
        }
    }
}
