//! A package: everything that builds one kernel for one card.

use crate::{link, readme, xo, PackageError, Target};
use nearfield_abi::kernel::KernelConfig;
use nearfield_hdl::emit::Design;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A file of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path relative to the package's folder, with `/`.
    pub path: String,
    /// Content.
    pub text: String,
    /// Whether it is a program.
    pub executable: bool,
}

impl File {
    fn new(path: impl Into<String>, text: impl Into<String>) -> File {
        File { path: path.into(), text: text.into(), executable: false }
    }
}

/// The files that build one kernel for one card, sorted by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// The configuration's name: `smartupdate_l2`.
    pub name: String,
    /// The board's name: `smartssd`.
    pub board: String,
    /// The files.
    pub files: Vec<File>,
}

/// The folder of the Verilog in a package.
const RTL: &str = "rtl";
/// The file name of the build script in a package.
pub(crate) const BUILD: &str = "build.sh";

impl Package {
    /// The package of a configuration, by name, for a card.
    ///
    /// # Errors
    ///
    /// There is no configuration of this name (the error lists those there are), or it cannot be printed.
    pub fn from_name(kernel: &str, target: &Target) -> Result<Package, PackageError> {
        let config = KernelConfig::from_name(kernel).ok_or_else(|| PackageError::kernel(kernel.into()))?;
        Ok(Package::new(&config, target, &emit(&config)?))
    }

    /// The package of a configuration, whose emitted Verilog is `design`, for a card.
    pub fn new(config: &KernelConfig, target: &Target, design: &Design) -> Package {
        let name = config.name();
        let mut files = vec![
            File::new("README.txt", readme::of_package(config, target)),
            File { executable: true, ..File::new(BUILD, build_script(&name)) },
            File::new(link::FILE, link::configuration(config, target)),
            File::new(link::XRT_FILE, link::xrt()),
            File::new(xo::FILE, xo::script(config, &target.card)),
            File::new(
                format!("{name}.f"),
                design.artifacts.iter().map(|a| format!("{RTL}/{}\n", a.path)).collect::<String>(),
            ),
        ];
        files.extend(design.artifacts.iter().map(|a| File::new(format!("{RTL}/{}", a.path), a.text.clone())));
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Package { name, board: target.board.name.into(), files }
    }

    /// Writes the package to `root/BOARD/NAME` and returns that folder. Verilog of an earlier package in the same place that
    /// this one does not have is removed; built files stay.
    ///
    /// # Errors
    ///
    /// A file or folder cannot be written.
    pub fn write(&self, root: &Path) -> Result<PathBuf, PackageError> {
        let folder = root.join(&self.board).join(&self.name);
        let failed = |path: &Path, source| PackageError::Write { path: path.into(), source };
        // What was built of other sources must not be taken for what these would give.
        let same = |file: &File| fs::read(folder.join(&file.path)).is_ok_and(|text| text == file.text.as_bytes());
        if !self.files.iter().all(same) {
            for built in ["xo", "xclbin"].map(|kind| folder.join(format!("{}.{kind}", self.name))) {
                match fs::remove_file(&built) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(&built, error)),
                    _ => {}
                }
            }
        }
        let rtl = folder.join(RTL);
        if rtl.is_dir() {
            fs::remove_dir_all(&rtl).map_err(|e| failed(&rtl, e))?;
        }
        fs::create_dir_all(&rtl).map_err(|e| failed(&rtl, e))?;
        for file in &self.files {
            let path = folder.join(&file.path);
            fs::write(&path, &file.text).and_then(|()| mark(&path, file.executable)).map_err(|e| failed(&path, e))?;
        }
        Ok(folder)
    }
}

/// Prints a configuration's Verilog.
///
/// # Errors
///
/// The back end refuses it.
pub(crate) fn emit(config: &KernelConfig) -> Result<Design, PackageError> {
    nearfield_hdl::kernel::emit(*config).map_err(|source| PackageError::Emit { name: config.name(), source })
}

#[cfg(unix)]
fn mark(path: &Path, executable: bool) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(if executable { 0o755 } else { 0o644 }))
}

#[cfg(not(unix))]
fn mark(_: &Path, _: bool) -> std::io::Result<()> {
    Ok(())
}

fn build_script(name: &str) -> String {
    format!("#!/usr/bin/env bash\n# Builds {name}.xclbin in this folder: see README.txt.\nname={name}\n")
        + include_str!("build.sh")
}
