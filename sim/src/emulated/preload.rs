//! The library that shortens the host's waits.

use std::path::PathBuf;

use crate::verilate::{self, BuildError};

/// A shared library for a host's `LD_PRELOAD`, in emulation only: `sleep()` takes a millisecond, whatever it is asked for.
/// XRT's hardware emulation sleeps for 1 to 10 seconds wherever it waits. It is built once and kept where built designs
/// are.
///
/// # Errors
///
/// There is no C++ compiler, or no usable cache folder.
pub fn preload() -> Result<PathBuf, BuildError> {
    verilate::build_library("sleep", include_str!("sleep.cpp"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    #[test]
    fn sleeping_is_short_where_it_is_loaded() {
        let library = super::preload().unwrap();
        let begun = Instant::now();
        // Verilator is written in Perl, whose sleep is the C library's.
        let perl = Command::new("perl").args(["-e", "sleep(20)"]).env("LD_PRELOAD", &library).status().unwrap();
        assert!(perl.success());
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        assert_eq!(super::preload().unwrap(), library);
    }
}
