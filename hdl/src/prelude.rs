//! What a file that describes hardware needs: `use crate::prelude::*;`.

pub use crate::primitive::{Delay, Mul, Pack, Ram, Reg};
pub use crate::{comment, dff_setup, unit};
pub use rust_hdl_core::clock;
pub use rust_hdl_core::prelude::*;
