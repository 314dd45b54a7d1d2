//! How checkpoints call their tensors.
//!
//! Sources: PyTorch's flattened optimizer state, `_flatten_optim_state_dict` in `torch/distributed/checkpoint/state_dict.py`
//! (`StateDictOptions(flatten_optimizer_state_dict=True)`): `state.NAME.exp_avg`, `state.NAME.step`, and what belongs to parameter
//! groups under `param_groups.` (`param_group.` in earlier versions). `torch.optim.Optimizer.state_dict` counts parameters instead of
//! naming them; `torch/optim/adagrad.py` calls its accumulator `sum`. DeepSpeed's universal checkpoint, written by
//! `deepspeed/checkpoint/ds_to_universal.py`, has a folder `zero/NAME` with `fp32.pt`, `exp_avg.pt`, `exp_avg_sq.pt` and `step.pt`.

/// How a checkpoint calls the tensors of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// `NAME`, `NAME.exp_avg`: what `nearfield export --state` writes.
    Nearfield,
    /// `NAME`, `state.NAME.exp_avg`, `state.NAME.step`.
    PyTorch,
    /// `NAME`, `state.0.exp_avg`, `state.0.step`; the names come from a list.
    PyTorchCounted,
    /// `NAME/fp32`, `NAME/exp_avg`, `NAME/step`.
    DeepSpeed,
    /// The same with `zero/` before.
    DeepSpeedZero,
}

/// Every optimizer's states, and what else they are called.
const STATES: [&str; 4] = ["exp_avg", "exp_avg_sq", "momentum_buffer", "sum"];

impl Naming {
    /// In the order in which they are tried: one that has a prefix before one that would take the prefix for a part of the name.
    pub(super) fn tried(counted: bool) -> &'static [Naming] {
        match counted {
            true => &[Naming::PyTorchCounted],
            false => &[Naming::PyTorch, Naming::DeepSpeedZero, Naming::DeepSpeed, Naming::Nearfield],
        }
    }

    /// What a person calls it.
    pub fn name(self) -> &'static str {
        match self {
            Naming::Nearfield => "nearfield export --state",
            Naming::PyTorch => "PyTorch by name",
            Naming::PyTorchCounted => "PyTorch by number",
            Naming::DeepSpeed | Naming::DeepSpeedZero => "DeepSpeed",
        }
    }

    /// The tensor of a parameter.
    pub(super) fn parameter(self, name: &str) -> String {
        match self {
            Naming::Nearfield | Naming::PyTorch | Naming::PyTorchCounted => name.into(),
            Naming::DeepSpeed => format!("{name}/fp32"),
            Naming::DeepSpeedZero => format!("zero/{name}/fp32"),
        }
    }

    /// The tensor of a state of a parameter, given its name, or its number where parameters are counted.
    pub(super) fn state(self, key: &str, state: &str, adagrad: bool) -> String {
        match self {
            Naming::Nearfield => format!("{key}.{state}"),
            Naming::PyTorch | Naming::PyTorchCounted if adagrad => format!("state.{key}.sum"),
            Naming::PyTorch | Naming::PyTorchCounted => format!("state.{key}.{state}"),
            Naming::DeepSpeed => format!("{key}/{state}"),
            Naming::DeepSpeedZero => format!("zero/{key}/{state}"),
        }
    }

    /// The tensor with the number of steps of a parameter, if there are such tensors.
    pub(super) fn step(self, key: &str) -> Option<String> {
        (self != Naming::Nearfield).then(|| self.state(key, "step", false))
    }

    /// Whether a tensor is of a parameter group and not needed: hyper-parameters are said on the command line.
    pub(super) fn passes_over(self, tensor: &str) -> bool {
        let torch = matches!(self, Naming::PyTorch | Naming::PyTorchCounted);
        torch && ["param_groups.", "param_group."].iter().any(|prefix| tensor.starts_with(prefix))
    }

    /// The parameter whose own tensor this is; `has` tells which tensors there are.
    pub(super) fn parameter_of(self, tensor: &str, has: impl Fn(&str) -> bool) -> Option<&str> {
        match self {
            Naming::Nearfield => {
                let of_another =
                    tensor.rsplit_once('.').is_some_and(|(name, state)| STATES.contains(&state) && has(name));
                (!of_another).then_some(tensor)
            }
            Naming::PyTorch | Naming::PyTorchCounted => {
                (!tensor.starts_with("state.") && !self.passes_over(tensor)).then_some(tensor)
            }
            Naming::DeepSpeed => tensor.strip_suffix("/fp32"),
            Naming::DeepSpeedZero => tensor.strip_prefix("zero/")?.strip_suffix("/fp32"),
        }
    }
}
