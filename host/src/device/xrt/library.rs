//! What must be there before XRT is called, because XRT aborts where it is not: its library, a device, permission.

use crate::device::Bdf;
use std::env;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The library that has the native C interface.
const COREUTIL: &str = "libxrt_coreutil.so.2";
/// Folders in which distributions keep it.
const SYSTEM: &[&str] =
    &["/opt/xilinx/xrt/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
/// PCI vendor of the cards.
const VENDOR: &str = "0x10ee";

/// An installed XRT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The folder of its libraries.
    pub folder: PathBuf,
    /// `libxrt_coreutil`.
    pub coreutil: PathBuf,
}

/// Finds XRT: where `XILINX_XRT` says, or where distributions put it.
///
/// # Errors
///
/// A sentence that says which package has it, or what is wrong with `XILINX_XRT`.
pub fn find() -> Result<Installed, String> {
    search(env::var_os("XILINX_XRT").as_deref(), SYSTEM.iter().map(Path::new))
}

fn search<'a>(xilinx_xrt: Option<&OsStr>, system: impl Iterator<Item = &'a Path>) -> Result<Installed, String> {
    let installed = |folder: &Path| {
        let coreutil = folder.join(COREUTIL);
        coreutil.is_file().then(|| Installed { folder: folder.to_path_buf(), coreutil })
    };
    if let Some(root) = xilinx_xrt.filter(|root| !root.is_empty()) {
        return installed(&Path::new(root).join("lib")).ok_or_else(|| {
            let root = root.to_string_lossy();
            format!("XILINX_XRT is {root}, but there is no {root}/lib/{COREUTIL}; correct it (setup.sh of XRT sets it) or unset it")
        });
    }
    system.into_iter().find_map(installed).ok_or_else(|| {
        format!(
            "XRT is not installed: no {COREUTIL} in the system's library folders or /opt/xilinx/xrt/lib. For emulation, \
             Debian's package: apt-get install libxrt1. For a board, the XRT package of the board's maker, and its setup.sh"
        )
    })
}

/// Makes sure that there is a device for XRT, and that this user may open it.
///
/// # Errors
///
/// A sentence that says what is missing and how to get it.
pub fn check_device(bdf: Option<Bdf>) -> Result<(), String> {
    let open =
        |name: &OsStr| OpenOptions::new().read(true).write(true).open(Path::new("/dev/dri").join(name)).map(drop);
    check_device_in(Path::new("/sys/bus/pci/devices"), &open, bdf)
}

/// Tries to open a render node by its name.
type Open<'a> = &'a dyn Fn(&OsStr) -> io::Result<()>;

fn check_device_in(devices: &Path, open: Open<'_>, bdf: Option<Bdf>) -> Result<(), String> {
    let read = |path: PathBuf| fs::read_to_string(path).unwrap_or_default().trim().to_string();
    let mut cards: Vec<(String, Option<String>)> = fs::read_dir(devices)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| read(entry.path().join("vendor")) == VENDOR)
        .map(|entry| {
            let driver = fs::read_link(entry.path().join("driver")).ok();
            let driver = driver.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
            (entry.file_name().to_string_lossy().into_owned(), driver)
        })
        .collect();
    cards.sort();
    let usable: Vec<&str> =
        cards.iter().filter(|(_, driver)| driver.as_deref() == Some("xocl")).map(|(name, _)| name.as_str()).collect();
    if cards.is_empty() {
        return Err("there is no card of vendor 10ee on this machine's bus (lspci -d 10ee:); use xrt-emu:BOARD, \
                    sim:BOARD or soft"
            .into());
    }
    if usable.is_empty() {
        let names: Vec<&str> = cards.iter().map(|(name, _)| name.as_str()).collect();
        return Err(format!(
            "the driver `xocl` holds none of the cards ({}): install XRT's driver (xrt-dkms) and the card's shell, then \
             look with xbutil examine",
            names.join(", ")
        ));
    }
    let place = match bdf {
        Some(bdf) => bdf.to_string(),
        None => return usable.iter().try_for_each(|place| may_open(devices, open, place)),
    };
    match usable.contains(&place.as_str()) {
        true => may_open(devices, open, &place),
        false => Err(format!("there is no device of XRT at {place}; there are {}", usable.join(", "))),
    }
}

