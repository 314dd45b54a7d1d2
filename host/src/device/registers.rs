//! What every clocked kernel says of itself, read through whatever reaches its registers.

use super::{Counters, DeviceError, StreamCounters};
use nearfield_abi::kernel::KernelConfig;
use nearfield_abi::{register, ABI_VERSION};

/// A way to a kernel's registers: reads the word at a byte offset.
pub(super) type ReadWord<'a> = &'a mut dyn FnMut(u32) -> Result<u32, DeviceError>;

fn read64(read: ReadWord<'_>, offset: u32) -> Result<u64, DeviceError> {
    Ok(u64::from(read(offset)?) | u64::from(read(offset + 4)?) << 32)
}

/// The configuration of the kernel behind the registers.
///
/// # Errors
///
/// [`DeviceError::WrongKernel`] if it is none of this program's: of another kind, of another version of the interface, or
/// of a configuration that this program does not know; `expected` is then the configuration that was asked for, or the
/// first that there is.
pub(super) fn identify(
    device: &str,
    expected: Option<KernelConfig>,
    read: ReadWord<'_>,
) -> Result<KernelConfig, DeviceError> {
    let known: Vec<KernelConfig> = expected.map_or_else(KernelConfig::all, |config| vec![config]);
    let id = u64::from(read(register::KERNEL_ID)?);
    let version = u64::from(read(register::ABI_VERSION)?);
    let hash = read64(read, register::CONFIGURATION_HASH)?;
    for (register, found, expected) in
        [("kernel_id", id, u64::from(known[0].kernel.id())), ("abi_version", version, u64::from(ABI_VERSION))]
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
        streams.push(StreamCounters { name: stream.name, beats, stalls });
    }
    Ok(Counters { cycles, streams })
}
