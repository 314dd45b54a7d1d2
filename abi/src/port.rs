//! The names of a kernel's ports, as Vitis prescribes them.

/// The clock of everything.
pub const CLOCK: &str = "ap_clk";
/// The reset: synchronous, active low.
pub const RESET: &str = "ap_rst_n";
/// The interrupt to the host.
pub const INTERRUPT: &str = "interrupt";
/// The AXI4-Lite slave of the registers; its signals are called `s_axi_control_awvalid` and so on.
pub const CONTROL: &str = "s_axi_control";
/// What stands before the name of an AXI4 master: see [`crate::kernel::Master::port`].
pub const MASTER_PREFIX: &str = "m_axi_";
