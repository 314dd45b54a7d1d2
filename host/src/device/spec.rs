//! The grammar that names devices: `KIND[:TARGET][,key=value…]`.

use nearfield_abi::board::{Board, BOARDS};
use nearfield_abi::kernel::{sgcn, smartupdate, Kernel, KernelConfig, LANES};
use nearfield_model::optimizer::Optimizer;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A backend and its target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DeviceKind {
    /// The bit-exact step on the host's own cores.
    Soft,
    /// A simulated board.
    Sim(&'static Board),
    /// A board through XRT, by XRT's number.
    XrtIndex(u32),
    /// A board through XRT, by its place on the bus.
    XrtBdf(Bdf),
    /// A simulated board through the real XRT.
    XrtEmulated(&'static Board),
}

/// The place of a device on the PCI bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bdf {
    /// Domain, most often 0.
    pub domain: u16,
    /// Bus.
    pub bus: u8,
    /// Device, below 32.
    pub device: u8,
    /// Function, below 8.
    pub function: u8,
}

impl fmt::Display for Bdf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:02x}:{:02x}.{}", self.domain, self.bus, self.device, self.function)
    }
}

impl Bdf {
    /// Reads `65:00.1` or `0000:65:00.1`.
    fn parse(text: &str) -> Option<Bdf> {
        let hex = |digits: &str, most: usize| {
            let digits = (1..=most).contains(&digits.len()).then_some(digits)?;
            digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok()).flatten()
        };
        let (rest, function) = text.rsplit_once('.')?;
        let parts: Vec<&str> = rest.split(':').collect();
        let (domain, bus, device) = match parts[..] {
            [bus, device] => ("0", bus, device),
            [domain, bus, device] => (domain, bus, device),
            _ => return None,
        };
        let (device, function) = (hex(device, 2)?, hex(function, 1)?);
        let (domain, bus) = (hex(domain, 4)?, hex(bus, 2)? as u8);
        (device < 32 && function < 8).then_some(Bdf { domain, bus, device: device as u8, function: function as u8 })
    }
}

/// A parsed device name. Everything in it exists.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceSpec {
    /// Backend and target.
    pub kind: DeviceKind,
    /// The one optimizer whose step the kernel does (`sim`, `xrt`, `xrt-emu`), or the kernel does every one.
    pub optimizer: Option<Optimizer>,
    /// Lanes of the kernel (`sim`, `xrt-emu`), or the board's default.
    pub lanes: Option<u32>,
    /// Engines of a kernel for graphs (`sim`, `xrt-emu`), or the board's default.
    pub engines: Option<u32>,
    /// Memory ports of a kernel for graphs (`sim`, `xrt-emu`), or the board's default.
    pub ports: Option<u32>,
    /// Seed of what the simulated board draws (`sim`, `xrt-emu`).
    pub seed: u64,
    /// Kernel clock in MHz (`sim`, `xrt-emu`), or the board's.
    pub clock_mhz: Option<f64>,
    /// Where the waves of the simulation go, an FST file (`sim`, `xrt-emu`).
    pub waves: Option<PathBuf>,
    /// The file that is loaded onto the board (`xrt`, and `xrt-emu` where it is not the board's own).
    pub xclbin: Option<PathBuf>,
    /// The compute unit in it, of those of the kernel that is opened, counted from 0 (`xrt`, `xrt-emu`).
    pub unit: u32,
    /// Threads (`soft`), or one a core.
    pub threads: Option<usize>,
}

/// A device name that cannot be understood, or that names what does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("device `{device}`: {what}")]
pub struct SpecError {
    /// What was typed.
    pub device: String,
    /// What is wrong with it and what exists.
    pub what: String,
}

impl DeviceSpec {
    /// `soft` with a thread a core.
    pub fn soft() -> DeviceSpec {
        DeviceSpec {
            kind: DeviceKind::Soft,
            optimizer: None,
            lanes: None,
            engines: None,
            ports: None,
            seed: 1,
            clock_mhz: None,
            waves: None,
            xclbin: None,
            unit: 0,
            threads: None,
        }
    }

    /// The kernel for an optimizer's step: `smartupdate`, or the one that does only `optimizer`.
    pub fn kernel(&self) -> Kernel {
        match self.optimizer {
            None => Kernel::SmartUpdate,
            Some(Optimizer::AdamW) => Kernel::SmartUpdateOf(smartupdate::Optimizer::AdamW),
            Some(Optimizer::Adam) => Kernel::SmartUpdateOf(smartupdate::Optimizer::Adam),
            Some(Optimizer::Adagrad) => Kernel::SmartUpdateOf(smartupdate::Optimizer::Adagrad),
            Some(Optimizer::Lion) => Kernel::SmartUpdateOf(smartupdate::Optimizer::Lion),
            Some(Optimizer::Sgd) => Kernel::SmartUpdateOf(smartupdate::Optimizer::Sgd),
        }
    }

