//! Files that are either the old ones or the new ones, whatever happens in between.

use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// What the user's umask allows: for files a user asked for.
    Shared,
    /// The owner only: for what the program keeps.
    Owner,
}

/// How the names of unfinished files begin; a process that is killed leaves them.
pub const TEMPORARY: &str = ".nearfield-";

/// Writes a file beside `path`, syncs it and renames it to `path`. On an error nothing is left beside `path`, which is what
/// it was; if only the last operation failed, syncing the folder, it is the new file, perhaps not yet on the disk.
pub fn replace(path: &Path, access: Access, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let folder = folder_of(path);
    let mode = match access {
        Access::Shared => 0o666,
        Access::Owner => 0o600,
    };
    let temporary =
        tempfile::Builder::new().prefix(TEMPORARY).permissions(Permissions::from_mode(mode)).tempfile_in(folder)?;
    let mut buffered = BufWriter::with_capacity(1 << 20, temporary.as_file());
    write(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|e| e.error)?;
    sync_folder(folder)
}

/// Makes renames and new names in a folder durable.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The folder a path lies in.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        replace(&path, Access::Owner, |f| f.write_all(b"old")).unwrap();
        let error = replace(&path, Access::Owner, |f| {
            f.write_all(b"new")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
