//! Whether this version of the program can drive what is in a file.

use super::{Control, KernelMetadata, Mode, Qualifier, Xclbin};
use nearfield_abi::kernel::{ArgumentKind, Kernel, KernelConfig};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// What [`drivable`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The compute units that can be driven, in the order of the file.
    pub units: Vec<Drivable>,
    /// Why others cannot; also why there are none.
    pub reasons: Vec<Reason>,
}

/// A compute unit that can be driven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drivable {
    /// Its index in [`Xclbin::units`].
    pub unit: usize,
    /// Its kernel.
    pub kernel: Kernel,
    /// The name of the instance, `smartupdate_1`.
    pub instance: String,
    /// Address of its registers.
    pub base: u64,
    /// The configurations that have its register map. Which of them it is says its register
    /// [`nearfield_abi::register::CONFIGURATION_HASH`].
    pub configs: Vec<KernelConfig>,
    /// Every pointer argument's id with the index in [`Xclbin::memories`] it is connected to, in the order of ids.
    pub groups: Vec<(u32, u32)>,
}

impl Drivable {
    /// What XRT opens it by: `smartupdate:{smartupdate_1}`.
    pub fn xrt_name(&self) -> String {
        format!("{}:{{{}}}", self.kernel.name(), self.instance)
    }
}

/// Why something cannot be driven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What it is about: the file, a kernel, or a unit by its name.
    pub about: String,
    /// What is in the way.
    pub obstacle: Obstacle,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.about, self.obstacle)
    }
}

impl Serialize for Reason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What is in the way of driving a file, a kernel or a unit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// It is built for something else than a board or hardware emulation.
    #[error("it is built for {0}; build it for hw or hw_emu")]
    Mode(Mode),
    /// It has kernels, but none of this project.
    #[error("it has no kernel of this version, which are {}; link one of them", kernel_names())]
    NoKernel,
    /// It has a kernel, but no compute unit of it.
    #[error("it has no compute unit; link it with `nk` = 1 or more")]
    NoUnit,
    /// An argument of the register map is not there.
    #[error("the argument `{name}` (id {id}) is missing; package the kernel again with this version")]
    Missing {
        /// The argument.
        name: &'static str,
        /// Its id.
        id: u32,
    },
    /// An argument is at another position.
    #[error(
        "the argument `{name}` has {} instead of the id {id}; package the kernel again with this version",
        found.map_or("no id".to_string(), |found| format!("the id {found}"))
    )]
    Order {
        /// The argument.
        name: &'static str,
        /// Its id in the register map.
        id: u32,
        /// Its id in the file.
        found: Option<u32>,
    },
    /// An argument lies at another offset.
    #[error(
        "the argument `{name}` lies at {found:#x} instead of {offset:#x}; package the kernel again with this version"
    )]
    Offset {
        /// The argument.
        name: &'static str,
        /// Its offset in the register map.
        offset: u32,
        /// Its offset in the file.
        found: u64,
    },
    /// An argument has another size.
    #[error("the argument `{name}` has {found} bytes instead of {bytes}; package the kernel again with this version")]
    Size {
        /// The argument.
        name: &'static str,
        /// Its bytes in the register map.
        bytes: u32,
        /// Its bytes in the file.
        found: u64,
    },
    /// A pointer is no pointer in the file, or a value no value.
    #[error("the argument `{name}` is a {found} instead of a {expected}; package the kernel again with this version")]
    Kind {
        /// The argument.
        name: &'static str,
        /// What it is in the register map.
        expected: Qualifier,
        /// What it is in the file.
        found: Qualifier,
    },
    /// There is an argument that the register map does not have.
    #[error(
        "the argument `{0}` is not in the register map of this version; package the kernel again with this version"
    )]
    Extra(String),
    /// The unit's name cannot be opened.
    #[error(
        "its name is no `kernel:instance` of letters, digits and `_`, by which XRT could open it; name it with `nk`"
    )]
    Name,
    /// Two units have this name.
    #[error("two units have this name, and XRT would open either; give each its own with `nk`")]
    Duplicate,
    /// It is not controlled by `ap_ctrl_hs`.
    #[error("it is controlled by {0} instead of ap_ctrl_hs; package the kernel with ap_ctrl_hs")]
    Control(Control),
    /// It has no registers.
    #[error("it has no address, so its registers cannot be reached; link its port s_axi_control")]
    NoAddress,
    /// A pointer argument reaches no memory.
    #[error("the argument `{0}` is connected to no memory that is in use; link its port to a bank with `sp`")]
    Unconnected(&'static str),
}

/// [`Xclbin::links`].
type Links = BTreeMap<(u32, u32), Option<u32>>;

fn kernel_names() -> String {
    let names: Vec<&str> = Kernel::ALL.iter().map(|k| k.name()).collect();
    names.join(", ")
}

