//! Units and kernels under Verilator: one test binary, a module a unit.

#[path = "rtl/axi/mod.rs"]
mod axi;
#[path = "rtl/emit/mod.rs"]
mod emit;
#[path = "rtl/float/mod.rs"]
mod float;
#[path = "rtl/kernel/mod.rs"]
mod kernel;
#[path = "rtl/kernel_hostile.rs"]
mod kernel_hostile;
#[path = "rtl/optimizer/mod.rs"]
mod optimizer;
#[path = "rtl/sgcn/mod.rs"]
mod sgcn;
#[path = "rtl/stream/mod.rs"]
mod stream;
#[path = "rtl/topk/mod.rs"]
mod topk;
