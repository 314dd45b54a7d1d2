//! The texts that travel with packages.

use crate::{link, xo, Target};
use nearfield_abi::kernel::KernelConfig;
use nearfield_abi::ABI_VERSION;

/// What has not been tried, said wherever a package goes.
const UNTESTED: &str = "\
UNTESTED ON A BOARD
The Verilog is simulated and linted, the script is run against a stand-in for Vivado's commands, and the
configuration is checked against the board's description. None of it has been through Vivado or v++, and no kernel
has run on a card: timing closure, resource use and the tools' own checks are open.
";

/// README.txt of a package.
pub(crate) fn of_package(config: &KernelConfig, target: &Target) -> String {
    let Target { board, card } = target;
    let name = config.name();
    format!(
        "{name} for {board}\n\n\
         {UNTESTED}\n\
         TO BUILD {name}.xclbin\n\
         On a machine with Vitis, its Vivado and the platform {platform}:\n\
         \x20 source .../Vitis/VERSION/settings64.sh\n\
         \x20 ./build.sh\n\
         It takes hours. vivado.log and v++.log are left beside it; _xo and _link can be deleted.\n\n\
         FILES\n\
         \x20 rtl/            Verilog, a file a module; {name}.f lists it, children first (verilator -F {name}.f)\n\
         \x20 {tcl}  packages the Verilog as {name}.xo in Vivado, for the part {part}\n\
         \x20 {cfg}        platform, clock ({mhz} MHz), compute units ({units}) and memory banks, for v++\n\
         \x20 {xrt}         settings of XRT for programs that use the card\n\
         \x20 build.sh        runs vivado, then v++\n\n\
         CONTRACT\n\
         ABI version {ABI_VERSION}, configuration hash {hash:#018x}. The host compares both before it starts anything.\n",
        board = board.name,
        platform = card.platform,
        part = card.part,
        tcl = xo::FILE,
        cfg = link::FILE,
        xrt = link::XRT_FILE,
        mhz = board.clock_mhz,
        units = board.compute_units,
        hash = config.hash(),
    )
}

/// README.txt of a release archive.
pub(crate) fn of_release(packages: &[(String, String)]) -> String {
    let folders: String = packages.iter().map(|(board, name)| format!("  {board}/{name}\n")).collect();
    format!(
        "Nearfield {version}: kernels for cards\n\n\
         A folder a card, and in it a folder a kernel, as Verilog with the scripts that build it. No Rust is needed.\n\n\
         {folders}\n\
         Go to a folder and run ./build.sh on a machine with Vitis; its README.txt says the rest.\n\n\
         {UNTESTED}\n\
         Licensed under MIT or Apache-2.0, at your choice: LICENSE-MIT, LICENSE-APACHE.\n",
        version = env!("CARGO_PKG_VERSION"),
    )
}