    /// The configuration of a kernel that is built for `board`: what the name says, else the board's default.
    ///
    /// # Errors
    ///
    /// There is none like that.
    pub fn configuration(&self, kernel: Kernel, board: &Board) -> Result<KernelConfig, String> {
        let (engines, ports) = board.default_engines;
        let (count, ports, what) = match kernel {
            Kernel::SgcnAggregate => (self.engines.unwrap_or(engines), self.ports.unwrap_or(ports), "engines"),
            _ => (self.lanes.unwrap_or(board.default_lanes), 0, "lanes"),
        };
        KernelConfig::with_ports(kernel, count, ports)
            .ok_or_else(|| format!("there is no {} kernel with {count} {what}; see `nearfield kernels`", kernel.name()))
    }

    /// The simulated board, if there is one.
    pub fn board(&self) -> Option<&'static Board> {
        match self.kind {
            DeviceKind::Sim(board) | DeviceKind::XrtEmulated(board) => Some(board),
            DeviceKind::Soft | DeviceKind::XrtIndex(_) | DeviceKind::XrtBdf(_) => None,
        }
    }
}

fn simulated_boards(kind: &str) -> String {
    let names: Vec<String> = BOARDS.iter().filter(|b| b.simulated()).map(|b| format!("{kind}:{}", b.name)).collect();
    names.join(", ")
}

fn what_there_is() -> String {
    format!("there are soft, {}, xrt:INDEX, xrt:BDF, {}", simulated_boards("sim"), simulated_boards("xrt-emu"))
}

impl FromStr for DeviceSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<DeviceSpec, SpecError> {
        parse(text).map_err(|what| SpecError { device: text.to_string(), what })
    }
}

fn parse(text: &str) -> Result<DeviceSpec, String> {
    let mut parts = text.split(',');
    let name = parts.next().unwrap_or_default();
    let (kind, target) = match name.split_once(':') {
        Some((kind, target)) => (kind, Some(target)),
        None => (name, None),
    };
    let kind = match (kind, target) {
        ("soft", None) => DeviceKind::Soft,
        ("soft", Some(_)) => return Err("`soft` has no target; write `soft`".into()),
        ("sim", Some(target)) => DeviceKind::Sim(board(kind, target)?),
        ("xrt-emu", Some(target)) => DeviceKind::XrtEmulated(board(kind, target)?),
        ("sim" | "xrt-emu", None) => {
            return Err(format!("`{kind}` needs a board; there are {}", simulated_boards(kind)));
        }
        ("xrt", target) => xrt(target.unwrap_or_default())?,
        _ => return Err(format!("there is no `{kind}`; {}", what_there_is())),
    };
    let mut spec = DeviceSpec { kind, ..DeviceSpec::soft() };
    let mut seen: Vec<&str> = Vec::new();
    for part in parts {
        let (key, value) =
            part.split_once('=').ok_or_else(|| format!("`{part}` is no key=value; write for example lanes=4"))?;
        if seen.contains(&key) {
            return Err(format!("the key `{key}` is given twice; keep one"));
        }
        seen.push(key);
        set(&mut spec, key, value)?;
    }
    Ok(spec)
}

fn board(kind: &str, target: &str) -> Result<&'static Board, String> {
    match Board::from_name(target) {
        Some(board) if board.simulated() => Ok(board),
        Some(_) => {
            let boards = simulated_boards(kind);
            Err(format!("the board `{target}` is known for packaging only; there are {boards}"))
        }
        None => Err(format!("there is no board `{target}`; there are {}", simulated_boards(kind))),
    }
}

fn xrt(target: &str) -> Result<DeviceKind, String> {
    if let Ok(index) = target.parse() {
        return Ok(DeviceKind::XrtIndex(index));
    }
    Bdf::parse(target).map(DeviceKind::XrtBdf).ok_or_else(|| {
        let name = if target.is_empty() { "no device is named".into() } else { format!("`{target}` is no device") };
        format!("{name}; write XRT's number of it, xrt:0, or its place on the bus, xrt:0000:65:00.1")
    })
}

