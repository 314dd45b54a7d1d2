//! The `nearfield` command.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
