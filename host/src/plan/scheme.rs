//! The schemes: who updates what where, which bytes that moves, and what of it runs at once.

use super::bytes::Bytes;
use super::figures::Figures;
use super::stage::{Overlap, Phase, Resource, Stage};
use serde::Serialize;

/// A way to train with the optimizer's state on drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// ZeRO-Infinity: the drives are one RAID0, the CPU updates, and all state passes the host's link both ways. Each
    /// subgroup is read, updated and written in turn, as the public configuration of Smart-Infinity's baseline has it
    /// (no `pipeline_read`, no `pipeline_write`).
    ZeroInfinity,
    /// SmartUpdate (SU): a kernel beside each drive updates; gradients go down, parameters come up from the drives. One
    /// after the other.
    #[serde(rename = "smartupdate")]
    SmartUpdate,
    /// SmartUpdate with the transfer handler (SU+O): parameters come up beside the rest. Kernel and drive still take turns,
    /// and a drive's reads and writes share it.
    #[serde(rename = "smartupdate-handler")]
    SmartUpdateHandler,
    /// SmartComp (SU+O+C): the same with Top-K gradients, which a decompressor makes dense before the update.
    #[serde(rename = "smartcomp")]
    SmartComp,
    /// This project: reads, update and writes at once; an fp16 copy of the parameters comes up, from the device's memory.
    Nearfield,
    /// The same with Top-K streams of u16 indices, decompressed on the way to the lanes.
    NearfieldTopK,
}

impl Scheme {
    /// All of them; the first is the baseline.
    pub const ALL: [Scheme; 6] = [
        Scheme::ZeroInfinity,
        Scheme::SmartUpdate,
        Scheme::SmartUpdateHandler,
        Scheme::SmartComp,
        Scheme::Nearfield,
        Scheme::NearfieldTopK,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::ZeroInfinity => "zero-infinity",
            Scheme::SmartUpdate => "smartupdate",
            Scheme::SmartUpdateHandler => "smartupdate-handler",
            Scheme::SmartComp => "smartcomp",
            Scheme::Nearfield => "nearfield",
            Scheme::NearfieldTopK => "nearfield-top-k",
        }
    }

    /// Which stages of its update run at once.
    pub fn overlap(self) -> Overlap {
        match self {
            Scheme::ZeroInfinity | Scheme::SmartUpdate => Overlap::None,
            Scheme::SmartUpdateHandler | Scheme::SmartComp => Overlap::HostLink,
            Scheme::Nearfield | Scheme::NearfieldTopK => Overlap::All,
        }
    }

    /// The stages of a step, or `None` if it has compressed gradients and nothing says how many are kept.
    pub(super) fn stages(self, bytes: &Bytes, devices: u32, figures: &Figures, compute: f64) -> Option<Vec<Stage>> {
        let gradients = match self {
            Scheme::ZeroInfinity | Scheme::SmartUpdate | Scheme::SmartUpdateHandler | Scheme::Nearfield => {
                bytes.gradients
            }
            Scheme::SmartComp => bytes.published_top_k?,
            Scheme::NearfieldTopK => bytes.top_k?,
        };
        let rates = Rates { figures, devices: f64::from(devices) };
        let state = bytes.params + bytes.states;
        let mut stages = vec![
            Stage::new(COMPUTE, Phase::ForwardBackward, 0, vec![(Resource::Gpu, compute)]),
            rates.to_drives(GRADIENTS_DOWN, Phase::ForwardBackward, gradients),
        ];
        stages.extend(match self {
            Scheme::ZeroInfinity => vec![
                rates.to_host(STATE_UP, state + gradients),
                Stage::new(
                    UPDATE,
                    Phase::Update,
                    0,
                    vec![(Resource::Cpu, bytes.parameters as f64 / figures.cpu_update)],
                ),
                rates.to_drives(STATE_DOWN, Phase::Update, state),
            ],
            Scheme::SmartUpdate | Scheme::SmartUpdateHandler => vec![
                rates.read(state + gradients),
                rates.kernel(UPDATE, bytes.parameters, figures.published_update),
                rates.write(state),
                rates.to_host(PARAMETERS_UP, bytes.params),
            ],
            Scheme::SmartComp => vec![
                rates.read(state + gradients),
                rates.kernel(DECOMPRESS, bytes.parameters, figures.published_decompress),
                rates.kernel(UPDATE, bytes.parameters, figures.published_update),
                rates.write(state),
                rates.to_host(PARAMETERS_UP, bytes.params),
            ],
            Scheme::Nearfield | Scheme::NearfieldTopK => {
                let update = match self {
                    Scheme::Nearfield => figures.nearfield_update,
                    _ => figures.nearfield_top_k_update,
                };
                vec![
                    rates.read(state + gradients),
                    rates.kernel(UPDATE, bytes.parameters, update),
                    rates.write(state),
                    rates.device_memory_to_host(HALF_COPY_UP, bytes.half_copy),
                ]
            }
        });
        Some(stages)
    }
}

/// Forward and backward on the GPU.
pub(super) const COMPUTE: &str = "forward and backward";
/// Gradients from the host to the drives.
pub(super) const GRADIENTS_DOWN: &str = "gradients down";
/// State and gradients from the drives to the host.
pub(super) const STATE_UP: &str = "state up";
/// State from the host to the drives.
pub(super) const STATE_DOWN: &str = "state down";
/// State and gradients from each drive to the device beside it.
pub(super) const READ: &str = "drive read";
/// State from each device to the drive beside it.
pub(super) const WRITE: &str = "drive write";
/// The published decompressor.
pub(super) const DECOMPRESS: &str = "decompression";
/// The optimizer's arithmetic.
pub(super) const UPDATE: &str = "update";
/// New parameters from the drives to the host.
pub(super) const PARAMETERS_UP: &str = "parameters up";
/// The half copy from the devices' memory to the host.
pub(super) const HALF_COPY_UP: &str = "half copy up";

/// The figures, for so many devices.
struct Rates<'a> {
    figures: &'a Figures,
    devices: f64,
}

impl Rates<'_> {
    fn drives(&self, bytes: u64, rate: f64) -> (Resource, f64) {
        (Resource::Drives, bytes as f64 / (rate * self.devices))
    }

    fn link(&self, bytes: u64) -> (Resource, f64) {
        (Resource::HostLink, bytes as f64 / self.figures.host_link)
    }

    /// From the host through the link onto the drives, at the pace of the slower.
    fn to_drives(&self, name: &'static str, phase: Phase, bytes: u64) -> Stage {
        Stage::new(name, phase, bytes, vec![self.link(bytes), self.drives(bytes, self.figures.write)])
    }

    /// And back.
    fn to_host(&self, name: &'static str, bytes: u64) -> Stage {
        Stage::new(name, Phase::Update, bytes, vec![self.link(bytes), self.drives(bytes, self.figures.read)])
    }

    fn device_memory_to_host(&self, name: &'static str, bytes: u64) -> Stage {
        Stage::new(name, Phase::Update, bytes, vec![self.link(bytes)])
    }

    fn read(&self, bytes: u64) -> Stage {
        Stage::new(READ, Phase::Update, bytes, vec![self.drives(bytes, self.figures.read)])
    }

    fn write(&self, bytes: u64) -> Stage {
        Stage::new(WRITE, Phase::Update, bytes, vec![self.drives(bytes, self.figures.write)])
    }

    fn kernel(&self, name: &'static str, parameters: u64, rate: f64) -> Stage {
        Stage::new(name, Phase::Update, 0, vec![(Resource::Kernel, parameters as f64 / (rate * self.devices))])
    }
}
