//! Checkpoints of this program and of others: parameters, the optimizer's state and the number of steps, from safetensors files.
//!
//! Tensors are looked up by name in the ways of [`Naming`], one of which must fit all of them; nothing may be left over, so that no
//! parameter is lost silently. Only F32 is taken, because a state that was rounded is not the state that training had.

mod error;
mod naming;

pub use error::ImportError;
pub use naming::Naming;

use crate::safetensors::{ElementType, SafetensorsError, Shards};
use crate::source::Dense;
use crate::store::{TensorEntry, STEPS};
use nearfield_model::optimizer::{Hyper, Optimizer};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The longest list of names that is read.
const ORDER_BYTES: u64 = 64 << 20;
/// From here on an f32 that is counted up by one stays what it is.
const COUNTED: f32 = 16_777_216.0;

/// Where a checkpoint lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Parameters and state, or the state alone: a safetensors file or a folder of them.
    pub from: PathBuf,
    /// The parameters, where they are apart.
    pub params: Option<PathBuf>,
    /// A text file with the parameters' names, one a line, in the order in which the state counts them.
    pub order: Option<PathBuf>,
}

/// A checkpoint, its names, types and shapes known and nothing of its data read.
#[derive(Debug)]
pub struct Checkpoint {
    paths: Paths,
    from: Shards,
    naming: Naming,
    hyper: Hyper,
    /// What the state calls each parameter: its name, or its number.
    keys: BTreeMap<String, String>,
    tensors: Vec<TensorEntry>,
}

impl Checkpoint {
    /// Looks for the parameters and for the state that an optimizer has.
    ///
    /// # Errors
    ///
    /// [`ImportError`], but for the step.
    pub fn find(paths: Paths, hyper: Hyper) -> Result<Checkpoint, ImportError> {
        let from = Shards::open(&paths.from)?;
        let apart = paths.params.as_deref().map(Shards::open).transpose()?;
        let order = paths.order.as_deref().map(read_order).transpose()?;
        let adagrad = hyper.optimizer() == Optimizer::Adagrad;
        let mut missing = Vec::new();
        for &naming in Naming::tried(order.is_some()) {
            let keys = keys(naming, &from, apart.as_ref(), order.as_deref());
            match first_missing(naming, &keys, &from, apart.as_ref(), hyper.states(), adagrad) {
                Some(tensor) => missing.push((naming.name(), tensor)),
                None => {
                    let mut found = Checkpoint { paths, from, naming, hyper, keys, tensors: Vec::new() };
                    tracing::info!("the names are those of {}", naming.name());
                    found.refuse_surplus(apart.as_ref())?;
                    found.tensors = found.entries(apart.as_ref())?;
                    return Ok(found);
                }
            }
        }
        let counts = |(tensor, _): (&String, _)| {
            let number = tensor.strip_prefix("state.").and_then(|rest| rest.split_once('.'));
            number.is_some_and(|(number, _)| number.parse::<u64>().is_ok())
        };
        let hint = match order.is_none() && from.tensors().any(counts) {
            true => "\nit counts the parameters: give their names with --order, a file with one name a line, in the optimizer's order",
            false => "",
        };
        Err(ImportError::Names { path: paths.from, missing, hint })
    }

    /// How its tensors are called.
    pub fn naming(&self) -> Naming {
        self.naming
    }

    /// The parameters, by name.
    pub fn tensors(&self) -> &[TensorEntry] {
        &self.tensors
    }

    /// How many steps were done, by the metadata, by the state's own tensors, or by both.
    ///
    /// # Errors
    ///
    /// [`ImportError::Step`] where they do not say, do not agree or are no numbers of steps.
    pub fn step(&self) -> Result<u64, ImportError> {
        let fail = |what: String| Err(ImportError::Step { path: self.paths.from.clone(), what });
        let mut said = BTreeMap::new();
        if let Some(text) = self.from.metadata().get("step") {
            match text.parse::<u64>() {
                Ok(step) if step < STEPS => said.insert(step, "the metadata".to_string()),
                _ => return fail(format!("its metadata has the step {text:?}")),
            };
        }
        let named: Vec<String> = self.keys.values().filter_map(|key| self.naming.step(key)).collect();
        let there: Vec<&String> = named.iter().filter(|tensor| self.from.tensor(tensor).is_some()).collect();
        if !there.is_empty() && there.len() < named.len() {
            return fail(format!("only {} of {} parameters have a step", there.len(), named.len()));
        }
        for tensor in there {
            let info = self.from.tensor(tensor).filter(|info| info.element == ElementType::F32 && info.elements() == 1);
            if info.is_none() {
                return fail(format!("{tensor:?} is not one F32 number"));
            }
            let mut bytes = [0; 4];
            self.from.read(tensor, 0, &mut bytes)?;
            let step = f32::from_le_bytes(bytes);
            if !(0.0..COUNTED).contains(&step) || step.fract() != 0.0 {
                return fail(format!("{tensor:?} is {step}, which counts no steps"));
            }
            said.entry(step as u64).or_insert(format!("{tensor:?}"));
        }
        let mut said = said.into_iter();
        match (said.next(), said.next()) {
            (None, _) => fail("neither its metadata nor a tensor has a step".into()),
            (Some((step, _)), None) => Ok(step),
            (Some((step, one)), Some((other, two))) => fail(format!("{one} says {step}, and {two} says {other}")),
        }
    }

