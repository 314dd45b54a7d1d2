//! What the writer writes, the reader reads, for every configuration on every board.

use super::super::writer::uuid;
use super::super::*;
use nearfield_abi::board::{self, Board, BOARDS};
use nearfield_abi::kernel::{ArgumentKind, Kernel, KernelConfig};
use std::collections::BTreeSet;

fn every() -> Vec<(KernelConfig, &'static Board)> {
    KernelConfig::all().into_iter().flat_map(|config| BOARDS.iter().map(move |board| (config, board))).collect()
}

#[test]
fn every_configuration_on_every_board_comes_back() {
    for (config, board) in every() {
        let bytes = write(&config, board).unwrap();
        let file = Xclbin::parse(&bytes).unwrap();
        assert_eq!((file.mode, file.created, file.signature), (Mode::HwEmu, 0, None));
        assert_eq!(file.bytes, bytes.len() as u64);
        let platform = board.card.map_or(format!("nearfield_{}", board.name), |card| card.platform.to_string());
        assert_eq!(file.platform, platform);
        let kinds: Vec<u32> = file.sections.iter().map(|s| s.kind.0).collect();
        assert_eq!(kinds, [0, 2, 6, 7, 8]);
        assert!(file.sections.iter().all(|s| s.span.offset % 8 == 0), "XRT casts sections to structures");
        memories(&file, board);
        units(&file, config, board);
        kernel(&file, config, board);
    }
}

fn memories(file: &Xclbin, board: &Board) {
    assert!(file.groups.is_none() && file.group_connections.is_none());
    let (banks, host) = file.banks.split_at(board.banks as usize);
    for (bank, memory) in (0..).zip(banks) {
        assert_eq!((memory.base, memory.bytes), (board.bank_base(bank), board.bank_bytes));
        assert_eq!(memory.tag, board.bank_tag(bank));
        assert_eq!(memory.used, file.connections.iter().any(|c| c.memory == bank), "{}", memory.tag);
    }
    assert_eq!(host.len(), usize::from(board.host_memory()));
    for host in host {
        assert_eq!((host.kind, host.used, host.tag.as_str()), (MemoryType::Host, true, "HOST[0]"));
        assert_eq!((host.base, host.bytes), (board::HOST_MEMORY_BASE, board::HOST_MEMORY_BYTES));
        assert!(
            banks.iter().all(|b| b.base + b.bytes <= host.base || b.base >= host.base + host.bytes),
            "they overlap"
        );
    }
}

fn units(file: &Xclbin, config: KernelConfig, board: &Board) {
    assert_eq!(file.units.len(), board.compute_units as usize);
    let arguments = config.arguments();
    let links = file.links();
    let mut pointers = 0;
    for (index, unit) in file.units.iter().enumerate() {
        assert!(unit.is_compute());
        assert_eq!(unit.control, Some(Control::Hs));
        assert_eq!(unit.base, Some(board::unit_base(index as u32)));
        assert_eq!(unit.name(), format!("{0}:{0}_{1}", config.kernel.name(), index + 1));
        for (id, argument) in (0..).zip(&arguments) {
            let bank = match argument.kind {
                ArgumentKind::Pointer { master } => Some(board.bank_of(index as u32, master)),
                _ => None,
            };
            let link = links.get(&(index as u32, id)).copied();
            assert_eq!(link, bank.map(Some), "{} of {}", argument.name, unit.name());
            pointers += usize::from(bank.is_some());
        }
    }
    assert_eq!((file.connections.len(), links.len()), (pointers, pointers));
}

fn kernel(file: &Xclbin, config: KernelConfig, board: &Board) {
    let [kernel] = &file.kernels[..] else { panic!("{} kernels", file.kernels.len()) };
    assert_eq!((kernel.name.as_str(), kernel.control.as_deref()), (config.kernel.name(), Some("ap_ctrl_hs")));
    let instances: Vec<String> = (0..board.compute_units).map(|u| board::unit_name(&kernel.name, u)).collect();
    assert_eq!(kernel.instances, instances);
    let ports: Vec<(&str, Option<u64>)> = kernel.ports.iter().map(|p| (p.name.as_str(), p.data_bits)).collect();
    let masters = config.masters().len();
    let gmem: Vec<String> = (0..masters).map(|master| format!("m_axi_gmem{master}")).collect();
    let gmem: Vec<(&str, Option<u64>)> = gmem.iter().map(|port| (port.as_str(), Some(512))).collect();
    assert_eq!(ports[..masters], gmem);
    assert_eq!(ports[masters..], [("s_axi_control", Some(32))]);
    for (id, (found, argument)) in (0..).zip(kernel.arguments.iter().zip(config.arguments())) {
        assert_eq!((found.name.as_str(), found.id), (argument.name, Some(id)));
        assert_eq!(found.offset, u64::from(argument.offset));
        let port = found.port.as_deref().unwrap();
        match argument.kind {
            ArgumentKind::Pointer { master } => {
                assert_eq!((found.bytes, found.qualifier), (8, Qualifier::Global));
                assert_eq!(port, format!("m_axi_gmem{master}"));
            }
            _ => {
                assert_eq!((found.bytes, found.qualifier, port), (4, Qualifier::Scalar, "s_axi_control"));
            }
        }
    }
    assert_eq!(kernel.arguments.len(), config.arguments().len());
}

