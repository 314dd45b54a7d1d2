//! The rules of AXI4 that a kernel's masters must keep, and those of ours that are narrower.

use nearfield_abi::kernel::{AXI_BEAT_BYTES, AXI_BURST_BEATS};

use super::pins::{Address, WriteData};
use super::Channel;

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cycle {cycle}, {port} {channel}: {rule}")]
pub struct Violation {
    /// When, in cycles since the simulation began.
    pub cycle: u64,
    /// The port's name.
    pub port: String,
    /// The channel.
    pub channel: Channel,
    /// What happened.
    pub rule: String,
}

/// Watches one channel that a kernel drives: a payload that was offered and not taken must be offered again.
#[derive(Debug)]
pub(super) struct Offer<T> {
    offered: Option<T>,
}

impl<T> Default for Offer<T> {
    fn default() -> Self {
        Offer { offered: None }
    }
}

impl<T: PartialEq + Copy + std::fmt::Debug> Offer<T> {
    /// Checks this cycle against the one before: `now` is the payload if valid is high.
    #[inline]
    pub(super) fn check(&mut self, now: Option<T>, ready: bool) -> Result<(), String> {
        if let Some(before) = self.offered {
            match now {
                None => return Err(format!("valid fell before ready; offered was {before:x?}")),
                Some(now) if now != before => {
                    return Err(format!("the payload changed before ready, from {before:x?} to {now:x?}"))
                }
                Some(_) => {}
            }
        }
        self.offered = if ready { None } else { now };
        Ok(())
    }

    /// Forgets what was offered: a reset takes it back.
    pub(super) fn clear(&mut self) {
        self.offered = None;
    }
}

/// Checks a burst's address.
pub(super) fn address(a: &Address) -> Result<(), String> {
    let beats = u32::from(a.len) + 1;
    let bytes = u64::from(beats * AXI_BEAT_BYTES);
    let full = AXI_BEAT_BYTES.trailing_zeros() as u8;
    if a.burst != 1 {
        return Err(format!("burst type {} is not INCR (1)", a.burst));
    }
    if a.size != full {
        return Err(format!("size {} is not that of the data bus ({full})", a.size));
    }
    if beats > AXI_BURST_BEATS {
        return Err(format!("{beats} beats are more than {AXI_BURST_BEATS}"));
    }
    if a.lock != 0 {
        return Err("an exclusive access".into());
    }
    if !a.address.is_multiple_of(u64::from(AXI_BEAT_BYTES)) {
        return Err(format!("the address {:#x} is not that of a beat", a.address));
    }
    if a.address % 4096 + bytes > 4096 {
        return Err(format!("{beats} beats from {:#x} cross a boundary of 4 KiB", a.address));
    }
    Ok(())
}

/// Checks a beat of write data; `index` is its place in a burst of `beats`, if the address is known already.
///
/// AXI allows any strobes. Nearfield's tensors are contiguous, so only the first beat of a burst may lack low bytes and
/// only the last one high bytes, and no beat is empty.
pub(super) fn write_data(w: &WriteData, index: u32, beats: Option<u32>) -> Result<(), String> {
    if let Some(beats) = beats {
        last(w.last, index, beats)?;
    }
    let strobe = w.strobe;
    if strobe == 0 {
        return Err("a beat without a strobe".into());
    }
    let low = strobe.trailing_zeros();
    let run = strobe >> low;
    if run & run.wrapping_add(1) != 0 {
        return Err(format!("the strobe {strobe:#x} has a hole"));
    }
    if low != 0 && index != 0 {
        return Err(format!("the strobe {strobe:#x} lacks low bytes in beat {index}"));
    }
    if strobe.leading_zeros() != 0 && !w.last {
        return Err(format!("the strobe {strobe:#x} lacks high bytes before the last beat"));
    }
    Ok(())
}

/// Checks WLAST of the beat `index` in a burst of `beats`.
pub(super) fn last(last: bool, index: u32, beats: u32) -> Result<(), String> {
    if last != (index + 1 == beats) {
        return Err(format!("WLAST is {} in beat {} of {beats}", u8::from(last), index + 1));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Address = Address { id: 0, address: 0x1f80, len: 1, size: 6, burst: 1, lock: 0 };

    #[test]
    fn addresses() {
        assert_eq!(address(&GOOD), Ok(()));
        let cases = [
            (Address { len: 2, ..GOOD }, "4 KiB"),
            (Address { burst: 0, ..GOOD }, "INCR"),
            (Address { burst: 2, ..GOOD }, "INCR"),
            (Address { size: 5, ..GOOD }, "size"),
            (Address { address: 0x1000, len: 64, ..GOOD }, "65 beats"),
            (Address { address: 0x1004, ..GOOD }, "0x1004"),
            (Address { lock: 1, ..GOOD }, "exclusive"),
        ];
        for (bad, says) in cases {
            assert!(address(&bad).unwrap_err().contains(says), "{bad:?}");
        }
        assert_eq!(address(&Address { address: 0x1000, len: 63, ..GOOD }), Ok(()));
    }

    #[test]
    fn write_beats() {
        let beat = |strobe, last| WriteData { data: [0; 16], strobe, last };
        assert_eq!(write_data(&beat(u64::MAX, false), 0, Some(2)), Ok(()));
        assert_eq!(write_data(&beat(0xf, true), 1, Some(2)), Ok(()));
        assert_eq!(write_data(&beat(0xff0, true), 0, Some(1)), Ok(()));
        for (bad, index, beats, says) in [
            (beat(u64::MAX, true), 0, Some(2), "WLAST"),
            (beat(u64::MAX, false), 1, Some(2), "WLAST"),
            (beat(0, true), 0, None, "without"),
            (beat(0b101, true), 0, None, "hole"),
            (beat(u64::MAX << 4, true), 1, None, "low"),
            (beat(u64::MAX >> 4, false), 0, None, "high"),
        ] {
            assert!(write_data(&bad, index, beats).unwrap_err().contains(says), "{says}");
        }
    }

    #[test]
    fn offers_stand() {
        let mut offer = Offer::default();
        assert_eq!(offer.check(Some(1), false), Ok(()));
        assert_eq!(offer.check(Some(1), true), Ok(()));
        assert_eq!(offer.check(None, true), Ok(()));
        assert_eq!(offer.check(Some(2), false), Ok(()));
        assert!(offer.check(Some(3), true).unwrap_err().contains("changed"));
        let mut offer = Offer::default();
        assert_eq!(offer.check(Some(2), false), Ok(()));
        assert!(offer.check(None, true).unwrap_err().contains("fell"));
    }
}
