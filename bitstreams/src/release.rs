//! The archive of the packages of every card, for people without Rust.

use crate::package::{emit, File, Package};
use crate::{readme, PackageError, Target};
use flate2::{Compression, GzBuilder};
use std::collections::btree_map::{BTreeMap, Entry};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The modification time of every file of an archive, in seconds since 1970: the bytes must depend on the content only, and
/// some tools warn of files from 1970.
const TIME: u64 = 1_577_836_800;

/// The packages of every card with its default kernel, and the texts that belong to them; paths begin with the archive's
/// name.
///
/// # Errors
///
/// A kernel cannot be printed.
pub fn files() -> Result<Vec<File>, PackageError> {
    let (mut designs, mut packages) = (BTreeMap::new(), Vec::new());
    for target in Target::all() {
        let config = target.default_kernel()?;
        let design = match designs.entry(config) {
            Entry::Occupied(printed) => printed.into_mut(),
            Entry::Vacant(place) => place.insert(emit(&config)?),
        };
        packages.push(Package::new(&config, &target, design));
    }
    let folders: Vec<_> = packages.iter().map(|p| (p.board.clone(), p.name.clone())).collect();
    let text = |path: &str, text: String| File { path: path.into(), text, executable: false };
    let mut files = vec![
        text("LICENSE-APACHE", include_str!("../../LICENSE-APACHE").into()),
        text("LICENSE-MIT", include_str!("../../LICENSE-MIT").into()),
        text("README.txt", readme::of_release(&folders)),
    ];
    for Package { name, board, files: package } in packages {
        files.extend(package.into_iter().map(|file| File { path: format!("{board}/{name}/{}", file.path), ..file }));
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files.into_iter().map(|file| File { path: format!("{}/{}", name(), file.path), ..file }).collect())
}

/// The archive's name without `.tar.gz`.
pub fn name() -> String {
    format!("nearfield-bitstreams-{}", env!("CARGO_PKG_VERSION"))
}

/// The archive of `files`: a tar in gzip, with one time, owner 0 and no names of users, in the order given.
///
/// # Errors
///
/// A path is longer than a tar can say.
pub fn archive(files: &[File]) -> io::Result<Vec<u8>> {
    let zip = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    let mut tar = tar::Builder::new(zip);
    for file in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(file.text.len() as u64);
        header.set_mode(if file.executable { 0o755 } else { 0o644 });
        header.set_mtime(TIME);
        header.set_uid(0);
        header.set_gid(0);
        header.set_entry_type(tar::EntryType::Regular);
        tar.append_data(&mut header, &file.path, file.text.as_bytes())?;
    }
    tar.into_inner()?.finish()
}

/// Writes the archive into a folder, which is made if it is missing, and returns its path.
///
/// # Errors
///
/// A kernel cannot be printed, or the file cannot be written.
pub fn write(folder: &Path) -> Result<PathBuf, PackageError> {
    let path = folder.join(format!("{}.tar.gz", name()));
    let beside = folder.join(format!("{}.tar.gz.part", name()));
    let files = files()?;
    // Renamed when it is whole: an archive that is there is a good one.
    let written = archive(&files).and_then(|bytes| {
        fs::create_dir_all(folder)?;
        fs::File::create(&beside)?.write_all(&bytes)?;
        fs::rename(&beside, &path)
    });
    written.map_err(|source| PackageError::Write { path: path.clone(), source })?;
    Ok(path)
}
