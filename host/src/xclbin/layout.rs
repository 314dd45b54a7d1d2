//! Where everything lies in the container, and what its numbers mean. Source of every offset: XRT 2.13's public header
//! `xclbin.h` (structures `axlf`, `axlf_header`, `axlf_section_header`, `mem_data`, `connection`, `ip_data`).
//!
//! All numbers are little-endian. Offsets of fields count from the first byte of the file, or of the entry.

use serde::{Serialize, Serializer};
use std::fmt;

/// The first eight bytes.
pub(super) const MAGIC: &[u8; 8] = b"xclbin2\0";
/// i32: bytes of the signature that ends the file, or -1.
pub(super) const SIGNATURE_BYTES: usize = 8;
/// 28 reserved bytes and a key block of 256, all 0xff in a file that is not signed.
pub(super) const RESERVED: std::ops::Range<usize> = 12..296;
/// u64: a number of this file; XRT's own tool writes the time.
pub(super) const UNIQUE_ID: usize = 296;
/// u64: bytes of the whole file, signature included.
pub(super) const LENGTH: usize = 304;
/// u64: when it was built, seconds since 1970.
pub(super) const CREATED: usize = 312;
/// u16, u8, u8: patch, major and minor version of what built it.
pub(super) const PATCH: usize = 328;
pub(super) const MAJOR: usize = 330;
pub(super) const MINOR: usize = 331;
/// u16: see [`Mode`].
pub(super) const MODE: usize = 332;
/// 64 bytes: the platform, ended by a zero byte.
pub(super) const PLATFORM: usize = 352;
pub(super) const PLATFORM_BYTES: usize = 64;
/// 16 bytes.
pub(super) const UUID: usize = 416;
/// u32: how many section headers follow.
pub(super) const SECTION_COUNT: usize = 448;
/// The first section header.
pub(super) const SECTIONS: usize = 456;
/// A section header: u32 kind, 16 bytes tag, 4 of padding, u64 offset, u64 size.
pub(super) const SECTION_BYTES: usize = 40;
pub(super) const SECTION_TAG: usize = 4;
pub(super) const SECTION_TAG_BYTES: usize = 16;
pub(super) const SECTION_OFFSET: usize = 24;
pub(super) const SECTION_SIZE: usize = 32;
/// Sections begin on a multiple of this.
pub(super) const SECTION_ALIGNMENT: usize = 8;
/// The most sections: XRT's own limit.
pub(super) const MOST_SECTIONS: u32 = 0x1_0000;

/// How a table section is laid out: an i32 count, then entries.
pub(super) struct Table {
    /// Where the first entry begins.
    pub(super) entries: usize,
    /// Bytes of an entry.
    pub(super) stride: usize,
    /// The most entries; far more than any design has, and few enough for everything done with them to take no time.
    pub(super) most: usize,
    /// What entries are, for messages.
    pub(super) what: &'static str,
}

/// u8 type, u8 used, 6 bytes padding, u64 KiB (or a stream's route), u64 base (or a stream's flow), 16 bytes tag.
pub(super) const MEMORY: Table = Table { entries: 8, stride: 40, most: 4096, what: "memories" };
pub(super) const MEMORY_USED: usize = 1;
pub(super) const MEMORY_KIB: usize = 8;
pub(super) const MEMORY_BASE: usize = 16;
pub(super) const MEMORY_TAG: usize = 24;
pub(super) const MEMORY_TAG_BYTES: usize = 16;

/// i32 argument, i32 index in IP_LAYOUT, i32 index of the memory.
pub(super) const CONNECTION: Table = Table { entries: 4, stride: 12, most: 65_536, what: "connections" };
pub(super) const CONNECTION_UNIT: usize = 4;
pub(super) const CONNECTION_MEMORY: usize = 8;

