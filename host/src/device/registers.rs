//! What every clocked kernel says of itself, read through whatever reaches its registers.

use super::{Count, Counters, DeviceError, StreamCounters};
use nearfield_abi::kernel::smartupdate::Optimizer as One;
use nearfield_abi::kernel::{Counter, Kernel, KernelConfig};
use nearfield_abi::{register, ABI_VERSION};
use nearfield_model::gradient_norm::SquareSum;
use nearfield_model::optimizer::Optimizer;

/// A way to a kernel's registers: reads the word at a byte offset.
pub(super) type ReadWord<'a> = &'a mut dyn FnMut(u32) -> Result<u32, DeviceError>;

fn read64(read: ReadWord<'_>, offset: u32) -> Result<u64, DeviceError> {
    Ok(u64::from(read(offset)?) | u64::from(read(offset + 4)?) << 32)
}

/// The configuration of the kernel behind the registers: one of `kernel`'s, or the one that is expected.
///
/// # Errors
///
/// [`DeviceError::WrongKernel`] if it is none of those: of another kind, of another version of the interface, or of another
/// configuration; `expected` is then the one that was asked for, or the kernel's first.
pub(super) fn identify(
    device: &str,
    kernel: Kernel,
    expected: Option<KernelConfig>,
    read: ReadWord<'_>,
) -> Result<KernelConfig, DeviceError> {
    let known: Vec<KernelConfig> = expected.map_or_else(|| KernelConfig::of(kernel), |config| vec![config]);
    let id = u64::from(read(register::KERNEL_ID)?);
    let version = u64::from(read(register::ABI_VERSION)?);
    let hash = read64(read, register::CONFIGURATION_HASH)?;
    for (register, found, expected) in
        [("kernel_id", id, u64::from(kernel.id())), ("abi_version", version, u64::from(ABI_VERSION))]
    {
        if found != expected {
            return Err(DeviceError::WrongKernel { device: device.into(), register, found, expected });
        }
    }
    known.iter().find(|config| config.hash() == hash).copied().ok_or_else(|| DeviceError::WrongKernel {
        device: device.into(),
        register: "configuration_hash",
        found: hash,
        expected: known[0].hash(),
    })
}

/// The optimizers whose step a kernel does.
pub(super) fn optimizers(config: &KernelConfig) -> &'static [Optimizer] {
    match config.kernel {
        Kernel::SmartUpdate => &Optimizer::ALL,
        Kernel::GradientNorm | Kernel::SgcnAggregate => &[],
        Kernel::SmartUpdateOf(One::AdamW) => &[Optimizer::AdamW],
        Kernel::SmartUpdateOf(One::Adam) => &[Optimizer::Adam],
        Kernel::SmartUpdateOf(One::Adagrad) => &[Optimizer::Adagrad],
        Kernel::SmartUpdateOf(One::Lion) => &[Optimizer::Lion],
        Kernel::SmartUpdateOf(One::Sgd) => &[Optimizer::Sgd],
    }
}

/// Turns the error registers of a run that has ended into an error.
pub(super) fn check_ended_well(config: &KernelConfig, read: ReadWord<'_>) -> Result<(), DeviceError> {
    let code = read(register::ERROR_CODE)?;
    if code == register::error::NONE {
        return Ok(());
    }
    let port = read(register::ERROR_PORT)?;
    let address = read64(read, register::ERROR_ADDRESS)?;
    let unknown = DeviceError::UnknownCode { code, port, address };
    Err(match code {
        register::error::AXI_READ | register::error::AXI_WRITE => match config.masters().get(port as usize) {
            Some(master) => DeviceError::Axi { code, port: master.name.into(), address },
            None => unknown,
        },
        register::error::ARGUMENT => match config.arguments().get(port as usize) {
            Some(argument) => DeviceError::KernelArgument { argument: argument.name.into() },
            None => unknown,
        },
        register::error::STREAM if config.kernel == Kernel::SgcnAggregate => {
            DeviceError::Graph { row: port, fault: address as u32 }
        }
        register::error::STREAM => DeviceError::Stream { chunk: port, fault: address as u32 },
        _ => unknown,
    })
}

