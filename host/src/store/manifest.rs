//! The manifest: `manifest.toml` in the first device's folder. With its renaming a step is committed.

use super::layout::{LEAST_SUBGROUP_ELEMENTS, MOST_DEVICES, MOST_SUBGROUPS};
use super::{sealed, Generation, Layout, OptimizerEntry};
use nearfield_model::gradient_norm::SquareSum;
use nearfield_model::optimizer::Hyper;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The first line of every manifest.
const FORMAT: &str = "nearfield-store";
/// Counted up when the meaning of a store changes. Versions 1 to 3 had one folder and no checksums.
const VERSION: u32 = 4;
/// What a store's files are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub(super) format: String,
    pub(super) version: u32,
    /// Drawn when the store was made: what tells its folders from those of another.
    pub id: String,
    /// Folders, a device each.
    pub devices: usize,
    /// Elements of a subgroup; the last one of a group may have fewer.
    pub subgroup_elements: u64,
    /// The optimizer and its hyper-parameters.
    pub optimizer: OptimizerEntry,
    /// Which sets of files are whole, the newest first: one or two.
    pub generations: Vec<Generation>,
    /// Gradients that wait for a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accumulated: Option<Accumulated>,
    /// Parameter groups, in the order in which their tensors stand below.
    pub groups: Vec<GroupEntry>,
    /// The tensors in the order in which they lie in the flat run.
    pub tensors: Vec<TensorEntry>,
}

/// Gradients of several micro-batches, added up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accumulated {
    /// Which of the two sets of files they are in.
    pub set: u8,
    /// The checksum of each device's part.
    pub parts: Vec<u32>,
    /// How many gradients were added.
    pub count: u64,
    /// Their sum of squares, exactly: words of 64 bits in hexadecimal, the lowest first.
    squares: String,
    /// Whether one of them is infinite or NaN.
    nonfinite: bool,
}

impl Accumulated {
    /// Of these sums.
    pub(super) fn new(set: u8, parts: Vec<u32>, count: u64, squares: &SquareSum) -> Accumulated {
        let words: Vec<String> = squares.words.iter().map(|word| format!("{word:x}")).collect();
        Accumulated { set, parts, count, squares: words.join(" "), nonfinite: squares.nonfinite }
    }

    /// The sum of squares, or `None` if it is malformed.
    pub fn squares(&self) -> Option<SquareSum> {
        let mut sum = SquareSum { nonfinite: self.nonfinite, ..SquareSum::default() };
        let mut words = self.squares.split(' ');
        for word in &mut sum.words {
            *word = u64::from_str_radix(words.next()?, 16).ok()?;
        }
        words.next().is_none().then_some(sum)
    }
}

/// A parameter group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupEntry {
    /// What it is called.
    pub name: String,
    /// How many tensors it has.
    pub tensors: usize,
    /// Its weight decay, where that is not the optimizer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
}

/// A tensor of the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorEntry {
    /// Its name, any text.
    pub name: String,
    /// Its dimensions.
    pub shape: Vec<u64>,
}

impl TensorEntry {
    /// Number of elements, or `None` if it does not fit 64 bits.
    pub fn elements(&self) -> Option<u64> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        self.shape.iter().try_fold(1u64, |n, &d| n.checked_mul(d))
    }
}

/// The pieces of a flat run that belong to each tensor, in the tensors' order.
pub fn by_tensor<'a, T>(tensors: &'a [TensorEntry], run: &'a [T]) -> impl Iterator<Item = (&'a TensorEntry, &'a [T])> {
    let mut rest = run;
    tensors.iter().map(move |tensor| {
        let (here, after) = rest.split_at(tensor.elements().unwrap_or(0) as usize);
        rest = after;
        (tensor, here)
    })
}

/// What the manifests of all versions have.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

/// What does not change in a store's life.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The tensors, group after group.
    pub tensors: Vec<TensorEntry>,
    /// The groups, with how many tensors each has.
    pub groups: Vec<GroupEntry>,
    /// The optimizer's hyper-parameters.
    pub hyper: Hyper,
}

impl Model {
    /// Of tensors that are one group.
    pub fn new(tensors: Vec<TensorEntry>, hyper: Hyper) -> Model {
        let groups = vec![GroupEntry { name: "all".into(), tensors: tensors.len(), weight_decay: None }];
        Model { tensors, groups, hyper }
    }

    /// Of tensors of which some do not decay; both groups keep the tensors' order.
    pub fn with_no_decay(tensors: Vec<TensorEntry>, hyper: Hyper, no_decay: impl Fn(&str) -> bool) -> Model {
        let (still, decay): (Vec<_>, Vec<_>) = tensors.into_iter().partition(|tensor| no_decay(&tensor.name));
        let groups = vec![
            GroupEntry { name: "decay".into(), tensors: decay.len(), weight_decay: None },
            GroupEntry { name: "no_decay".into(), tensors: still.len(), weight_decay: Some(0.0) },
        ];
        Model { tensors: [decay, still].concat(), groups, hyper }
    }
}