#[test]
fn bytes_are_the_same_every_time_and_uuids_tell_files_apart() {
    let mut uuids = BTreeSet::new();
    for (config, board) in every() {
        let bytes = write(&config, board).unwrap();
        assert!(bytes == write(&config, board).unwrap(), "{} on {}", config.name(), board.name);
        let uuid = Xclbin::parse(&bytes).unwrap().uuid;
        assert_eq!((uuid.0[6] >> 4, uuid.0[8] >> 6), (8, 2), "version and variant of {uuid}");
        assert!(uuids.insert(uuid.0), "{uuid} stands for two files");
    }
    // FNV-1a's published value for "a", with the six bits of version and variant set.
    assert_eq!(Uuid(uuid(b"a")).to_string(), "d228cb69-6f1a-8caf-b891-2b704e4a8964");
}

#[test]
fn every_unit_that_is_written_can_be_driven() {
    for (config, board) in every() {
        let verdict = drivable(&Xclbin::parse(&write(&config, board).unwrap()).unwrap());
        assert_eq!(verdict.reasons, []);
        assert_eq!(verdict.units.len(), board.compute_units as usize);
        for (index, unit) in (0..).zip(&verdict.units) {
            assert_eq!((unit.kernel, unit.base), (config.kernel, board::unit_base(index)));
            assert!(unit.configs.contains(&config));
            assert_eq!(unit.xrt_name(), format!("{0}:{{{0}_{1}}}", config.kernel.name(), index + 1));
            let masters: &[u32] = match config.kernel {
                Kernel::SmartUpdate => &[0, 1, 2, 3, 3],
                Kernel::GradientNorm => &[0],
                Kernel::SmartUpdateOf(one) if one.states().len() == 1 => &[0, 1, 2, 2],
                Kernel::SmartUpdateOf(_) => &[0, 1, 2, 3, 3],
                Kernel::SgcnAggregate => &[0, 1, 2, 3, 4, 5, 6, 7][..config.ports as usize],
            };
            let banks: Vec<(u32, u32)> =
                (0..).zip(masters).map(|(id, &master)| (id, board.bank_of(index, master))).collect();
            assert_eq!(unit.groups, banks);
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let config = KernelConfig::smartupdate(1).unwrap();
    let board = Board { card: None, ..*Board::from_name("u280").unwrap() };
    let says = |board: Board, says: &str| {
        let error = write(&config, &board).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("nearfield-abi"), "{error}");
    };
    says(Board { name: "a".repeat(60).leak(), ..board }, "1 to 63 printable");
    says(Board { name: "two words", ..board }, "without spaces");
    says(Board { bank_bytes: 1000, ..board }, "no whole number of KiB");
    says(Board { base: u64::MAX - 4096 - 31 * (256 << 20), ..board }, "in 64 bits");
    says(Board { compute_units: 129, ..board }, "128 is the most");
}

#[test]
fn a_file_on_disk_is_read_without_its_bitstream() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.xclbin");
    let mut bytes = write(&KernelConfig::smartupdate(2).unwrap(), Board::from_name("smartssd").unwrap()).unwrap();
    // A bitstream of 8 GiB after everything else, as a hole: reading it would be noticed.
    let (begin, huge) = (bytes.len() as u64, 8u64 << 30);
    bytes[456 + 24..456 + 32].copy_from_slice(&begin.to_le_bytes());
    bytes[456 + 32..456 + 40].copy_from_slice(&huge.to_le_bytes());
    bytes[304..312].copy_from_slice(&(begin + huge).to_le_bytes());
    std::fs::write(&path, &bytes).unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(begin + huge).unwrap();
    let file = Xclbin::open(&path).unwrap();
    assert_eq!((file.bytes, file.sections[0].span.bytes), (begin + huge, huge));
    assert_eq!(drivable(&file).units.len(), 1);
    // The same length for a section that is read is too much.
    bytes[456] = 2;
    bytes[456 + 40] = 0;
    std::fs::write(&path, &bytes).unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(begin + huge).unwrap();
    let error = Xclbin::open(&path).unwrap_err().to_string();
    assert!(error.contains("EMBEDDED_METADATA has 8589934592 bytes; 67108864 is the most"), "{error}");
    assert!(error.contains("copy it again"), "{error}");
}

#[test]
fn what_is_no_file_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Xclbin::open(folder.path()).unwrap_err().to_string().contains("not a regular file"));
    let nowhere = folder.path().join("none");
    assert!(Xclbin::open(&nowhere).unwrap_err().to_string().contains("cannot read"));
}