/// u32 type, u32 properties, u64 base, 64 bytes name.
pub(super) const UNIT: Table = Table { entries: 8, stride: 80, most: 4096, what: "units" };
pub(super) const UNIT_PROPERTIES: usize = 4;
pub(super) const UNIT_BASE: usize = 8;
pub(super) const UNIT_NAME: usize = 16;
pub(super) const UNIT_NAME_BYTES: usize = 64;
/// A base that means "none": a unit that only streams.
pub(super) const NO_BASE: u64 = u64::MAX;
/// Properties of a kernel's unit: bit 0 interrupt enabled, bits 1 to 7 its number, bits 8 to 15 the control protocol.
pub(super) const INTERRUPT_ENABLED: u32 = 1;
pub(super) const INTERRUPT_SHIFT: u32 = 1;
pub(super) const MOST_INTERRUPTS: u32 = 0x80;
pub(super) const CONTROL_SHIFT: u32 = 8;

/// What a section holds: the number in its header. Numbers without a name are kept as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SectionKind(
    /// The number in the section header.
    pub u32,
);

impl SectionKind {
    /// The bitstream; in hardware emulation, what the emulated device is made of.
    pub const BITSTREAM: SectionKind = SectionKind(0);
    /// XML: the kernels and their arguments.
    pub const EMBEDDED_METADATA: SectionKind = SectionKind(2);
    /// The banks.
    pub const MEM_TOPOLOGY: SectionKind = SectionKind(6);
    /// Which argument of which unit reaches which bank.
    pub const CONNECTIVITY: SectionKind = SectionKind(7);
    /// The compute units with their addresses.
    pub const IP_LAYOUT: SectionKind = SectionKind(8);
    /// The banks and groups of banks; where it is there, XRT's group ids are its indices.
    pub const GROUP_TOPOLOGY: SectionKind = SectionKind(26);
    /// Which argument of which unit reaches which group.
    pub const GROUP_CONNECTIVITY: SectionKind = SectionKind(27);

    /// Its name in XRT's header, or `None`.
    pub fn name(self) -> Option<&'static str> {
        const NAMES: [&str; 32] = [
            "BITSTREAM",
            "CLEARING_BITSTREAM",
            "EMBEDDED_METADATA",
            "FIRMWARE",
            "DEBUG_DATA",
            "SCHED_FIRMWARE",
            "MEM_TOPOLOGY",
            "CONNECTIVITY",
            "IP_LAYOUT",
            "DEBUG_IP_LAYOUT",
            "DESIGN_CHECK_POINT",
            "CLOCK_FREQ_TOPOLOGY",
            "MCS",
            "BMC",
            "BUILD_METADATA",
            "KEYVALUE_METADATA",
            "USER_METADATA",
            "DNA_CERTIFICATE",
            "PDI",
            "BITSTREAM_PARTIAL_PDI",
            "PARTITION_METADATA",
            "EMULATION_DATA",
            "SYSTEM_METADATA",
            "SOFT_KERNEL",
            "ASK_FLASH",
            "AIE_METADATA",
            "GROUP_TOPOLOGY",
            "GROUP_CONNECTIVITY",
            "SMARTNIC",
            "AIE_RESOURCES",
            "OVERLAY",
            // XRT's header spells it so.
            "VENDER_METADATA",
        ];
        NAMES.get(self.0 as usize).copied()
    }
}

impl fmt::Display for SectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => f.pad(&format!("section kind {}", self.0)),
        }
    }
}

impl Serialize for SectionKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a file is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A board.
    Hw,
    /// Hardware emulation: the kernels' registers and memory are simulated.
    HwEmu,
    /// Software emulation: the kernels run as programs.
    SwEmu,
    /// A number this version does not know.
    Other(u16),
}

impl Mode {
    /// What the number in the header means.
    pub fn from_number(number: u16) -> Mode {
        match number {
            // Flat, partially reconfigured, and the two tandem forms.
            0..=3 => Mode::Hw,
            4 | 6 => Mode::HwEmu,
            5 => Mode::SwEmu,
            other => Mode::Other(other),
        }
    }
}

/// The number of [`Mode::HwEmu`] in the header.
pub(super) const HW_EMU: u16 = 4;

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mode::Hw => f.pad("hw"),
            Mode::HwEmu => f.pad("hw_emu"),
            Mode::SwEmu => f.pad("sw_emu"),
            Mode::Other(number) => f.pad(&format!("mode {number}")),
        }
    }
}

/// Identifies a file: XRT takes two files of one uuid for the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Uuid(
    /// In the order of the file.
    pub [u8; 16],
);

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let dash = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uuid({self})")
    }
}

impl Serialize for Uuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
