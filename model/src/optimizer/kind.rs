//! The optimizers by name.

/// An optimizer of the family, whatever its hyper-parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Optimizer {
    /// [`super::adam`].
    Adam,
    /// [`super::adamw`].
    AdamW,
    /// [`super::adagrad`].
    Adagrad,
    /// [`super::sgd`].
    Sgd,
    /// [`super::lion`].
    Lion,
}

impl Optimizer {
    /// Every optimizer.
    pub const ALL: [Optimizer; 5] =
        [Optimizer::Adam, Optimizer::AdamW, Optimizer::Adagrad, Optimizer::Sgd, Optimizer::Lion];

    /// The name of the module, on the command line and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Optimizer::Adam => "adam",
            Optimizer::AdamW => "adamw",
            Optimizer::Adagrad => "adagrad",
            Optimizer::Sgd => "sgd",
            Optimizer::Lion => "lion",
        }
    }

    /// Finds an optimizer by [`Optimizer::name`].
    pub fn from_name(name: &str) -> Option<Optimizer> {
        Optimizer::ALL.into_iter().find(|optimizer| optimizer.name() == name)
    }
}

impl std::fmt::Display for Optimizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
