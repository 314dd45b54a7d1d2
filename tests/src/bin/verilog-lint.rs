//! Part of `make lint`: both Verilog lints over every unit and kernel; of kernels with engines those of
//! [`KernelConfig::representatives`], for 16 engines take a minute, and `make test-long` looks at all.

use nearfield_abi::kernel::KernelConfig;
use nearfield_hdl::emit::{Design, EmitError};
use nearfield_tests::lint::check;
use std::process::ExitCode;

fn designs() -> Result<Vec<Design>, EmitError> {
    let units = nearfield_hdl::units().into_iter().map(|u| (u.emit)());
    units.chain(KernelConfig::representatives().into_iter().map(nearfield_hdl::kernel::emit)).collect()
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
