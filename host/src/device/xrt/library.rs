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
/// PCI vendor of most cards; clouds and other makers have their own.
const VENDOR: &str = "0x10ee";
/// The driver that opens a card to programs.
const DRIVER: &str = "xocl";
/// What hardware emulation takes, and the version whose protocol the emulated board serves.
#[cfg(feature = "sim")]
const EMULATION: (&str, &str) = ("libxrt_hwemu.so.2", "libxrt_hwemu.so.2.13.");

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

/// Finds an XRT whose hardware emulation the emulated board serves: the system's, or the one `XILINX_XRT` names.
///
/// # Errors
///
/// A sentence that says which package has it.
#[cfg(feature = "sim")]
pub fn find_for_emulation() -> Result<Installed, String> {
    let named = env::var_os("XILINX_XRT").filter(|root| !root.is_empty()).map(|root| Path::new(&root).join("lib"));
    let folders = SYSTEM.iter().map(PathBuf::from).chain(named);
    search_for_emulation(folders)
}

#[cfg(feature = "sim")]
fn search_for_emulation(folders: impl Iterator<Item = PathBuf>) -> Result<Installed, String> {
    let (library, version) = EMULATION;
    let mut others = Vec::new();
    for folder in folders {
        let coreutil = folder.join(COREUTIL);
        let Some(found) = folder.join(library).canonicalize().ok().filter(|_| coreutil.is_file()) else { continue };
        let name = found.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(version) {
            let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
            return Ok(Installed { folder: absolute(&folder), coreutil: absolute(&coreutil) });
        }
        others.push(found.display().to_string());
    }
    let others = match others.is_empty() {
        true => String::new(),
        false => format!("; {} is of another version", others.join(", ")),
    };
    Err(format!("emulation takes XRT 2.13, which is not installed: apt-get install libxrt1 (Debian 12){others}"))
}

fn search<'a>(xilinx_xrt: Option<&OsStr>, system: impl Iterator<Item = &'a Path>) -> Result<Installed, String> {
    let installed = |folder: &Path| {
        let coreutil = folder.join(COREUTIL);
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        coreutil.is_file().then(|| Installed { folder: absolute(folder), coreutil: absolute(&coreutil) })
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
        .map(|entry| {
            let driver = fs::read_link(entry.path().join("driver")).ok();
            let driver = driver.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
            (entry, driver)
        })
        .filter(|(entry, driver)| driver.as_deref() == Some(DRIVER) || read(entry.path().join("vendor")) == VENDOR)
        .map(|(entry, driver)| (entry.file_name().to_string_lossy().into_owned(), driver))
        .collect();
    cards.sort();
    let usable: Vec<&str> =
        cards.iter().filter(|(_, driver)| driver.as_deref() == Some(DRIVER)).map(|(name, _)| name.as_str()).collect();
    if cards.is_empty() {
        return Err(
            "there is no card for XRT on this machine's bus (lspci -d 10ee:); use xrt-emu:BOARD, sim:BOARD or soft"
                .into(),
        );
    }
    if usable.is_empty() {
        let names: Vec<&str> = cards.iter().map(|(name, _)| name.as_str()).collect();
        return Err(format!(
            "the driver `{DRIVER}` holds none of the cards ({}): install XRT's driver (xrt-dkms) and the card's shell, then \
             look with xbutil examine",
            names.join(", ")
        ));
    }
    let Some(place) = bdf.map(|bdf| bdf.to_string()) else {
        // Which of them has the number only XRT knows: it is enough that one may be opened.
        let mut denied = usable.iter().map_while(|place| may_open(devices, open, place).err());
        let (first, count) = (denied.next(), denied.count() + 1);
        return match first {
            Some(why) if count == usable.len() => Err(why),
            _ => Ok(()),
        };
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

    #[cfg(feature = "sim")]
    #[test]
    fn emulation_takes_a_version_of_its_own() {
        let root = tempfile::tempdir().unwrap();
        let folder = |name: &str, version: &str| {
            let folder = root.path().join(name);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(COREUTIL), "").unwrap();
            let library = format!("libxrt_hwemu.so.{version}");
            fs::write(folder.join(&library), "").unwrap();
            symlink(library, folder.join("libxrt_hwemu.so.2")).unwrap();
            folder
        };
        let (new, right) = (folder("new", "2.16.0"), folder("right", "2.13.0"));
        assert_eq!(search_for_emulation([new.clone(), right.clone()].into_iter()).unwrap().folder, right);
        let none = search_for_emulation([root.path().to_path_buf()].into_iter()).unwrap_err();
        assert!(none.ends_with("apt-get install libxrt1 (Debian 12)"), "{none}");
        let other = search_for_emulation([new].into_iter()).unwrap_err();
        assert!(other.contains("libxrt_hwemu.so.2.16.0 is of another version"), "{other}");
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
        assert!(none.contains("no card for XRT on this machine"), "{none}");
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
        // Of two cards, one that may be opened is enough for a number, not for a place.
        let both = bus(&[("0000:65:00.1", "0x10ee", Some("xocl")), ("0000:66:00.1", "0x1d0f", Some("xocl"))]);
        fs::rename(
            both.path().join("devices/0000:66:00.1/drm/renderD128"),
            both.path().join("devices/0000:66:00.1/drm/renderD129"),
        )
        .unwrap();
        let second = |name: &OsStr| match name == "renderD129" {
            true => Ok(()),
            false => Err(ErrorKind::PermissionDenied.into()),
        };
        let devices = both.path().join("devices");
        check_device_in(&devices, &second, None).unwrap();
        check_device_in(&devices, &second, place(0x66)).unwrap();
        assert!(check_device_in(&devices, &second, place(0x65)).unwrap_err().contains("renderD128"));
        let elsewhere = check(&two, place(0x66)).unwrap_err();
        assert!(elsewhere.contains("no device of XRT at 0000:66:00.1; there are 0000:65:00.1"), "{elsewhere}");
    }
}
