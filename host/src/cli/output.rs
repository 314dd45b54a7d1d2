//! The place a command is told to write a file to.

use anyhow::{bail, Context};
use nearfield::durable::folder_of;
use nearfield::store::Store;
use std::path::Path;

/// Finds out before anything runs whether a file could be written after it.
///
/// # Errors
///
/// When `output` is something else than a file, which renaming would replace (a folder, a device node), when it lies in
/// a store, whose own files it could replace, and when no file can be made in its folder.
pub fn refuse_unwritable(output: &Path) -> anyhow::Result<()> {
    if output.exists() && !output.is_file() {
        bail!("{} is not a file; name a file to write", output.display());
    }
    let folder = folder_of(output);
    if Store::is_at(folder) {
        bail!("{} lies in a store, whose files are its own; name a place outside", output.display());
    }
    // It is written beside its place and renamed, so what must be possible is a new file in the folder.
    tempfile::tempfile_in(folder).with_context(|| {
        let folder = folder.display();
        format!("{} cannot be written: no file can be made in {folder}; name another place", output.display())
    })?;
    Ok(())
}
