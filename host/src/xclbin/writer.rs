//! An `.xclbin` for hardware emulation: everything the real XRT has to know of a kernel on a board, and no bitstream.
//!
//! Names, arguments, offsets and ports are those of the register map in `nearfield_abi`, banks and addresses those of its
//! board: nothing is written twice.

use super::layout::{self, SectionKind};
use super::table;
use nearfield_abi::board::{self, Board, MemoryKind};
use nearfield_abi::kernel::{Argument, ArgumentKind, KernelConfig};
use nearfield_abi::{port, register};
use std::fmt::Write;

/// What stands in the place of the bitstream.
const BITSTREAM: &str = "This file has no bitstream: its device is emulated by Nearfield.\n";
/// Major, minor and patch version of the XRT whose format this is.
const VERSION: (u8, u8, u16) = (2, 13, 0);

/// A configuration or a board that the format has no room for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no xclbin can be written of {config} for {board}: {what}; change the tables of kernels and boards in nearfield-abi")]
pub struct WriteError {
    /// The configuration's name.
    pub config: String,
    /// The board's name.
    pub board: String,
    /// What does not fit.
    pub what: String,
}

/// Writes a file in which every compute unit of `board` is a kernel of this configuration.
///
/// The bytes depend on nothing else: there is no time in them, and the uuid is a hash of them.
///
/// # Errors
///
/// When a name is too long for its field, or a number too large; no configuration of [`KernelConfig::all`] and no board of
/// [`board::BOARDS`] has that.
pub fn write(config: &KernelConfig, board: &Board) -> Result<Vec<u8>, WriteError> {
    let error = |what| WriteError { config: config.name(), board: board.name.into(), what };
    file(config, board).map_err(error)
}

fn file(config: &KernelConfig, board: &Board) -> Result<Vec<u8>, String> {
    let connections = connections(config, board);
    let sections = [
        (SectionKind::BITSTREAM, BITSTREAM.as_bytes().to_vec()),
        (SectionKind::EMBEDDED_METADATA, metadata(config, board).into_bytes()),
        (SectionKind::MEM_TOPOLOGY, memories(board, &connections)?),
        (SectionKind::CONNECTIVITY, connectivity(&connections)),
        (SectionKind::IP_LAYOUT, units(config, board)?),
    ];
    let mut file = vec![0; layout::SECTIONS + sections.len() * layout::SECTION_BYTES];
    put(&mut file, 0, layout::MAGIC);
    put(&mut file, layout::SIGNATURE_BYTES, &(-1i32).to_le_bytes());
    file[layout::RESERVED].fill(0xff);
    let (major, minor, patch) = VERSION;
    put(&mut file, layout::PATCH, &patch.to_le_bytes());
    put(&mut file, layout::MAJOR, &[major]);
    put(&mut file, layout::MINOR, &[minor]);
    put(&mut file, layout::MODE, &layout::HW_EMU.to_le_bytes());
    put(&mut file, layout::PLATFORM, &name::<{ layout::PLATFORM_BYTES }>(&platform(board))?);
    put(&mut file, layout::SECTION_COUNT, &(sections.len() as u32).to_le_bytes());
    for (index, (kind, content)) in sections.iter().enumerate() {
        file.resize(file.len().next_multiple_of(layout::SECTION_ALIGNMENT), 0);
        let header = layout::SECTIONS + index * layout::SECTION_BYTES;
        let offset = file.len() as u64;
        put(&mut file, header, &kind.0.to_le_bytes());
        put(&mut file, header + layout::SECTION_OFFSET, &offset.to_le_bytes());
        put(&mut file, header + layout::SECTION_SIZE, &(content.len() as u64).to_le_bytes());
        file.extend_from_slice(content);
    }
    let length = file.len() as u64;
    put(&mut file, layout::LENGTH, &length.to_le_bytes());
    let uuid = uuid(&file);
    put(&mut file, layout::UUID, &uuid);
    put(&mut file, layout::UNIQUE_ID, &uuid[..8]);
    Ok(file)
}

fn put(bytes: &mut [u8], at: usize, field: &[u8]) {
    bytes[at..at + field.len()].copy_from_slice(field);
}

