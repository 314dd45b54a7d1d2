//! The AXI4-Lite register space of every kernel: 4 KiB of 32-bit words.
//!
//! The block below 0x10 is Vitis' `ap_ctrl_hs`; arguments follow from [`ARGUMENTS`] (their offsets belong to each kernel,
//! [`crate::kernel::KernelConfig::arguments`]); what Nearfield adds starts at [`KERNEL_ID`], past every word XRT writes.
//! 64-bit values are two words, low word first, and are stable while the kernel is idle.

/// Bytes of the space.
pub const SPACE_BYTES: u32 = 4096;

/// `ap_ctrl_hs` control: see [`control`].
pub const CONTROL: u32 = 0x00;
/// Global interrupt enable (bit 0).
pub const GLOBAL_INTERRUPT_ENABLE: u32 = 0x04;
/// Interrupt enable: bit 0 done, bit 1 ready.
pub const INTERRUPT_ENABLE: u32 = 0x08;
/// Interrupt status: bit 0 done, bit 1 ready; a bit written as 1 toggles.
pub const INTERRUPT_STATUS: u32 = 0x0c;
/// Where the first argument lies.
pub const ARGUMENTS: u32 = 0x10;

/// Bits of [`CONTROL`].
pub mod control {
    /// Written 1 to start; reads 1 until the run ends. The kernel reads its arguments while it runs: they must hold until
    /// then. With [`AUTO_RESTART`] it stays 1 from run to run.
    pub const START: u32 = 1 << 0;
    /// The run has ended. Cleared by reading.
    pub const DONE: u32 = 1 << 1;
    /// Nothing is running.
    pub const IDLE: u32 = 1 << 2;
    /// The run has ended, and arguments may change; in a kernel that takes one run at a time that is when [`DONE`] comes.
    /// Cleared by reading.
    pub const READY: u32 = 1 << 3;
    /// Start again by itself when done. A run that ends with an error clears it, so that the error can be read.
    pub const AUTO_RESTART: u32 = 1 << 7;
}

/// Which kernel this is: [`crate::kernel::Kernel::id`].
pub const KERNEL_ID: u32 = 0x400;
/// [`crate::ABI_VERSION`].
pub const ABI_VERSION: u32 = 0x404;
/// [`crate::kernel::KernelConfig::hash`], u64.
pub const CONFIGURATION_HASH: u32 = 0x408;
/// Why the last run ended early: [`error`]. Sticky until the next start.
pub const ERROR_CODE: u32 = 0x410;
/// What the error belongs to: the AXI master, the argument, the chunk of a stream or the row of a graph.
pub const ERROR_PORT: u32 = 0x414;
/// The address of the burst that met the error, u64; of a malformed stream what is wrong with it, [`crate::topk::fault`], of a
/// malformed graph or feature record [`crate::kernel::sgcn::fault`].
pub const ERROR_ADDRESS: u32 = 0x418;
/// Cycles from start to done of the last run, u64.
pub const CYCLES: u32 = 0x420;
/// 1 if a gradient of the last run was infinite or NaN, before it was scaled; else 0.
pub const NONFINITE: u32 = 0x428;
/// The first stream's counters; [`STREAM_STRIDE`] bytes a stream.
pub const STREAMS: u32 = 0x480;
/// The first counter of a kernel that has counters in place of streams, 32 bits each ([`crate::kernel::KernelConfig::counters`]).
pub const COUNTERS: u32 = STREAMS;
/// Distance of two streams' counters.
pub const STREAM_STRIDE: u32 = 0x20;
/// The first exact sum of squares; [`SUM_STRIDE`] bytes a sum. Only kernels with sums have any
/// ([`crate::kernel::KernelConfig::sums`]).
///
/// A sum is an unsigned integer of [`SUM_LIMBS`] words of 32 bits, the lowest first, in units of 2^-298: the squares of the finite
/// binary32 values that went through one lane, added without rounding. The host adds the sums, and rounds once. They stand while
/// the kernel is idle; after an error they are anything.
pub const SUMS: u32 = 0x600;
/// Distance of two sums; the word after the last limb reads 0.
pub const SUM_STRIDE: u32 = 0x50;
/// Words of a sum: 608 bits, and the squares of 2^32 values, more than a run has, are below 2^586.
pub const SUM_LIMBS: u32 = 19;

/// Offsets within one stream's block of counters, u64 each.
pub mod stream {
    /// Beats that were transferred.
    pub const BEATS: u32 = 0x00;
    /// Of a read stream: cycles in which the kernel had no beat of it while some were still to come. Of a write stream:
    /// cycles in which memory did not take an address or a beat that was offered.
    pub const STALLS: u32 = 0x08;
    /// [`crate::checksum::Checksum::a`] of the bytes that the stream carried; 0 of a stream that was not used, and anything after an
    /// error.
    pub const CHECKSUM_A: u32 = 0x10;
    /// [`crate::checksum::Checksum::b`].
    pub const CHECKSUM_B: u32 = 0x18;
}

/// Values of [`ERROR_CODE`].
pub mod error {
    /// The run ended well.
    pub const NONE: u32 = 0;
    /// A read was answered with SLVERR or DECERR.
    pub const AXI_READ: u32 = 1;
    /// A write was answered with SLVERR or DECERR.
    pub const AXI_WRITE: u32 = 2;
    /// An argument has a value that this kernel cannot do; [`super::ERROR_PORT`] is the argument's id.
    pub const ARGUMENT: u32 = 3;
    /// A malformed Top-K stream; [`super::ERROR_PORT`] is the chunk's number. Or a malformed graph, or feature record; it is the row.
    pub const STREAM: u32 = 4;
}
