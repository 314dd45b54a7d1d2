//! Any bytes as a part of Planetoid's CiteSeer: read or refused, without a panic. The first byte chooses the part.
#![no_main]

use nearfield::graph::dataset::part_is_readable;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((part, bytes)) = bytes.split_first() {
        part_is_readable(*part, bytes);
    }
});