impl Manifest {
    /// Of a new store, without a generation.
    pub(super) fn new(model: Model, id: String, devices: usize, subgroup_elements: u64) -> Manifest {
        Manifest {
            format: FORMAT.into(),
            version: VERSION,
            id,
            devices,
            subgroup_elements,
            optimizer: OptimizerEntry::of(&model.hyper),
            generations: Vec::new(),
            accumulated: None,
            groups: model.groups,
            tensors: model.tensors,
        }
    }

    /// The state that counts.
    pub fn current(&self) -> &Generation {
        // `parse` has refused a manifest without one, and whoever makes one gives it one.
        &self.generations[0]
    }

    /// The hyper-parameters of each group.
    pub fn group_hypers(&self) -> Vec<Hyper> {
        let hyper = self.optimizer.hyper();
        let of = |group: &GroupEntry| group.weight_decay.map_or(hyper, |decay| hyper.with_weight_decay(decay));
        self.groups.iter().map(of).collect()
    }

    /// Elements of each group.
    pub fn group_elements(&self) -> Vec<u64> {
        let mut tensors = self.tensors.iter();
        let of = |group: &GroupEntry| tensors.by_ref().take(group.tensors).filter_map(TensorEntry::elements).sum();
        self.groups.iter().map(of).collect()
    }

    /// Elements of the flat run, or `None` if they do not fit a file.
    pub fn elements(&self) -> Option<u64> {
        elements(&self.tensors)
    }

    /// Where the elements lie.
    pub fn layout(&self) -> Layout {
        Layout::new(&self.group_elements(), self.subgroup_elements, self.devices)
    }

    /// The text of the file.
    pub(super) fn text(&self) -> Result<String, toml::ser::Error> {
        Ok(sealed::seal(toml::to_string(self)?).0)
    }

    /// Parses and checks a manifest; the error says what is wrong.
    pub(super) fn parse(bytes: &[u8]) -> Result<Manifest, String> {
        let told = |e: toml::de::Error| e.to_string().trim_end().replace('\n', " ");
        // Looked at first: what a later version says otherwise is not for this program to judge.
        if let Some(Head { format, version }) =
            std::str::from_utf8(bytes).ok().and_then(|text| toml::from_str::<Head>(text).ok())
        {
            if format != FORMAT {
                return Err(format!("its format is not {FORMAT}"));
            }
            if version < VERSION {
                return Err(format!(
                    "it has version {version}, and this program knows version {VERSION}; export it with the program that \
                     made it, and `nearfield import` that"
                ));
            }
            if version > VERSION {
                return Err(format!("it has version {version}, but this program knows version {VERSION}"));
            }
        }
        let (text, _) = sealed::open(bytes)?;
        let manifest: Manifest = toml::from_str(text).map_err(told)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        if !(1..=MOST_DEVICES).contains(&self.devices) {
            return Err(format!("it has {} devices, but must have 1 to {MOST_DEVICES}", self.devices));
        }
        if self.subgroup_elements < LEAST_SUBGROUP_ELEMENTS {
            let least = LEAST_SUBGROUP_ELEMENTS;
            return Err(format!("its subgroups have {} elements, but must have {least}", self.subgroup_elements));
        }
        for hyper in self.group_hypers() {
            hyper.check().map_err(|e| e.to_string())?;
        }
        let sets: Vec<u8> = self.generations.iter().map(|generation| generation.set).collect();
        if !matches!(sets[..], [0] | [1] | [0, 1] | [1, 0]) {
            return Err(format!("its generations are in the sets {sets:?}, but must be in one or both of 0 and 1"));
        }
        for generation in &self.generations {
            generation.check(&self.optimizer.hyper(), self.devices)?;
        }
        if let Some(accumulated) = &self.accumulated {
            let fits =
                accumulated.set < 2 && accumulated.parts.len() == self.devices && accumulated.squares().is_some();
            if !fits || accumulated.count == 0 {
                return Err("its accumulated gradients are none that a run leads to".into());
            }
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = self.tensors.iter().find(|t| !names.insert(&t.name)) {
            return Err(format!("the tensor {:?} occurs twice", twice.name));
        }
        if self.groups.iter().try_fold(0usize, |sum, group| sum.checked_add(group.tensors)) != Some(self.tensors.len())
        {
            return Err(format!("its groups do not have its {} tensors", self.tensors.len()));
        }
        match self.elements() {
            Some(_) => self.check_subgroups(),
            None => Err("its tensors have more elements than a file can hold".into()),
        }
    }

    /// Refuses more subgroups than memory should be taken for.
    pub(super) fn check_subgroups(&self) -> Result<(), String> {
        let (groups, each) = (self.group_elements(), self.subgroup_elements);
        match Layout::number(&groups, each) {
            ..=MOST_SUBGROUPS => Ok(()),
            more => {
                let least = groups.iter().sum::<u64>().div_ceil(MOST_SUBGROUPS / 2);
                Err(format!("subgroups of {each} elements would be {more}, but {MOST_SUBGROUPS} are the most; choose {least} or more"))
            }
        }
    }
}

/// Elements of tensors end to end, or `None` if they do not fit a file.
pub(super) fn elements(tensors: &[TensorEntry]) -> Option<u64> {
    let sum = tensors.iter().try_fold(0u64, |sum, t| sum.checked_add(t.elements()?))?;
    // Bytes are counted in 64 bits, and offsets of files in 63.
    (sum < 1 << 60).then_some(sum)
}
