//! The folder XRT works in, and its environment.

use super::library::Installed;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::{self, Path, PathBuf};

/// How the names of the folders begin.
const PREFIX: &str = "nearfield-xrt-";
/// XRT puts its sockets into `/tmp/$USER`, whatever TMPDIR says.
const SOCKETS: &str = "/tmp";

/// An owner-only folder under a name nobody can guess, where XRT finds its libraries, its settings and its sockets, and
/// leaves what it leaves.
pub struct Place {
    /// The folder; it ends with this.
    pub folder: tempfile::TempDir,
    /// Variables of the helper's environment.
    pub variables: Vec<(&'static str, OsString)>,
    /// Variables that it must not have; XRT looks whether they are there, not what they hold.
    pub removed: &'static [&'static str],
}

impl Place {
    fn new(installed: &Installed) -> io::Result<Place> {
        let owner_only = fs::Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().prefix(PREFIX).permissions(owner_only).tempdir_in(SOCKETS)?;
        // XRT wants a root with `lib` in it; distributions have a folder by another name.
        let root = folder.path().join("xrt");
        fs::create_dir(&root)?;
        symlink(&installed.folder, root.join("lib"))?;
        let variables = vec![("XILINX_XRT", root.into_os_string())];
        Ok(Place { folder, variables, removed: &["XCL_EMULATION_MODE"] })
    }

    /// For a board: the user's own settings and installation stay.
    pub fn for_board(installed: &Installed) -> io::Result<Place> {
        let mut place = Place::new(installed)?;
        // The helper runs elsewhere: what is relative would lead nowhere.
        if let Some(root) = env::var_os("XILINX_XRT").filter(|root| !root.is_empty()) {
            place.variables = vec![("XILINX_XRT", path::absolute(root)?.into_os_string())];
        }
        // XRT looks for xrt.ini where it runs, which is not where the user is.
        let named = env::var_os("XRT_INI_PATH").map(PathBuf::from);
        if let Some(ini) = named.or_else(|| Some(PathBuf::from("xrt.ini")).filter(|ini| ini.is_file())) {
            place.variables.push(("XRT_INI_PATH", path::absolute(ini)?.into_os_string()));
        }
        Ok(place)
    }
}

/// Removes a folder of [`Place`], and nothing else.
pub(super) fn remove(folder: &Path) {
    let ours = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
    if ours && folder.parent() == Some(Path::new(SOCKETS)) {
        // XRT's threads live on and may make a file meanwhile.
        let gone = (0..5).any(|_| fs::remove_dir_all(folder).is_ok() || !folder.exists());
        if !gone {
            eprintln!("{} cannot be removed", folder.display());
        }
    }
}

/// What hardware emulation takes besides.
#[cfg(feature = "sim")]
mod emulated {
    use super::Place;
    use crate::device::xrt::library::Installed;
    use std::fs;
    use std::io;
    use std::path::{Path, PathBuf};

    /// The name of the board's socket in it.
    const SOCKET: &str = "board";
    /// What XRT puts before that for the way from device to host.
    const HOST_SOCKET: &str = "D2X_unix_sock_board";
    /// Debian's build of XRT spoils its heap when a message is longer than all before. So the first one, which carries the
    /// settings, is made longer than any that follows.
    const FIRST_MESSAGE: usize = 256 << 10;
    const PACKET: usize = 64 << 10;

    impl Place {
        /// For an emulated board: hardware emulation whose device is started by the helper. `preload` is the library that
        /// shortens XRT's sleeps.
        pub fn for_emulation(installed: &Installed, preload: &Path) -> io::Result<Place> {
            let mut place = Place::new(installed)?;
            let folder = place.folder.path().to_path_buf();
            let ini = folder.join("xrt.ini");
            let pad = "x".repeat(FIRST_MESSAGE);
            fs::write(
                &ini,
                format!(
                "[Runtime]\nruntime_log=console\n[Emulation]\ndont_run=true\nkeep_run_dir=false\npacket_size={PACKET}\n\
                 print_infos_in_console=false\nprint_warnings_in_console=false\n[Debug]\npad={pad}\n"
            ),
            )?;
            let runs = folder.join("runs");
            fs::create_dir(&runs)?;
            let user = folder.file_name().unwrap_or_default().to_os_string();
            place.removed = &[];
            place.variables.extend([
                ("XCL_EMULATION_MODE", "hw_emu".into()),
                ("USER", user),
                ("EMULATION_SOCKETID", SOCKET.into()),
                ("XRT_INI_PATH", ini.into_os_string()),
                ("EMCONFIG_PATH", folder.into_os_string()),
                ("SDACCEL_EM_RUN_DIR", runs.into_os_string()),
                ("LD_PRELOAD", preload.as_os_str().to_os_string()),
            ]);
            Ok(place)
        }

        /// The sockets of an emulated board: the one for its calls, and the one for its way to the host's memory.
        pub fn sockets(&self) -> (PathBuf, PathBuf) {
            (self.folder.path().join(SOCKET), self.folder.path().join(HOST_SOCKET))
        }
    }
}