/// The counters of the last run.
pub(super) fn counters(config: &KernelConfig, read: ReadWord<'_>) -> Result<Counters, DeviceError> {
    let cycles = read64(read, register::CYCLES)?;
    let mut streams = Vec::new();
    for (index, stream) in config.streams().iter().enumerate() {
        let base = register::STREAMS + index as u32 * register::STREAM_STRIDE;
        let beats = read64(read, base + register::stream::BEATS)?;
        let stalls = read64(read, base + register::stream::STALLS)?;
        let a = read64(read, base + register::stream::CHECKSUM_A)?;
        let b = read64(read, base + register::stream::CHECKSUM_B)?;
        streams.push(StreamCounters { name: stream.name, beats, stalls, checksum: (a, b) });
    }
    let mut counts = Vec::new();
    for Counter { name, offset, .. } in config.counters() {
        counts.push(Count { name, value: read(offset)? });
    }
    let nonfinite = read(register::NONFINITE)? != 0;
    let squares = match config.sums() {
        0 => None,
        sums => Some(squares(sums, nonfinite, read)?),
    };
    Ok(Counters { cycles, streams, counts, nonfinite, squares })
}

/// The sum of a kernel's sums of squares, a lane's each.
fn squares(sums: u32, nonfinite: bool, read: ReadWord<'_>) -> Result<SquareSum, DeviceError> {
    let mut total = SquareSum { nonfinite, ..SquareSum::default() };
    for sum in 0..sums {
        let mut lane = SquareSum::default();
        for limb in 0..register::SUM_LIMBS {
            let word = read(register::SUMS + sum * register::SUM_STRIDE + 4 * limb)?;
            lane.words[limb as usize / 2] |= u64::from(word) << (32 * (limb % 2));
        }
        total.add_sum(&lane);
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// The registers of a kernel, some of them changed.
    fn registers(config: KernelConfig, changed: &[(u32, u32)]) -> BTreeMap<u32, u32> {
        let hash = config.hash();
        let mut registers = BTreeMap::from([
            (register::KERNEL_ID, config.kernel.id()),
            (register::ABI_VERSION, ABI_VERSION),
            (register::CONFIGURATION_HASH, hash as u32),
            (register::CONFIGURATION_HASH + 4, (hash >> 32) as u32),
        ]);
        registers.extend(changed.iter().copied());
        registers
    }

    fn read(registers: BTreeMap<u32, u32>) -> impl FnMut(u32) -> Result<u32, DeviceError> {
        move |offset| Ok(registers.get(&offset).copied().unwrap_or(0))
    }

    #[test]
    fn a_kernel_is_recognised_and_another_one_refused() {
        let configs = KernelConfig::of(Kernel::SmartUpdate);
        let (one, two) = (configs[0], configs[1]);
        let kernel = Kernel::SmartUpdate;
        assert_eq!(identify("x", kernel, None, &mut read(registers(two, &[]))).unwrap(), two);
        assert_eq!(identify("x", kernel, Some(two), &mut read(registers(two, &[]))).unwrap(), two);
        let norm = KernelConfig::gradient_norm(8).unwrap();
        assert_eq!(identify("x", norm.kernel, None, &mut read(registers(norm, &[]))).unwrap(), norm);
        assert!(identify("x", kernel, None, &mut read(registers(norm, &[]))).is_err());
        let refused = |expected, changed: &[(u32, u32)]| {
            let error = identify("xrt:0", kernel, expected, &mut read(registers(two, changed))).unwrap_err();
            assert!(error.refused());
            error.to_string()
        };
        let other = refused(Some(one), &[]);
        assert!(other.contains("configuration_hash reads") && other.contains("from the same sources"), "{other}");
        assert!(refused(None, &[(register::CONFIGURATION_HASH, 7)]).contains("configuration_hash reads"));
        assert!(refused(None, &[(register::ABI_VERSION, 99)]).contains("abi_version reads 0x63"));
        assert!(refused(None, &[(register::KERNEL_ID, 1)]).contains("kernel_id reads 0x1"));
    }

    #[test]
    fn the_sums_of_all_lanes_are_added() {
        let config = KernelConfig::gradient_norm(2).unwrap();
        let limb = |sum: u32, limb: u32| register::SUMS + sum * register::SUM_STRIDE + 4 * limb;
        let low = [(limb(0, 0), u32::MAX), (limb(0, 1), u32::MAX), (limb(1, 0), 2)];
        let high = [(limb(0, 18), 7), (limb(1, 18), 0x8000_0000), (register::NONFINITE, 1)];
        // What lies between two sums, and behind the last, is none of them.
        let between = [(limb(0, 19), 99), (limb(2, 0), 99)];
        let read_back = |config| counters(&config, &mut read(registers(config, &[low, high].concat())));
        let all = [low.as_slice(), &high, &between].concat();
        let found = counters(&config, &mut read(registers(config, &all))).unwrap().squares.unwrap();
        let mut expected = SquareSum { nonfinite: true, ..SquareSum::default() };
        (expected.words[0], expected.words[1], expected.words[9]) = (1, 1, 0x8000_0007);
        assert_eq!(found, expected);
        assert_eq!(read_back(KernelConfig::smartupdate(2).unwrap()).unwrap().squares, None);
    }

    #[test]
    fn counters_are_read_by_name() {
        let config = KernelConfig::sgcn_aggregate(4, 8).unwrap();
        let offset = register::COUNTERS + 4 * (4 * 8 + 2);
        let found = counters(&config, &mut read(registers(config, &[(offset, 7), (register::CYCLES, 9)]))).unwrap();
        let counted: Vec<&str> = found.counts.iter().filter(|c| c.value == 7).map(|c| c.name.as_str()).collect();
        assert_eq!((found.cycles, found.counts.len(), counted), (9, 4 * 8 + 4 + 8 * 4, vec!["cache_merged"]));
        let graph =
            [(register::ERROR_CODE, register::error::STREAM), (register::ERROR_PORT, 12), (register::ERROR_ADDRESS, 2)];
        let error = check_ended_well(&config, &mut read(registers(config, &graph))).unwrap_err();
        assert!(
            matches!(error, DeviceError::Graph { row: 12, fault: 2 }) && error.to_string().contains("row 12"),
            "{error}"
        );
    }

    #[test]
    fn codes_become_errors() {
        let config = KernelConfig::smartupdate(1).unwrap();
        let ended = |code, port| {
            let registers = registers(config, &[(register::ERROR_CODE, code), (register::ERROR_PORT, port)]);
            check_ended_well(&config, &mut read(registers))
        };
        ended(register::error::NONE, 9).unwrap();
        let axi = ended(register::error::AXI_READ, 2);
        assert!(matches!(&axi, Err(DeviceError::Axi { port, .. }) if port == "gmem2"), "{axi:?}");
        let argument = ended(register::error::ARGUMENT, 0);
        assert!(
            matches!(&argument, Err(DeviceError::KernelArgument { argument }) if argument == "params"),
            "{argument:?}"
        );
        let stream = ended(register::error::STREAM, 7).unwrap_err();
        assert!(
            matches!(&stream, DeviceError::Stream { chunk: 7, .. }) && stream.to_string().contains("chunk 7"),
            "{stream}"
        );
        for (code, port) in [(register::error::AXI_WRITE, 9), (register::error::ARGUMENT, 99), (77, 0)] {
            assert!(matches!(ended(code, port), Err(DeviceError::UnknownCode { .. })), "{code} {port}");
        }
    }
}
