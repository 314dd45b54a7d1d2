//! The arena: everything the kernel reads and writes, as lines striped over its memory ports.

use super::OnDeviceError;
use crate::device::{Buffer, Device, DeviceError};
use nearfield_abi::kernel::sgcn::{place, LINE_BYTES, STRIPE_LINES};

/// Of what the kernel's pointers are multiples.
const ALIGNMENT: u64 = 4096;
const STRIPE_BYTES: usize = STRIPE_LINES as usize * LINE_BYTES as usize;

/// Where regions lie, one behind the other from line 0 on, each beginning with a stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan<const N: usize> {
    /// The line where each begins.
    pub lines: [u32; N],
    /// Lines in all.
    pub total: u64,
}

impl<const N: usize> Plan<N> {
    /// Of regions with these numbers of bytes.
    pub fn of(bytes: [u64; N]) -> Result<Plan<N>, OnDeviceError> {
        let stripes = bytes.map(|bytes| bytes.div_ceil(STRIPE_BYTES as u64) * u64::from(STRIPE_LINES));
        let total = stripes.iter().sum();
        if total > 1 << 32 {
            return Err(OnDeviceError::Arena { bytes: total * LINE_BYTES });
        }
        let mut next = 0;
        let lines = stripes.map(|stripe| {
            let begin = next;
            next += stripe;
            // Only a region without bytes begins at 2^32, and its line is not looked at.
            begin as u32
        });
        Ok(Plan { lines, total })
    }

    /// Bytes that each of so many ports holds of it.
    pub fn port_bytes(&self, ports: u32) -> u64 {
        let stripes = self.total / u64::from(STRIPE_LINES);
        stripes.div_ceil(u64::from(ports)).max(1) * STRIPE_BYTES as u64
    }
}

/// Memory for an arena, a buffer a port.
pub(super) struct Arena {
    pub buffers: Vec<Buffer>,
}

impl Arena {
    /// Reserves this much in each port's bank; `banks` names them.
    pub fn allocate(device: &mut dyn Device, banks: &[u32], bytes: u64) -> Result<Arena, DeviceError> {
        let mut arena = Arena { buffers: Vec::new() };
        for &bank in banks {
            match device.allocate(bytes, bank) {
                Ok(buffer) => arena.buffers.push(buffer),
                Err(error) => {
                    arena.release(device);
                    return Err(error);
                }
            }
        }
        match arena.buffers.iter().find(|buffer| buffer.address % ALIGNMENT != 0) {
            None => Ok(arena),
            Some(buffer) => {
                let what = format!("a buffer lies at {:#x}, which is no multiple of {ALIGNMENT}", buffer.address);
                arena.release(device);
                Err(DeviceError::Arguments { what })
            }
        }
    }

    /// Gives it back.
    pub fn release(self, device: &mut dyn Device) {
        self.buffers.into_iter().for_each(|buffer| device.release(buffer));
    }

    /// Writes regions that begin at these lines.
    pub fn write(&self, device: &mut dyn Device, regions: &[(u32, &[u8])]) -> Result<(), DeviceError> {
        let ports = self.buffers.len() as u32;
        // What a port has of a region is one piece of its memory.
        let mut piece = Vec::new();
        for &(line, bytes) in regions.iter().filter(|(_, bytes)| !bytes.is_empty()) {
            for (port, first) in firsts(line, ports) {
                let own = bytes.chunks(STRIPE_BYTES).skip(first).step_by(ports as usize);
                piece.clear();
                own.for_each(|stripe| piece.extend_from_slice(stripe));
                if !piece.is_empty() {
                    device.write(&self.buffers[port as usize], offset(line, first, ports), &piece)?;
                }
            }
        }
        Ok(())
    }

    /// Reads the region that begins at a line.
    pub fn read(&self, device: &mut dyn Device, line: u32, into: &mut [u8]) -> Result<(), DeviceError> {
        let ports = self.buffers.len() as u32;
        for (port, first) in firsts(line, ports) {
            let own = || (first..into.len().div_ceil(STRIPE_BYTES)).step_by(ports as usize);
            let end = |stripe: usize| into.len().min((stripe + 1) * STRIPE_BYTES);
            let mut piece = vec![0; own().map(|stripe| end(stripe) - stripe * STRIPE_BYTES).sum()];
            if piece.is_empty() {
                continue;
            }
            device.read(&self.buffers[port as usize], offset(line, first, ports), &mut piece)?;
            let own: Vec<_> = own().map(|stripe| stripe * STRIPE_BYTES..end(stripe)).collect();
            for (range, piece) in own.into_iter().zip(piece.chunks(STRIPE_BYTES)) {
                into[range].copy_from_slice(piece);
            }
        }
        Ok(())
    }
}

/// Each port, and the first stripe of a region from `line` on that lies in it.
fn firsts(line: u32, ports: u32) -> impl Iterator<Item = (u32, usize)> {
    let begin = line / STRIPE_LINES;
    (0..ports).map(move |first| ((begin + first) % ports, first as usize))
}

/// The byte of a port where it has a stripe of the region from `line` on.
fn offset(line: u32, stripe: usize, ports: u32) -> u64 {
    // A region that is not empty ends below line 2^32.
    let (_, line) = place(line.wrapping_add(stripe as u32 * STRIPE_LINES), ports);
    u64::from(line) * LINE_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_begin_with_a_stripe_and_fill_the_ports_in_turn() {
        let plan = Plan::of([1, 0, 1024, 1025]).unwrap();
        assert_eq!((plan.lines, plan.total), ([0, 16, 16, 32], 64));
        assert_eq!((plan.port_bytes(1), plan.port_bytes(8)), (4096, 1024));
        assert_eq!(firsts(32, 4).collect::<Vec<_>>(), [(2, 0), (3, 1), (0, 2), (1, 3)]);
        assert_eq!((offset(32, 0, 4), offset(32, 2, 4)), (0, 1024));
    }

    #[test]
    fn more_than_the_lines_there_are_is_refused() {
        assert_eq!(Plan::of([1 << 37, 1 << 37]).unwrap().total, 1 << 32);
        let error = Plan::of([1 << 37, (1 << 37) + 1]).unwrap_err().to_string();
        assert!(error.contains("274877907968 bytes"), "{error}");
    }
}