    /// The parameters, then the optimizer's states, end to end in the order of `entries`, which are all of [`Checkpoint::tensors`].
    ///
    /// # Errors
    ///
    /// [`ImportError::Tensors`] for a state of another shape than its parameter.
    pub fn runs(&self, entries: &[TensorEntry]) -> Result<Vec<Dense>, ImportError> {
        let params = match &self.paths.params {
            Some(path) => Dense::named(Shards::open(path)?, entries, |name| name.into())?,
            None => Dense::named(Shards::open(&self.paths.from)?, entries, |name| self.naming.parameter(name))?,
        };
        let mut runs = vec![params];
        for state in self.hyper.states() {
            let shards = Shards::open(&self.paths.from)?;
            runs.push(Dense::named(shards, entries, |name| self.state(&self.keys[name], state))?);
        }
        Ok(runs)
    }

    fn state(&self, key: &str, state: &str) -> String {
        self.naming.state(key, state, self.hyper.optimizer() == Optimizer::Adagrad)
    }

    fn refuse_surplus(&self, apart: Option<&Shards>) -> Result<(), ImportError> {
        let (mut known, mut parameters) = (BTreeSet::new(), BTreeSet::new());
        for (name, key) in &self.keys {
            known.insert(self.naming.parameter(name));
            known.extend(self.hyper.states().iter().map(|state| self.state(key, state)));
            known.extend(self.naming.step(key));
            parameters.insert(name.clone());
        }
        let surplus = |shards: &Shards, known: &BTreeSet<String>| {
            let mut left = shards.tensors().map(|(tensor, _)| tensor);
            let left = left.find(|tensor| !known.contains(*tensor) && !self.naming.passes_over(tensor));
            left.map(|tensor| ImportError::Surplus {
                path: shards.path().into(),
                tensor: tensor.clone(),
                naming: self.naming.name(),
                optimizer: self.hyper.optimizer().name(),
            })
        };
        let apart = apart.and_then(|apart| surplus(apart, &parameters));
        surplus(&self.from, &known).or(apart).map_or(Ok(()), Err)
    }

    /// The parameters; what is not F32 is refused.
    fn entries(&self, apart: Option<&Shards>) -> Result<Vec<TensorEntry>, ImportError> {
        let mut entries = Vec::new();
        for (name, key) in &self.keys {
            let (shards, tensor) = match apart {
                Some(apart) => (apart, name.clone()),
                None => (&self.from, self.naming.parameter(name)),
            };
            let states = self.hyper.states().iter().map(|state| (&self.from, self.state(key, state)));
            for (number, (shards, tensor)) in [(shards, tensor)].into_iter().chain(states).enumerate() {
                let Some(info) = shards.tensor(&tensor) else { continue };
                if info.element != ElementType::F32 {
                    let (path, dtype) = (shards.path().into(), info.element.name().into());
                    return Err(SafetensorsError::Type { path, tensor, dtype }.into());
                }
                if number == 0 {
                    entries.push(TensorEntry { name: name.clone(), shape: info.shape.clone() });
                }
            }
        }
        Ok(entries)
    }
}

/// The parameters by name, with what the state calls them.
fn keys(naming: Naming, from: &Shards, apart: Option<&Shards>, order: Option<&[String]>) -> BTreeMap<String, String> {
    if let Some(order) = order {
        return order.iter().enumerate().map(|(number, name)| (name.clone(), number.to_string())).collect();
    }
    let own = |name: &str| (name.to_string(), name.to_string());
    match apart {
        Some(apart) => apart.tensors().map(|(name, _)| own(name)).collect(),
        None => {
            let has = |name: &str| from.tensor(name).is_some();
            from.tensors().filter_map(|(tensor, _)| naming.parameter_of(tensor, has)).map(own).collect()
        }
    }
}

/// The first tensor that a naming needs and that is not there, as it is told.
fn first_missing(
    naming: Naming,
    keys: &BTreeMap<String, String>,
    from: &Shards,
    apart: Option<&Shards>,
    states: &[&str],
    adagrad: bool,
) -> Option<String> {
    if keys.is_empty() {
        return Some(format!("{} (parameters may lie apart, in --params)", naming.parameter("NAME")));
    }
    let mut found = naming == Naming::Nearfield;
    for (name, key) in keys {
        let tensor = if apart.is_some() { name.clone() } else { naming.parameter(name) };
        if apart.unwrap_or(from).tensor(&tensor).is_none() {
            return Some(format!("{tensor:?}"));
        }
        for state in states {
            let tensor = naming.state(key, state, adagrad);
            if from.tensor(&tensor).is_none() {
                return Some(format!("{tensor:?}"));
            }
            found = true;
        }
        let own = naming.parameter(name) != *name && from.tensor(&naming.parameter(name)).is_some();
        found |= own || naming.step(key).is_some_and(|step| from.tensor(&step).is_some());
    }
    // An optimizer without states fits every naming: only one that something speaks for is taken.
    (!found).then(|| naming.state("NAME", "step", adagrad))
}

fn read_order(path: &Path) -> Result<Vec<String>, ImportError> {
    let read = |source| ImportError::Read { path: path.into(), source };
    let wrong = |what: String| ImportError::Order { path: path.into(), what };
    let file = File::open(path).map_err(read)?;
    let mut bytes = Vec::new();
    // Not by the length that the system tells: a device has none.
    file.take(ORDER_BYTES + 1).read_to_end(&mut bytes).map_err(read)?;
    if bytes.len() as u64 > ORDER_BYTES {
        return Err(wrong(format!("it has more than {ORDER_BYTES} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8 text".into()))?;
    let names: Vec<String> = text.lines().map(String::from).collect();
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| name.is_empty() || !seen.insert(*name)) {
        _ if names.is_empty() => Err(wrong("it is empty".into())),
        Some(name) if name.is_empty() => Err(wrong("it has an empty line".into())),
        Some(name) => Err(wrong(format!("{name:?} is in it twice"))),
        None => Ok(names),
    }
}
