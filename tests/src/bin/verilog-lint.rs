//! Part of `make lint`: both Verilog lints over every unit and kernel.

use nearfield_abi::kernel::KernelConfig;
use nearfield_hdl::emit::{Design, EmitError};
use nearfield_tests::lint::check;
use std::process::ExitCode;

/// All kernels, but of those with engines only two: the others have the same modules but for the crossbars, and 16 engines take the lints
/// a minute. `make test-long` looks at all.
fn linted(config: &KernelConfig) -> bool {
    config.ports == 0 || [(1, 1), (4, 8)].contains(&(config.lanes, config.ports))
}

fn designs() -> Result<Vec<Design>, EmitError> {
    let units = nearfield_hdl::units().into_iter().map(|u| (u.emit)());
    units.chain(KernelConfig::all().into_iter().filter(linted).map(nearfield_hdl::kernel::emit)).collect()
}

fn main() -> ExitCode {
    let designs = match designs() {
        Ok(designs) => designs,
        Err(e) => {
            eprintln!("verilog-lint: {e}");
            return ExitCode::from(1);
        }
    };
    let mut faults = 0;
    for design in &designs {
        if let Err(said) = check(design) {
            eprintln!("verilog-lint: {}: {said}", design.top);
            faults += 1;
        }
    }
    println!("verilog-lint: {} designs, {faults} with faults", designs.len());
    ExitCode::from(u8::from(faults > 0))
}
