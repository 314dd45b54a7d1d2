//! Where in a bank buffers should begin, so that streams that run side by side do not disturb each other in DRAM.

/// Every buffer begins this much further into the period than the one before.
///
/// With DDR4's usual address order (column below bank group below bank) a bank group holds 8 KiB and a bank comes round
/// every 32 KiB. Streams that advance side by side are in different bank groups if their bases are 8 KiB apart, and a
/// stream's writes, which follow its reads, leave its neighbours' open rows alone if the bases are also a bank apart.
const STAGGER: u64 = 8 * KIB + 32 * KIB;
/// All banks of all bank groups, in bytes.
pub const PERIOD: u64 = 128 * KIB;
/// Buffers that are staggered against each other: a kernel's tensors.
const PHASES: u64 = 4;
const KIB: u64 = 1 << 10;

/// The offset modulo [`PERIOD`] from its bank's first byte at which a device's buffer of this number should begin, counted
/// from 0.
pub const fn phase(number: u64) -> u64 {
    number % PHASES * STAGGER % PERIOD
}
