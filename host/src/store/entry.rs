//! The optimizer in a manifest.

use nearfield_model::optimizer::{adagrad, adam, adamw, lion, sgd, Hyper};
use serde::{Deserialize, Serialize};

/// An optimizer with its hyper-parameters as they were typed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "lowercase", deny_unknown_fields)]
pub enum OptimizerEntry {
    /// Adam with L2 regularisation.
    Adam {
        /// Learning rate.
        lr: f64,
        /// beta1.
        beta1: f64,
        /// beta2.
        beta2: f64,
        /// eps.
        eps: f64,
        /// Weight decay.
        weight_decay: f64,
        /// Whether bias is corrected.
        bias_correction: bool,
    },
    /// AdamW.
    AdamW {
        /// Learning rate.
        lr: f64,
        /// beta1.
        beta1: f64,
        /// beta2.
        beta2: f64,
        /// eps.
        eps: f64,
        /// Weight decay.
        weight_decay: f64,
        /// Whether bias is corrected.
        bias_correction: bool,
    },
    /// Adagrad.
    Adagrad {
        /// Learning rate.
        lr: f64,
        /// eps.
        eps: f64,
        /// Weight decay.
        weight_decay: f64,
    },
    /// SGD.
    Sgd {
        /// Learning rate.
        lr: f64,
        /// Momentum; 0 for no buffer.
        momentum: f64,
        /// Dampening.
        dampening: f64,
        /// Weight decay.
        weight_decay: f64,
        /// Whether it looks ahead.
        nesterov: bool,
    },
    /// Lion.
    Lion {
        /// Learning rate.
        lr: f64,
        /// beta1.
        beta1: f64,
        /// beta2.
        beta2: f64,
        /// Weight decay.
        weight_decay: f64,
    },
}

impl OptimizerEntry {
    /// Of these hyper-parameters.
    pub fn of(hyper: &Hyper) -> OptimizerEntry {
        match *hyper {
            Hyper::Adam(adam::Hyper { lr, beta1, beta2, eps, weight_decay, bias_correction }) => {
                OptimizerEntry::Adam { lr, beta1, beta2, eps, weight_decay, bias_correction }
            }
            Hyper::AdamW(adamw::Hyper { lr, beta1, beta2, eps, weight_decay, bias_correction }) => {
                OptimizerEntry::AdamW { lr, beta1, beta2, eps, weight_decay, bias_correction }
            }
            Hyper::Adagrad(adagrad::Hyper { lr, eps, weight_decay }) => {
                OptimizerEntry::Adagrad { lr, eps, weight_decay }
            }
            Hyper::Sgd(sgd::Hyper { lr, momentum, dampening, weight_decay, nesterov }) => {
                OptimizerEntry::Sgd { lr, momentum, dampening, weight_decay, nesterov }
            }
            Hyper::Lion(lion::Hyper { lr, beta1, beta2, weight_decay }) => {
                OptimizerEntry::Lion { lr, beta1, beta2, weight_decay }
            }
        }
    }

    /// The hyper-parameters.
    pub fn hyper(&self) -> Hyper {
        match *self {
            OptimizerEntry::Adam { lr, beta1, beta2, eps, weight_decay, bias_correction } => {
                Hyper::Adam(adam::Hyper { lr, beta1, beta2, eps, weight_decay, bias_correction })
            }
            OptimizerEntry::AdamW { lr, beta1, beta2, eps, weight_decay, bias_correction } => {
                Hyper::AdamW(adamw::Hyper { lr, beta1, beta2, eps, weight_decay, bias_correction })
            }
            OptimizerEntry::Adagrad { lr, eps, weight_decay } => {
                Hyper::Adagrad(adagrad::Hyper { lr, eps, weight_decay })
            }
            OptimizerEntry::Sgd { lr, momentum, dampening, weight_decay, nesterov } => {
                Hyper::Sgd(sgd::Hyper { lr, momentum, dampening, weight_decay, nesterov })
            }
            OptimizerEntry::Lion { lr, beta1, beta2, weight_decay } => {
                Hyper::Lion(lion::Hyper { lr, beta1, beta2, weight_decay })
            }
        }
    }
}
