//! What units may cost: `tests/budget.toml`, and the comparison with what they do cost.

use crate::synth::Area;
use nearfield_abi::kernel::smartupdate::Optimizer;
use nearfield_abi::kernel::{Kernel, KernelConfig};
use std::collections::BTreeMap;

/// The most a unit may take of each resource. In the file every figure is written out; nothing has a default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// LUTs.
    pub lut: u32,
    /// Flip-flops.
    pub ff: u32,
    /// DSP48E2.
    pub dsp: u32,
    /// RAMB36.
    pub bram: u32,
    /// URAM288.
    pub uram: u32,
    /// Cells on the longest path.
    pub path: u32,
}

impl Budget {
    /// What `area` exceeds, as `LUT 701 > 700`.
    pub fn exceeded_by(&self, area: &Area) -> Vec<String> {
        [
            ("LUT", area.lut, self.lut),
            ("FF", area.ff, self.ff),
            ("DSP", area.dsp, self.dsp),
            ("BRAM", area.bram(), self.bram),
            ("URAM", area.uram, self.uram),
            ("path", area.path, self.path),
        ]
        .iter()
        .filter(|(_, found, most)| found > most)
        .map(|(what, found, most)| format!("{what} {found} > {most}"))
        .collect()
    }
}

/// The kernels that have a budget: all, but of those for one optimizer AdamW's with 2 and 4 lanes. Without their lanes kernels with as
/// many states are alike, and to measure one takes minutes.
pub fn synthesised() -> Vec<KernelConfig> {
    let measured = |config: &KernelConfig| match config.kernel {
        Kernel::SmartUpdate | Kernel::GradientNorm => true,
        Kernel::SmartUpdateOf(Optimizer::AdamW) => [2, 4].contains(&config.lanes),
        Kernel::SmartUpdateOf(_) | Kernel::SgcnAggregate => false,
    };
    KernelConfig::all().into_iter().filter(measured).collect()
}

/// Units that are measured without a part, which is measured by itself and counted as often as they have it: unit, part, how often.
/// Where there are many of a part, or it is most of the unit, the whole would take a synthesis many minutes.
pub const SUMS: &[(&str, &str, u32)] = &[
    ("sgcn_lanes", "fp32_fma", 16),
    ("sgcn_datapath", "sgcn_lanes", 1),
    ("sgcn_engine", "sgcn_lanes", 1),
    ("sgcn_cache", "sgcn_bank", 16),
];

/// Reads a file of budgets and checks that it has one for each of `names` and for nothing else.
///
/// # Errors
///
/// Text that is not TOML, an unknown or a missing field, a unit without a budget, a budget without a unit.
pub fn read(text: &str, names: &[&str]) -> Result<BTreeMap<String, Budget>, String> {
    let budgets: BTreeMap<String, Budget> = toml::from_str(text).map_err(|e| e.to_string())?;
    if let Some(name) = names.iter().find(|n| !budgets.contains_key(**n)) {
        return Err(format!("[{name}] is missing: every unit has a budget"));
    }
    match budgets.keys().find(|k| !names.contains(&k.as_str())) {
        Some(name) => Err(format!("[{name}] belongs to no unit: remove it")),
        None => Ok(budgets),
    }
}
