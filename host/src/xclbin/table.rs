//! The tables of a file: its memories, its compute units, and what is connected to what.

use super::field::Fields;
use super::layout;
use super::Malformed;
use serde::Serialize;
use std::fmt;

/// What a memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryType {
    /// DDR3.
    Ddr3,
    /// DDR4.
    Ddr4,
    /// Memory of no particular kind; groups of banks are of this type.
    Dram,
    /// A stream, which has no addresses.
    Stream,
    /// High-bandwidth memory.
    Hbm,
    /// RAM on the FPGA: block RAM or URAM.
    OnChip,
    /// The host's memory.
    Host,
    /// Another number of the header.
    Other(u8),
}

impl MemoryType {
    fn from_number(number: u8) -> MemoryType {
        match number {
            0 => MemoryType::Ddr3,
            1 => MemoryType::Ddr4,
            2 => MemoryType::Dram,
            3 | 9 => MemoryType::Stream,
            6 => MemoryType::Hbm,
            7 | 8 => MemoryType::OnChip,
            10 => MemoryType::Host,
            other => MemoryType::Other(other),
        }
    }
}

/// Numbers of the types that are written.
pub(super) const DDR4: u8 = 1;
pub(super) const HBM: u8 = 6;
pub(super) const HOST: u8 = 10;

impl fmt::Display for MemoryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MemoryType::Ddr3 => f.pad("DDR3"),
            MemoryType::Ddr4 => f.pad("DDR4"),
            MemoryType::Dram => f.pad("DRAM"),
            MemoryType::Stream => f.pad("stream"),
            MemoryType::Hbm => f.pad("HBM"),
            MemoryType::OnChip => f.pad("on chip"),
            MemoryType::Host => f.pad("host"),
            MemoryType::Other(number) => f.pad(&format!("type {number}")),
        }
    }
}

/// A bank, a group of banks, or a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: MemoryType,
    /// Whether any unit uses it. XRT ignores connections to one that is not used.
    pub used: bool,
    /// Device address of its first byte; 0 for a stream.
    pub base: u64,
    /// Its bytes; 0 for a stream.
    pub bytes: u64,
    /// What it is called: `bank0`, `DDR[1]`, `HBM[0:3]`.
    pub tag: String,
}

/// Reads MEM_TOPOLOGY or GROUP_TOPOLOGY.
pub(super) fn memories(section: Fields<'_>) -> Result<Vec<Memory>, Malformed> {
    section.table(&layout::MEMORY)?.map(memory).collect()
}

fn memory(entry: Fields<'_>) -> Result<Memory, Malformed> {
    let kind = MemoryType::from_number(entry.u8(0)?);
    let used = entry.u8(layout::MEMORY_USED)? != 0;
    let tag = entry.text(layout::MEMORY_TAG, layout::MEMORY_TAG_BYTES, true, "memory's tag")?;
    if kind == MemoryType::Stream {
        return Ok(Memory { kind, used, base: 0, bytes: 0, tag });
    }
    let kib = entry.u64(layout::MEMORY_KIB)?;
    let base = entry.u64(layout::MEMORY_BASE)?;
    let end = kib.checked_mul(1024).and_then(|bytes| base.checked_add(bytes));
    // What is not used may hold anything.
    if end.is_none() && used {
        let what = format!("the memory {tag} of {kib} KiB at {base:#x} goes past the end of all addresses");
        return Err(entry.malformed(layout::MEMORY_KIB, what));
    }
    Ok(Memory { kind, used, base, bytes: kib.saturating_mul(1024), tag })
}

/// How a unit is started and says that it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// `ap_ctrl_hs`: one run at a time, by start and done.
    Hs,
    /// `ap_ctrl_chain`: the next run may be started before the last one is done.
    Chain,
    /// `ap_ctrl_none`: it runs for ever.
    None,
    /// Another number of the header.
    Other(u8),
}

