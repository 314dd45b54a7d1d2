//! The hidden commands that this program starts itself as: the helper that talks to XRT, and the emulated board.

use super::failure::Failure;
use clap::Args;
use std::process::ExitCode;

/// Talk to XRT for another process. Started by nearfield itself.
#[derive(Args)]
#[command(
    hide = true,
    after_help = "Example:\n  nearfield step --store state --grads g.safetensors --device xrt:0,xclbin=F"
)]
pub struct Helper {}

impl Helper {
    /// Runs the command.
    #[cfg(feature = "xrt")]
    pub fn run(self) -> ExitCode {
        nearfield::device::xrt::run_helper()
    }

    /// Says that it is not there.
    #[cfg(not(feature = "xrt"))]
    pub fn run(self) -> ExitCode {
        eprintln!("xrt is not in this build; build with --features xrt");
        ExitCode::from(super::failure::REFUSED)
    }
}

/// Be an emulated board for XRT's hardware emulation. Started by nearfield itself.
#[derive(Args)]
#[command(
    hide = true,
    after_help = "Example:\n  nearfield step --store state --grads g.safetensors --device xrt-emu:smartssd"
)]
pub struct Board {
    #[command(flatten)]
    setup: Setup,
}

#[cfg(all(feature = "sim", feature = "xrt"))]
pub use board::Setup;

/// Nothing can be set where there is no emulated board.
#[cfg(not(all(feature = "sim", feature = "xrt")))]
#[derive(Args)]
pub struct Setup {}

impl Board {
    /// Runs the command.
    #[cfg(all(feature = "sim", feature = "xrt"))]
    pub fn run(self) -> Result<(), Failure> {
        board::run(self.setup)
    }

    /// Says that it is not there.
    #[cfg(not(all(feature = "sim", feature = "xrt")))]
    pub fn run(self) -> Result<(), Failure> {
        let Setup {} = self.setup;
        Err(Failure::refused(anyhow::anyhow!("xrt-emu is not in this build; build with --features sim,xrt")))
    }
}

#[cfg(all(feature = "sim", feature = "xrt"))]
mod board {
    use super::Failure;
    use anyhow::{anyhow, Context};
    use clap::Args;
    use nearfield_abi::board::Board;
    use nearfield_abi::kernel::KernelConfig;
    use nearfield_sim::{emulated, Options};
    use std::io::{Read, Write};
    use std::path::PathBuf;
    use std::time::Duration;

    /// What makes the board fail at a message, for tests: `end:N` or `hang:N`, N counted from 1.
    const FAULT: &str = "NEARFIELD_XRT_BOARD_FAULT";

    #[derive(Args)]
    pub struct Setup {
        #[arg(long)]
        board: String,
        #[arg(long)]
        kernel: String,
        #[arg(long)]
        seed: u64,
        #[arg(long)]
        clock: Option<f64>,
        #[arg(long)]
        waves: Option<PathBuf>,
        #[arg(long)]
        socket: PathBuf,
        #[arg(long)]
        host_socket: PathBuf,
        #[arg(long)]
        folder: PathBuf,
    }

    #[derive(Clone, Copy)]
    enum Fault {
        /// As if the process had been killed.
        End,
        /// No answer, and no sign of life.
        Hang,
    }

    struct Watch {
        fault: Option<(Fault, u64)>,
    }

    impl emulated::Watch for Watch {
        fn alive(&mut self) {
            // A helper that is gone is noticed on standard input.
            let mut out = std::io::stdout();
            let _ = out.write_all(b".").and_then(|()| out.flush());
        }

        fn message(&mut self, number: u64, _api: u32) {
            match self.fault {
                Some((Fault::End, at)) if number == at => std::process::exit(137),
                Some((Fault::Hang, at)) if number == at => loop {
                    std::thread::sleep(Duration::from_secs(1));
                },
                _ => {}
            }
        }
    }

    fn fault() -> Result<Option<(Fault, u64)>, Failure> {
        let Ok(text) = std::env::var(FAULT) else { return Ok(None) };
        let wrong = || Failure::refused(anyhow!("{FAULT} is `{text}`, but must be end:N or hang:N"));
        let (kind, number) = text.split_once(':').ok_or_else(wrong)?;
        let kind = match kind {
            "end" => Fault::End,
            "hang" => Fault::Hang,
            _ => return Err(wrong()),
        };
        Ok(Some((kind, number.parse().map_err(|_| wrong())?)))
    }

    pub fn run(setup: Setup) -> Result<(), Failure> {
        let board = Board::from_name(&setup.board).context("no such board").map_err(Failure::refused)?;
        let config = KernelConfig::from_name(&setup.kernel).context("no such kernel").map_err(Failure::refused)?;
        let mut watch = Watch { fault: fault()? };
        // The helper holds the other end of standard input as long as it lives.
        std::thread::spawn(|| {
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            std::process::exit(0);
        });
        let options = Options { seed: setup.seed, clock_mhz: setup.clock, trace: setup.waves, ..Options::default() };
        let Setup { socket, host_socket, folder, .. } = setup;
        let setup = emulated::Setup { board, config, options, socket, host_socket, folder };
        emulated::serve(setup, &mut watch).map_err(Failure::failed)
    }
}
