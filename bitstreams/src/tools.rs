//! The vendor's tools, where they are.

use crate::package::BUILD;
use crate::PackageError;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a package's build script runs.
pub const TOOLS: [&str; 2] = ["vivado", "v++"];

/// Those of [`TOOLS`] that no folder of `path`, a list as in `PATH`, has.
pub fn missing(path: &OsStr) -> Vec<&'static str> {
    let there = |tool: &str| std::env::split_paths(path).any(|folder| is_program(&folder.join(tool)));
    TOOLS.into_iter().filter(|tool| !there(tool)).collect()
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// Runs the build script of the package in `folder`, whose kernel is `name`, and returns the path of the `.xclbin`. It takes
/// hours; what it says goes to standard error.
///
/// # Errors
///
/// The script cannot be run or did not end well; by then it has named the log to read.
pub fn build(folder: &Path, name: &str) -> Result<PathBuf, PackageError> {
    let script = folder.join(BUILD);
    let failed = |how: String| PackageError::Build { script: script.clone(), how };
    let mut command = Command::new("bash");
    // Standard output is for the result alone.
    command.arg(&script).stdout(std::io::stderr());
    let status = command.status().map_err(|e| failed(e.to_string()))?;
    if !status.success() {
        return Err(failed(status.to_string()));
    }
    Ok(folder.join(format!("{name}.xclbin")))
}