/// Finds out whether this user may open the card's render node. What else may be wrong with it, XRT says.
fn may_open(devices: &Path, open: Open<'_>, place: &str) -> Result<(), String> {
    let entries = fs::read_dir(devices.join(place).join("drm")).into_iter().flatten().flatten();
    for name in entries.map(|entry| entry.file_name()).filter(|name| name.to_string_lossy().starts_with("renderD")) {
        if open(&name).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied) {
            return Err(format!(
                "you may not open /dev/dri/{} of the card at {place}: join the group that owns it (usually `render`: sudo \
                 usermod -aG render $USER, then log in again)",
                name.to_string_lossy()
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn xrt_is_found_or_its_package_named() {
        let root = tempfile::tempdir().unwrap();
        let (lib, empty) = (root.path().join("xrt/lib"), root.path().join("empty"));
        fs::create_dir_all(&lib).unwrap();
        fs::create_dir_all(&empty).unwrap();
        fs::write(lib.join(COREUTIL), "").unwrap();
        let folders = || [empty.as_path(), lib.as_path()].into_iter();
        assert_eq!(search(None, folders()).unwrap().folder, lib);
        assert_eq!(search(Some(OsStr::new("")), folders()).unwrap().coreutil, lib.join(COREUTIL));
        assert_eq!(search(Some(root.path().join("xrt").as_os_str()), [].into_iter()).unwrap().folder, lib);
        let wrong = search(Some(empty.as_os_str()), folders()).unwrap_err();
        assert!(wrong.contains("XILINX_XRT is") && wrong.contains("unset it"), "{wrong}");
        let none = search(None, [empty.as_path()].into_iter()).unwrap_err();
        assert!(none.contains("apt-get install libxrt1"), "{none}");
    }

    /// A bus with cards: name, vendor, driver.
    fn bus(cards: &[(&str, &str, Option<&str>)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, vendor, driver) in cards {
            let card = root.path().join("devices").join(name);
            fs::create_dir_all(card.join("drm/renderD128")).unwrap();
            fs::write(card.join("vendor"), format!("{vendor}\n")).unwrap();
            if let Some(driver) = driver {
                symlink(Path::new("../../../bus/pci/drivers").join(driver), card.join("driver")).unwrap();
            }
        }
        root
    }

    fn check(root: &tempfile::TempDir, bdf: Option<Bdf>) -> Result<(), String> {
        check_device_in(&root.path().join("devices"), &|_| Ok(()), bdf)
    }

    #[test]
    fn what_stands_between_a_user_and_a_card_is_named() {
        let place = |bus| Some(Bdf { domain: 0, bus, device: 0, function: 1 });
        let none = check(&bus(&[("0000:01:00.0", "0x10de", Some("nvidia"))]), None).unwrap_err();
        assert!(none.contains("no card of vendor 10ee"), "{none}");
        let bare = check(&bus(&[("0000:65:00.1", "0x10ee", None)]), None).unwrap_err();
        assert!(bare.contains("xrt-dkms") && bare.contains("0000:65:00.1"), "{bare}");
        let two = [("0000:65:00.0", "0x10ee", Some("xclmgmt")), ("0000:65:00.1", "0x10ee", Some("xocl"))];
        let two = bus(&two);
        check(&two, None).unwrap();
        check(&two, place(0x65)).unwrap();
        let denied = |name: &OsStr| {
            assert_eq!(name, "renderD128");
            Err(ErrorKind::PermissionDenied.into())
        };
        let denied = check_device_in(&two.path().join("devices"), &denied, None).unwrap_err();
        assert!(denied.contains("/dev/dri/renderD128 of the card at 0000:65:00.1: join the group"), "{denied}");
        let elsewhere = check(&two, place(0x66)).unwrap_err();
        assert!(elsewhere.contains("no device of XRT at 0000:66:00.1; there are 0000:65:00.1"), "{elsewhere}");
    }
}
