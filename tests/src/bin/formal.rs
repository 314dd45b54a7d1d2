//! `make formal`: proves the handshake cells that have properties in `hdl/formal`.

use nearfield_tests::formal::{prove, CELLS, INDUCTION, STEPS};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut good = true;
    for cell in CELLS {
        let proved = (cell.emit)().map_err(|e| e.to_string()).and_then(|design| prove(cell, &design));
        match proved {
            Ok(()) => println!("{}: proved ({STEPS} cycles from the start, induction over {INDUCTION})", cell.name),
            Err(e) => {
                eprintln!("formal: {}: {e}", cell.name);
                good = false;
            }
        }
    }
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}
