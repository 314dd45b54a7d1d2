//! The flags that name a store, and the devices that work on it.

use super::console::Console;
use super::failure::Failure;
use anyhow::anyhow;
use clap::Args;
use nearfield::device::DeviceSpec;
use nearfield::handler::SharedDevice;
use nearfield::store::Store;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

/// A store.
#[derive(Args)]
pub struct Place {
    /// The store: its folder, or its folders in their order, one a device, with commas between.
    #[arg(long = "store", value_name = "DIR[,DIR]", value_delimiter = ',', required = true)]
    folders: Vec<PathBuf>,
}

impl Place {
    /// The folders.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// The folders as a person names them.
    pub fn name(&self) -> String {
        name(&self.folders)
    }

    /// Opens the store.
    pub fn open(&self) -> Result<Store, Failure> {
        Ok(Store::open(&self.folders)?)
    }
}

/// A store's folders as a person names them.
pub fn name(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(",")
}

/// Devices that do a store's step.
#[derive(Args)]
pub struct Devices {
    #[arg(long = "device", default_value = "soft", help = super::DEVICE_OF_STORE, long_help = super::DEVICE_LONG)]
    devices: Vec<DeviceSpec>,
}

impl Devices {
    /// Their names.
    pub fn names(&self) -> String {
        self.devices.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// Refuses another number than one, or one a folder.
    pub fn refuse_number(&self, folders: &[PathBuf]) -> Result<(), Failure> {
        match self.devices.len() {
            given if given == 1 || given == folders.len() => Ok(()),
            given => Err(Failure::refused(anyhow!(
                "{given} devices are named for the {} folders of {}; name one for all, or one a folder in their order",
                folders.len(),
                name(folders)
            ))),
        }
    }

    /// Opens them.
    pub fn open(&self, console: &Console) -> Result<Vec<SharedDevice>, Failure> {
        self.devices.iter().map(|spec| Ok(Arc::new(Mutex::new(console.open(spec)?)))).collect()
    }
}

/// A number of bytes, with K, M, G or T for powers of 1024.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes > 0 && bytes % (1 << 30) == 0 => write!(f, "{}G", bytes >> 30),
            bytes if bytes > 0 && bytes % (1 << 20) == 0 => write!(f, "{}M", bytes >> 20),
            bytes => write!(f, "{bytes}"),
        }
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Bytes, String> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let shift = match text[digits.len()..].to_ascii_uppercase().as_str() {
            "" => 0,
            "K" | "KIB" => 10,
            "M" | "MIB" => 20,
            "G" | "GIB" => 30,
            "T" | "TIB" => 40,
            _ => return Err("a number of bytes ends with K, M, G or T, or with nothing".into()),
        };
        let number: u64 = digits.parse().map_err(|_| "a number of bytes is like 512M or 1G".to_string())?;
        number.checked_shl(shift).filter(|bytes| bytes >> shift == number).map(Bytes).ok_or("that is too large".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_units() {
        assert_eq!("192M".parse(), Ok(Bytes(192 << 20)));
        assert_eq!("1GiB".parse(), Ok(Bytes(1 << 30)));
        assert_eq!("4096".parse(), Ok(Bytes(4096)));
        for bad in ["", "M", "-1", "1.5G", "1X", "99999999T"] {
            assert!(bad.parse::<Bytes>().is_err(), "{bad}");
        }
    }
}