/// The number of [`Control::Hs`].
pub(super) const HS: u32 = 0;

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Control::Hs => f.pad("ap_ctrl_hs"),
            Control::Chain => f.pad("ap_ctrl_chain"),
            Control::None => f.pad("ap_ctrl_none"),
            Control::Other(number) => f.pad(&format!("control protocol {number}")),
        }
    }
}

/// An entry of IP_LAYOUT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unit {
    /// The number of its type; 1 is a kernel's compute unit ([`Unit::is_compute`]).
    #[serde(rename = "type")]
    pub kind: u32,
    /// Its control protocol, where it is a compute unit.
    pub control: Option<Control>,
    /// Address of its registers; `None` for a unit that has none.
    pub base: Option<u64>,
    /// The kernel, what stands before the colon of `kernel:instance`; the whole name where there is no colon.
    pub kernel: String,
    /// The instance, what stands after the colon.
    pub instance: Option<String>,
}

/// The type of a compute unit.
pub(super) const COMPUTE: u32 = 1;

impl Unit {
    /// Whether it is a compute unit of a kernel in the FPGA.
    pub fn is_compute(&self) -> bool {
        self.kind == COMPUTE
    }

    /// `kernel:instance`, as it stands in the file.
    pub fn name(&self) -> String {
        match &self.instance {
            Some(instance) => format!("{}:{instance}", self.kernel),
            None => self.kernel.clone(),
        }
    }
}

/// Reads IP_LAYOUT.
pub(super) fn units(section: Fields<'_>) -> Result<Vec<Unit>, Malformed> {
    section.table(&layout::UNIT)?.map(unit).collect()
}

fn unit(entry: Fields<'_>) -> Result<Unit, Malformed> {
    let kind = entry.u32(0)?;
    let control = match (entry.u32(layout::UNIT_PROPERTIES)? >> layout::CONTROL_SHIFT) as u8 {
        0 => Control::Hs,
        1 => Control::Chain,
        2 => Control::None,
        other => Control::Other(other),
    };
    let base = entry.u64(layout::UNIT_BASE)?;
    let name = entry.text(layout::UNIT_NAME, layout::UNIT_NAME_BYTES, true, "unit's name")?;
    let (kernel, instance) = match name.split_once(':') {
        Some((kernel, instance)) => (kernel.to_string(), Some(instance.to_string())),
        None => (name, None),
    };
    Ok(Unit {
        kind,
        // The properties of other types mean other things.
        control: (kind == COMPUTE).then_some(control),
        base: (base != layout::NO_BASE).then_some(base),
        kernel,
        instance,
    })
}

/// An argument of a unit that reaches a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// The argument's id.
    pub argument: u32,
    /// Index in [`super::Xclbin::units`].
    pub unit: u32,
    /// Index in [`super::Xclbin::banks`], or in [`super::Xclbin::groups`] for connections to groups.
    pub memory: u32,
}

/// Reads CONNECTIVITY or GROUP_CONNECTIVITY. `units` and `memories` are how many of them there are, where their sections
/// are there; an index past them is refused, as XRT does.
pub(super) fn connections(
    section: Fields<'_>,
    units: Option<usize>,
    memories: Option<usize>,
) -> Result<Vec<Connection>, Malformed> {
    let within = |entry: Fields<'_>, offset: usize, what: &str, among: Option<usize>| {
        let index = entry.index(offset, what)?;
        match among {
            Some(count) if index as usize >= count => {
                Err(entry.malformed(offset, format!("its {what} is {index}, but there are {count}")))
            }
            _ => Ok(index),
        }
    };
    let connection = |entry: Fields<'_>| {
        Ok(Connection {
            argument: entry.index(0, "argument")?,
            unit: within(entry, layout::CONNECTION_UNIT, "index of a unit", units)?,
            memory: within(entry, layout::CONNECTION_MEMORY, "index of a memory", memories)?,
        })
    };
    section.table(&layout::CONNECTION)?.map(connection).collect()
}