/// Finds the compute units of a file that this version can drive, and why it cannot drive others. Units of kernels that are
/// not ours are passed over.
pub fn drivable(file: &Xclbin) -> Verdict {
    let mut verdict = Verdict { units: Vec::new(), reasons: Vec::new() };
    if !matches!(file.mode, Mode::Hw | Mode::HwEmu) {
        verdict.add("the file", Obstacle::Mode(file.mode));
        return verdict;
    }
    let links = file.links();
    let ours = file.kernels.iter().filter_map(|k| Some((Kernel::from_name(&k.name)?, k)));
    let mut any = false;
    for (kernel, described) in ours {
        any = true;
        match configs(kernel, described) {
            Ok(configs) => verdict.add_units(file, &links, kernel, &configs),
            Err(obstacles) => obstacles.into_iter().for_each(|o| verdict.add(kernel.name(), o)),
        }
    }
    if !any {
        verdict.add("the file", Obstacle::NoKernel);
    }
    verdict.units.sort_by_key(|d| d.unit);
    verdict
}

impl Verdict {
    fn add(&mut self, about: &str, obstacle: Obstacle) {
        self.reasons.push(Reason { about: about.into(), obstacle });
    }

    /// Judges the units of a kernel whose register map is right.
    fn add_units(&mut self, file: &Xclbin, links: &Links, kernel: Kernel, configs: &[KernelConfig]) {
        let mut any = false;
        for (index, unit) in file.units.iter().enumerate() {
            if !unit.is_compute() || unit.kernel != kernel.name() {
                continue;
            }
            any = true;
            match judge(file, links, index, kernel, configs) {
                Ok(drivable) => self.units.push(drivable),
                Err(obstacles) => obstacles.into_iter().for_each(|o| self.add(&unit.name(), o)),
            }
        }
        if !any {
            self.add(kernel.name(), Obstacle::NoUnit);
        }
    }
}

/// The configurations whose register map is the one described; if there are none, what is wrong with the first.
fn configs(kernel: Kernel, described: &KernelMetadata) -> Result<Vec<KernelConfig>, Vec<Obstacle>> {
    let mut configs = Vec::new();
    let mut first = None;
    for config in KernelConfig::all().into_iter().filter(|c| c.kernel == kernel) {
        let obstacles = compare(&config, described);
        if obstacles.is_empty() {
            configs.push(config);
        } else {
            first.get_or_insert(obstacles);
        }
    }
    match first {
        Some(obstacles) if configs.is_empty() => Err(obstacles),
        _ => Ok(configs),
    }
}

fn compare(config: &KernelConfig, described: &KernelMetadata) -> Vec<Obstacle> {
    let mut obstacles = Vec::new();
    let arguments = config.arguments();
    for (id, argument) in (0..).zip(&arguments) {
        let name = argument.name;
        let Some(found) = described.arguments.iter().find(|a| a.name == name) else {
            obstacles.push(Obstacle::Missing { name, id });
            continue;
        };
        if found.id != Some(id) {
            obstacles.push(Obstacle::Order { name, id, found: found.id });
        }
        if found.offset != u64::from(argument.offset) {
            obstacles.push(Obstacle::Offset { name, offset: argument.offset, found: found.offset });
        }
        let bytes = argument.kind.bytes();
        if found.bytes != u64::from(bytes) {
            obstacles.push(Obstacle::Size { name, bytes, found: found.bytes });
        }
        let expected = match argument.kind {
            ArgumentKind::Pointer { .. } => Qualifier::Global,
            ArgumentKind::U32 | ArgumentKind::F32 => Qualifier::Scalar,
        };
        if found.qualifier != expected {
            obstacles.push(Obstacle::Kind { name, expected, found: found.qualifier });
        }
    }
    for (index, argument) in described.arguments.iter().enumerate() {
        // A second one of a name is extra too: XRT joins arguments of one id.
        let again = described.arguments[..index].iter().any(|a| a.name == argument.name);
        if again || !arguments.iter().any(|a| a.name == argument.name) {
            obstacles.push(Obstacle::Extra(argument.name.clone()));
        }
    }
    obstacles
}

fn judge(
    file: &Xclbin,
    links: &Links,
    index: usize,
    kernel: Kernel,
    configs: &[KernelConfig],
) -> Result<Drivable, Vec<Obstacle>> {
    let unit = &file.units[index];
    let mut obstacles = Vec::new();
    let plain = |name: &&String| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let instance = unit.instance.as_ref().filter(plain);
    if instance.is_none() {
        obstacles.push(Obstacle::Name);
    }
    if file.units.iter().filter(|u| u.is_compute() && u.kernel == unit.kernel && u.instance == unit.instance).count()
        > 1
    {
        obstacles.push(Obstacle::Duplicate);
    }
    if let Some(control) = unit.control.filter(|&c| c != Control::Hs) {
        obstacles.push(Obstacle::Control(control));
    }
    if unit.base.is_none() {
        obstacles.push(Obstacle::NoAddress);
    }
    // The configurations have one register map, so the first one's pointers are everyone's.
    let arguments = configs.first().map(KernelConfig::arguments).unwrap_or_default();
    let mut groups = Vec::new();
    for (id, argument) in (0..).zip(&arguments) {
        if !matches!(argument.kind, ArgumentKind::Pointer { .. }) {
            continue;
        }
        match links.get(&(index as u32, id)).copied().flatten() {
            Some(group) => groups.push((id, group)),
            None => obstacles.push(Obstacle::Unconnected(argument.name)),
        }
    }
    match (instance, unit.base) {
        (Some(instance), Some(base)) if obstacles.is_empty() => {
            Ok(Drivable { unit: index, kernel, instance: instance.clone(), base, configs: configs.to_vec(), groups })
        }
        _ => Err(obstacles),
    }
}