/// A name in its field, with the zero byte that ends it.
fn name<const N: usize>(name: &str) -> Result<[u8; N], String> {
    if name.is_empty() || name.len() >= N || !name.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(format!("the name {name:?} has to be 1 to {} printable ASCII characters without spaces", N - 1));
    }
    let mut field = [0; N];
    put(&mut field, 0, name.as_bytes());
    Ok(field)
}

/// FNV-1a in 128 bits, marked as a uuid of version 8 (RFC 9562: "custom").
pub(super) fn uuid(content: &[u8]) -> [u8; 16] {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = (1 << 88) | 0x13b;
    let hash = content.iter().fold(BASIS, |h, &b| (h ^ u128::from(b)).wrapping_mul(PRIME));
    let mut uuid = hash.to_be_bytes();
    uuid[6] = uuid[6] & 0x0f | 0x80;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    uuid
}

/// The card's platform, or one that names the board.
fn platform(board: &Board) -> String {
    board.card.map_or_else(|| format!("nearfield_{}", board.name), |card| card.platform.to_string())
}

/// A pointer argument of a unit and its bank.
struct Connected {
    argument: u32,
    unit: u32,
    bank: u32,
}

/// Every pointer argument of every unit with the bank its master is linked to.
fn connections(config: &KernelConfig, board: &Board) -> Vec<Connected> {
    let arguments = config.arguments();
    let pointers: Vec<(u32, u32)> = (0..)
        .zip(&arguments)
        .filter_map(|(argument, a)| match a.kind {
            ArgumentKind::Pointer { master } => Some((argument, master)),
            ArgumentKind::U32 | ArgumentKind::F32 => None,
        })
        .collect();
    let of = |unit| {
        pointers.iter().map(move |&(argument, master)| Connected { argument, unit, bank: board.bank_of(unit, master) })
    };
    (0..board.compute_units).flat_map(of).collect()
}

/// CONNECTIVITY.
fn connectivity(connections: &[Connected]) -> Vec<u8> {
    let mut section = (connections.len() as u32).to_le_bytes().to_vec();
    for Connected { argument, unit, bank } in connections {
        for word in [argument, unit, bank] {
            section.extend_from_slice(&word.to_le_bytes());
        }
    }
    section
}

/// MEM_TOPOLOGY: the board's banks, those that a unit is linked to as used, then the host's memory.
fn memories(board: &Board, connections: &[Connected]) -> Result<Vec<u8>, String> {
    let kind = match board.memory {
        MemoryKind::Bank | MemoryKind::Ddr => table::DDR4,
        MemoryKind::Hbm => table::HBM,
    };
    let mut section = head(board.banks + u32::from(board.host_memory()));
    let mut add = |kind: u8, used: bool, base: u64, bytes: u64, tag: &str| {
        if !bytes.is_multiple_of(1024) || base.checked_add(bytes).is_none() {
            return Err(format!("the {bytes} bytes of {tag} at {base:#x} are no whole number of KiB in 64 bits"));
        }
        section.extend_from_slice(&[kind, u8::from(used), 0, 0, 0, 0, 0, 0]);
        section.extend_from_slice(&(bytes / 1024).to_le_bytes());
        section.extend_from_slice(&base.to_le_bytes());
        section.extend_from_slice(&name::<{ layout::MEMORY_TAG_BYTES }>(tag)?);
        Ok(())
    };
    for bank in 0..board.banks {
        let used = connections.iter().any(|c| c.bank == bank);
        add(kind, used, board.bank_base(bank), board.bank_bytes, &board.bank_tag(bank))?;
    }
    // XRT's hardware emulation places host-only buffers in the memory whose tag has HOST in it, and looks addresses up among
    // used ones only. Linked to nothing: XRT gives an argument the last memory it is linked to, and that shall be the bank.
    if board.host_memory() {
        add(table::HOST, true, board::HOST_MEMORY_BASE, board::HOST_MEMORY_BYTES, board::HOST_MEMORY_TAG)?;
    }
    Ok(section)
}

/// The count of a table whose entries begin on 8 bytes.
fn head(count: u32) -> Vec<u8> {
    let mut section = count.to_le_bytes().to_vec();
    section.extend_from_slice(&[0; 4]);
    section
}

