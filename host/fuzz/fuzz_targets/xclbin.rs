//! Any bytes as an xclbin: read or refused, and judged, without a panic.
#![no_main]

use nearfield::xclbin::{drivable, Xclbin};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The length field is set right, so that the search is not spent on that rule.
    let mut bytes = bytes.to_vec();
    let length = (bytes.len() as u64).to_le_bytes();
    if let Some(field) = bytes.get_mut(304..312) {
        field.copy_from_slice(&length);
    }
    if let Ok(file) = Xclbin::parse(&bytes) {
        drivable(&file);
    }
});
