//! Leaf cells that rust-hdl cannot say: each a Rust model and the Verilog text that does the same.
//!
//! A cell's `hdl()` returns `Verilog::Custom` text of one of three forms. `@reg INIT` marks a register, which the back end
//! prints as part of its parent's clocked process. `@inline` text is pasted into the parent with `$(port)` replaced by what
//! the port is connected to and `$(self)` by the cell's field name. Any other text is the body of a module of its own.

mod delay;
mod mul;
mod pack;
mod ram;
mod reg;

pub use delay::Delay;
pub use mul::Mul;
pub use pack::Pack;
pub use ram::Ram;
pub use reg::Reg;
