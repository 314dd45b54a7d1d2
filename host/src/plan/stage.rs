//! Stages of a step, and how long they take together.

use super::scheme::Scheme;
use serde::Serialize;

/// What a stage keeps busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// The GPU.
    Gpu,
    /// The host's CPU.
    Cpu,
    /// The link that all drives share to the host.
    HostLink,
    /// The drives, each with its share.
    Drives,
    /// The kernels beside the drives, each with its share.
    Kernel,
}

impl Resource {
    /// Its name in a text.
    pub fn name(self) -> &'static str {
        match self {
            Resource::Gpu => "GPU",
            Resource::Cpu => "CPU",
            Resource::HostLink => "host link",
            Resource::Drives => "drives",
            Resource::Kernel => "kernel",
        }
    }
}

/// The two phases of a step, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Forward and backward, and the gradients on their way to the drives, which follow each other.
    ForwardBackward,
    /// The optimizer's update.
    Update,
}

/// Which stages of the update run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overlap {
    /// One stage after the other.
    None,
    /// The host's link works beside the drives and kernels, which take turns.
    HostLink,
    /// Everything at once; only a resource's own stages take turns.
    All,
}

impl Overlap {
    /// Resources of one group take turns.
    fn group(self, resource: Resource) -> Resource {
        match (self, resource) {
            (Overlap::HostLink, Resource::Kernel) => Resource::Drives,
            _ => resource,
        }
    }
}

/// A part of a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stage {
    /// What is done.
    pub name: &'static str,
    /// When.
    pub phase: Phase,
    /// Bytes moved, all devices together; 0 where something is computed.
    pub bytes: u64,
    /// What it waits for.
    pub on: Resource,
    /// How long, alone.
    pub seconds: f64,
    /// All that it keeps busy, and for how long.
    #[serde(skip)]
    busy: Vec<(Resource, f64)>,
}

impl Stage {
    /// A stage that keeps these resources busy; it waits for the one that takes longest, the first of equals.
    pub(super) fn new(name: &'static str, phase: Phase, bytes: u64, busy: Vec<(Resource, f64)>) -> Stage {
        let (on, seconds) = busy.iter().copied().fold(busy[0], |a, b| if b.1 > a.1 { b } else { a });
        Stage { name, phase, bytes, on, seconds, busy }
    }

    /// Seconds for which it keeps a resource busy.
    pub fn busy(&self, resource: Resource) -> f64 {
        self.busy.iter().filter(|(r, _)| *r == resource).map(|(_, seconds)| seconds).sum()
    }
}

/// A step in a scheme.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// The scheme.
    pub scheme: Scheme,
    /// Which stages of its update run at once.
    pub overlap: Overlap,
    /// Its stages, in order.
    pub stages: Vec<Stage>,
    /// Seconds of forward and backward with the gradients' way to the drives.
    pub forward_backward_seconds: f64,
    /// Seconds of the update.
    pub update_seconds: f64,
    /// Seconds of a step.
    pub seconds: f64,
    /// How many times as fast as [`Scheme::ZeroInfinity`].
    pub speed_up: f64,
    /// Bytes over the host's link a parameter.
    pub host_link_bytes_per_parameter: f64,
    /// The stage that binds: the longest of those that nothing hides.
    pub binds: &'static str,
    /// What that stage waits for.
    pub binds_on: Resource,
}

impl Prediction {
    /// Adds the stages up. The speed-up is over itself.
    pub(super) fn of(scheme: Scheme, stages: Vec<Stage>, parameters: u64) -> Prediction {
        let overlap = scheme.overlap();
        let of_phase = |phase| stages.iter().filter(move |stage| stage.phase == phase);
        let forward_backward_seconds = of_phase(Phase::ForwardBackward).map(|stage| stage.seconds).sum();
        let (update_seconds, critical) = match overlap {
            Overlap::None => (of_phase(Phase::Update).map(|stage| stage.seconds).sum(), None),
            _ => longest_group(overlap, &stages),
        };
        let shown = |stage: &&Stage| match (stage.phase, critical) {
            (Phase::Update, Some(group)) => overlap.group(stage.on) == group,
            _ => true,
        };
        let binds = stages.iter().filter(shown).max_by(|a, b| a.seconds.total_cmp(&b.seconds));
        let (binds, binds_on) = binds.map_or(("", Resource::Gpu), |stage| (stage.name, stage.on));
        let over_link = stages.iter().filter(|stage| stage.busy.iter().any(|(r, _)| *r == Resource::HostLink));
        let over_link: u64 = over_link.map(|stage| stage.bytes).sum();
        let seconds = forward_backward_seconds + update_seconds;
        Prediction {
            scheme,
            overlap,
            forward_backward_seconds,
            update_seconds,
            seconds,
            speed_up: 1.0,
            host_link_bytes_per_parameter: over_link as f64 / parameters as f64,
            binds,
            binds_on,
            stages,
        }
    }

    /// The seconds of a stage, by name; 0 if there is none.
    pub fn stage_seconds(&self, name: &str) -> f64 {
        self.stages.iter().filter(|stage| stage.name == name).map(|stage| stage.seconds).sum()
    }
}

/// The group of resources that is busy longest in an update whose stages run at once, and for how long.
fn longest_group(overlap: Overlap, stages: &[Stage]) -> (f64, Option<Resource>) {
    let all = [Resource::Gpu, Resource::Cpu, Resource::HostLink, Resource::Drives, Resource::Kernel];
    let busy = |group: Resource| {
        let update = stages.iter().filter(|stage| stage.phase == Phase::Update);
        let members = all.into_iter().filter(move |&resource| overlap.group(resource) == group);
        update.flat_map(|stage| members.clone().map(|resource| stage.busy(resource))).sum::<f64>()
    };
    let longest = all.into_iter().max_by(|&a, &b| busy(a).total_cmp(&busy(b)));
    longest.map_or((0.0, None), |group| (busy(group), Some(group)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages() -> Vec<Stage> {
        let update = |name, busy| Stage::new(name, Phase::Update, 0, busy);
        vec![
            Stage::new("gpu", Phase::ForwardBackward, 0, vec![(Resource::Gpu, 1.0)]),
            update("read", vec![(Resource::Drives, 5.0)]),
            update("compute", vec![(Resource::Kernel, 8.0)]),
            update("write", vec![(Resource::Drives, 4.0)]),
            update("up", vec![(Resource::HostLink, 3.0), (Resource::Drives, 2.0)]),
        ]
    }

    fn seconds(scheme: Scheme) -> (f64, &'static str) {
        let done = Prediction::of(scheme, stages(), 1);
        (done.seconds, done.binds)
    }

    #[test]
    fn stages_add_up_as_the_scheme_overlaps_them() {
        // In turn: 1 + 5 + 8 + 4 + 3.
        assert_eq!(seconds(Scheme::SmartUpdate), (21.0, "compute"));
        // The link's 3 are hidden, but not the drives' 2.
        assert_eq!(seconds(Scheme::SmartUpdateHandler), (20.0, "compute"));
        // The drives' 11 hide the rest, the longest stage among it.
        assert_eq!(seconds(Scheme::Nearfield), (12.0, "read"));
    }

    #[test]
    fn a_stage_waits_for_the_slower_of_what_it_keeps_busy() {
        let stage = stages().pop().unwrap();
        assert_eq!((stage.on, stage.seconds, stage.busy(Resource::Drives)), (Resource::HostLink, 3.0, 2.0));
    }
}