/// IP_LAYOUT.
fn units(config: &KernelConfig, board: &Board) -> Result<Vec<u8>, String> {
    if board.compute_units > layout::MOST_INTERRUPTS {
        return Err(format!("it has {} units; {} is the most", board.compute_units, layout::MOST_INTERRUPTS));
    }
    let kernel = config.kernel.name();
    let mut section = head(board.compute_units);
    for unit in 0..board.compute_units {
        let properties =
            table::HS << layout::CONTROL_SHIFT | unit << layout::INTERRUPT_SHIFT | layout::INTERRUPT_ENABLED;
        section.extend_from_slice(&table::COMPUTE.to_le_bytes());
        section.extend_from_slice(&properties.to_le_bytes());
        section.extend_from_slice(&board::unit_base(unit).to_le_bytes());
        let full = format!("{kernel}:{}", board::unit_name(kernel, unit));
        section.extend_from_slice(&name::<{ layout::UNIT_NAME_BYTES }>(&full)?);
    }
    Ok(section)
}

/// EMBEDDED_METADATA. The names in it are identifiers, so nothing needs escaping.
fn metadata(config: &KernelConfig, board: &Board) -> String {
    let kernel = config.kernel.name();
    let part = board.card.map_or(board.name, |card| card.part);
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let mut line = |depth: usize, text: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(xml, "{:1$}{text}", "", 2 * depth);
    };
    line(0, format!("<project name=\"{}\">", config.name()));
    line(1, format!("<platform vendor=\"nearfield\" boardid=\"{0}\" name=\"{0}\">", board.name));
    line(2, format!("<device name=\"fpga0\" fpgaDevice=\"{part}\">"));
    line(3, format!("<core name=\"OCL_REGION_0\" target=\"hw_em\" numComputeUnits=\"{}\">", board.compute_units));
    line(4, "<kernelClocks>".into());
    line(5, format!("<clock port=\"KERNEL_CLK\" frequency=\"{:.0}MHz\"/>", board.clock_mhz));
    line(4, "</kernelClocks>".into());
    let version = nearfield_abi::ABI_VERSION;
    line(
        4,
        format!(
            "<kernel name=\"{kernel}\" language=\"ip\" vlnv=\"nearfield:kernel:{kernel}:{version}.0\" interrupt=\"true\" \
             hwControlProtocol=\"ap_ctrl_hs\">"
        ),
    );
    for master in config.masters() {
        let (port, bits) = (master.port(), master.data_bits);
        line(5, format!("<port name=\"{port}\" mode=\"master\" range=\"0xFFFFFFFFFFFFFFFF\" dataWidth=\"{bits}\"/>"));
    }
    let (control, range) = (port::CONTROL, register::SPACE_BYTES);
    line(5, format!("<port name=\"{control}\" mode=\"slave\" range=\"{range:#x}\" dataWidth=\"32\"/>"));
    for (id, argument) in config.arguments().iter().enumerate() {
        line(5, argument_element(config, id, argument));
    }
    for unit in 0..board.compute_units {
        let base = board::unit_base(unit);
        line(5, format!("<instance name=\"{}\">", board::unit_name(kernel, unit)));
        line(6, format!("<addrRemap base=\"{base:#x}\" range=\"{:#x}\" port=\"{control}\"/>", board::UNIT_RANGE));
        line(5, "</instance>".into());
    }
    for (depth, element) in [(4, "kernel"), (3, "core"), (2, "device"), (1, "platform"), (0, "project")] {
        line(depth, format!("</{element}>"));
    }
    xml
}

fn argument_element(config: &KernelConfig, id: usize, argument: &Argument) -> String {
    let (qualifier, port, kind) = match argument.kind {
        ArgumentKind::Pointer { master } => (1, config.masters()[master as usize].port(), "void*"),
        // Of an RTL kernel v++ knows no more than that a register has 32 bits: floats are called integers, too.
        ArgumentKind::U32 | ArgumentKind::F32 => (0, port::CONTROL.to_string(), "uint"),
    };
    let (name, offset, bytes) = (argument.name, argument.offset, argument.kind.bytes());
    format!(
        "<arg name=\"{name}\" addressQualifier=\"{qualifier}\" id=\"{id}\" port=\"{port}\" size=\"{bytes:#x}\" \
         offset=\"{offset:#x}\" hostOffset=\"0x0\" hostSize=\"{bytes:#x}\" type=\"{kind}\"/>"
    )
}
