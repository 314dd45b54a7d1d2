//! The grammar that names devices: `KIND[:TARGET][,key=value…]`.

use nearfield_abi::board::{Board, BOARDS};
use nearfield_abi::kernel::SMARTUPDATE_LANES;
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
}

/// A parsed device name. Everything in it exists.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceSpec {
    /// Backend and target.
    pub kind: DeviceKind,
    /// Lanes of the kernel (`sim`), or the board's default.
    pub lanes: Option<u32>,
    /// Seed of what the simulated board draws (`sim`).
    pub seed: u64,
    /// Kernel clock in MHz (`sim`), or the board's.
    pub clock_mhz: Option<f64>,
    /// Where the waves of the simulation go, an FST file (`sim`).
    pub waves: Option<PathBuf>,
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
        DeviceSpec { kind: DeviceKind::Soft, lanes: None, seed: 1, clock_mhz: None, waves: None, threads: None }
    }

    /// Lanes of the kernel, or `None` on `soft`.
    pub fn kernel_lanes(&self) -> Option<u32> {
        match self.kind {
            DeviceKind::Soft => None,
            DeviceKind::Sim(board) => Some(self.lanes.unwrap_or(board.default_lanes)),
        }
    }
}

fn simulated_boards() -> String {
    let names: Vec<String> = BOARDS.iter().filter(|b| b.simulated()).map(|b| format!("sim:{}", b.name)).collect();
    names.join(", ")
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
        ("sim", Some(target)) => DeviceKind::Sim(board(target)?),
        ("sim", None) => return Err(format!("`sim` needs a board; there are {}", simulated_boards())),
        ("xrt" | "xrt-emu", _) => {
            return Err(format!("`{kind}` comes with a later version; there are soft, {}", simulated_boards()))
        }
        _ => return Err(format!("there is no `{kind}`; there are soft, {}", simulated_boards())),
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

fn board(target: &str) -> Result<&'static Board, String> {
    match Board::from_name(target) {
        Some(board) if board.simulated() => Ok(board),
        Some(_) => Err(format!("the board `{target}` is known for packaging only; there are {}", simulated_boards())),
        None => Err(format!("there is no board `{target}`; there are {}", simulated_boards())),
    }
}

fn set(spec: &mut DeviceSpec, key: &str, value: &str) -> Result<(), String> {
    let keys = match spec.kind {
        DeviceKind::Soft => "there is threads",
        DeviceKind::Sim(_) => "there are lanes, seed, clock, waves",
    };
    match (key, spec.kind) {
        ("threads", DeviceKind::Soft) => {
            spec.threads = Some(number(key, value).and_then(|n| match n {
                1..=1024 => Ok(n),
                _ => Err(format!("threads is {n}, but must be 1 to 1024")),
            })?);
        }
        ("lanes", DeviceKind::Sim(_)) => {
            let lanes = number(key, value)?;
            if !SMARTUPDATE_LANES.contains(&lanes) {
                let list: Vec<String> = SMARTUPDATE_LANES.iter().map(u32::to_string).collect();
                return Err(format!("there is no kernel with {lanes} lanes; lanes can be {}", list.join(", ")));
            }
            spec.lanes = Some(lanes);
        }
        ("seed", DeviceKind::Sim(_)) => spec.seed = number(key, value)?,
        ("clock", DeviceKind::Sim(_)) => {
            let mhz: f64 = number(key, value)?;
            if !(1.0..=2000.0).contains(&mhz) {
                return Err(format!("clock is {value}, but must be 1 to 2000 (MHz)"));
            }
            spec.clock_mhz = Some(mhz);
        }
        ("waves", DeviceKind::Sim(_)) => {
            if value.is_empty() {
                return Err("waves needs a file; write for example waves=run.fst".into());
            }
            spec.waves = Some(PathBuf::from(value));
        }
        ("engines", _) => return Err("engines belongs to the graph kernels, which come with a later version".into()),
        ("xclbin", _) => return Err("xclbin belongs to `xrt`, which comes with a later version".into()),
        _ => return Err(format!("there is no key `{key}` here; {keys}")),
    }
    Ok(())
}

fn number<T: FromStr>(key: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{key}={value} is no number that {key} can be"))
}

impl fmt::Display for DeviceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            DeviceKind::Soft => write!(f, "soft")?,
            DeviceKind::Sim(board) => write!(f, "sim:{}", board.name)?,
        }
        if let Some(lanes) = self.lanes {
            write!(f, ",lanes={lanes}")?;
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
        if let Some(threads) = self.threads {
            write!(f, ",threads={threads}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        text.parse::<DeviceSpec>().unwrap_err().to_string()
    }

    #[test]
    fn what_exists_is_understood() {
        for name in ["soft", "soft,threads=3", "sim:hostile,lanes=1,seed=9,clock=250,waves=run.fst", "sim:smartssd"] {
            assert_eq!(name.parse::<DeviceSpec>().unwrap().to_string(), name);
        }
        let spec: DeviceSpec = "sim:ideal,lanes=2,seed=7,clock=250".parse().unwrap();
        assert_eq!((spec.kernel_lanes(), spec.seed, spec.clock_mhz), (Some(2), 7, Some(250.0)));
        assert_eq!("sim:smartssd".parse::<DeviceSpec>().unwrap().kernel_lanes(), Some(2));
        assert_eq!("soft,threads=3".parse::<DeviceSpec>().unwrap().threads, Some(3));
        assert_eq!("soft".parse::<DeviceSpec>().unwrap(), DeviceSpec::soft());
    }

    #[test]
    fn errors_say_what_exists() {
        assert!(error("").contains("there are soft, sim:ideal, sim:hostile, sim:smartssd"));
        assert!(error("gpu").contains("there is no `gpu`"));
        assert!(error("sim").contains("needs a board"));
        assert!(error("sim:vcu128").contains("there is no board `vcu128`; there are sim:ideal"));
        assert!(error("soft:fast").contains("has no target"));
        assert!(error("xrt:0").contains("later version"));
        assert!(error("sim:ideal,lanes=3").contains("lanes can be 1, 2, 4"));
        assert!(error("sim:ideal,lanes=many").contains("no number"));
        assert!(error("sim:ideal,lanes").contains("no key=value"));
        assert!(error("sim:ideal,lanes=2,lanes=4").contains("twice"));
        assert!(error("sim:ideal,threads=2").contains("there are lanes, seed, clock, waves"));
        assert!(error("sim:ideal,clock=NaN").contains("1 to 2000"));
        assert!(error("soft,threads=0").contains("1 to 1024"));
        assert!(error("soft,lanes=4").contains("there is threads"));
        assert!(error("sim:ideal,engines=4").contains("later version"));
    }
}