/// The keys that a kind of device has.
fn keys(kind: DeviceKind) -> &'static [&'static str] {
    match kind {
        DeviceKind::Soft => &["threads"],
        DeviceKind::Sim(_) => &["optimizer", "lanes", "seed", "clock", "waves", "engines", "ports"],
        DeviceKind::XrtEmulated(_) => {
            &["optimizer", "lanes", "seed", "clock", "waves", "xclbin", "unit", "engines", "ports"]
        }
        DeviceKind::XrtIndex(_) | DeviceKind::XrtBdf(_) => &["optimizer", "xclbin", "unit"],
    }
}

fn set(spec: &mut DeviceSpec, key: &str, value: &str) -> Result<(), String> {
    let keys = keys(spec.kind);
    if !keys.contains(&key) {
        let (verb, keys) = (if keys.len() == 1 { "is" } else { "are" }, keys.join(", "));
        return Err(format!("there is no key `{key}` here; there {verb} {keys}"));
    }
    match key {
        "threads" => {
            spec.threads = Some(number(key, value).and_then(|n| match n {
                1..=1024 => Ok(n),
                _ => Err(format!("threads is {n}, but must be 1 to 1024")),
            })?);
        }
        "optimizer" => {
            spec.optimizer = Some(Optimizer::from_name(value).ok_or_else(|| {
                let names = Optimizer::ALL.map(Optimizer::name).join(", ");
                format!("there is no kernel for the optimizer `{value}` alone; there are {names}")
            })?);
        }
        "lanes" => {
            spec.lanes = Some(one_of(key, value, LANES)?);
        }
        "engines" => spec.engines = Some(one_of(key, value, sgcn::ENGINES)?),
        "ports" => spec.ports = Some(one_of(key, value, sgcn::PORTS)?),
        "seed" => spec.seed = number(key, value)?,
        "clock" => {
            let mhz: f64 = number(key, value)?;
            if !(1.0..=2000.0).contains(&mhz) {
                return Err(format!("clock is {value}, but must be 1 to 2000 (MHz)"));
            }
            spec.clock_mhz = Some(mhz);
        }
        "unit" => spec.unit = number(key, value)?,
        "waves" => spec.waves = Some(file(key, value, "run.fst")?),
        "xclbin" => spec.xclbin = Some(file(key, value, "smartupdate.xclbin")?),
        _ => unreachable!("every key of `keys` is handled"),
    }
    Ok(())
}

fn file(key: &str, value: &str, example: &str) -> Result<PathBuf, String> {
    if value.is_empty() {
        return Err(format!("{key} needs a file; write for example {key}={example}"));
    }
    Ok(PathBuf::from(value))
}

/// A number of a kernel's parts.
fn one_of(key: &str, value: &str, there: &[u32]) -> Result<u32, String> {
    let count = number(key, value)?;
    if !there.contains(&count) {
        let list: Vec<String> = there.iter().map(u32::to_string).collect();
        return Err(format!("there is no kernel with {count} {key}; {key} can be {}", list.join(", ")));
    }
    Ok(count)
}

fn number<T: FromStr>(key: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{key}={value} is no number that {key} can be"))
}

impl fmt::Display for DeviceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            DeviceKind::Soft => write!(f, "soft")?,
            DeviceKind::Sim(board) => write!(f, "sim:{}", board.name)?,
            DeviceKind::XrtIndex(index) => write!(f, "xrt:{index}")?,
            DeviceKind::XrtBdf(bdf) => write!(f, "xrt:{bdf}")?,
            DeviceKind::XrtEmulated(board) => write!(f, "xrt-emu:{}", board.name)?,
        }
        if let Some(optimizer) = self.optimizer {
            write!(f, ",optimizer={optimizer}")?;
        }
        if let Some(lanes) = self.lanes {
            write!(f, ",lanes={lanes}")?;
        }
        if let Some(engines) = self.engines {
            write!(f, ",engines={engines}")?;
        }
        if let Some(ports) = self.ports {
            write!(f, ",ports={ports}")?;
        }
        if self.seed != DeviceSpec::soft().seed {
            write!(f, ",seed={}", self.seed)?;
        }
        if let Some(clock) = self.clock_mhz {
            write!(f, ",clock={clock}")?;
        }
        if let Some(waves) = &self.waves {
            write!(f, ",waves={}", waves.display())?;
        }
        if let Some(xclbin) = &self.xclbin {
            write!(f, ",xclbin={}", xclbin.display())?;
        }
        if self.unit != 0 {
            write!(f, ",unit={}", self.unit)?;
        }
        if let Some(threads) = self.threads {
            write!(f, ",threads={threads}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
