//! A device's part of a generation: `state-0.toml` beside the files whose checksums it has.

use super::sealed;
use super::Subgroup;
use nearfield_abi::checksum::Checksum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const FORMAT: &str = "nearfield-part";
const VERSION: u32 = 1;

/// What a device's files of a set are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    format: String,
    version: u32,
    /// The store it belongs to.
    pub store: String,
    /// The device, counted from 0 in the order of the store's folders.
    pub device: usize,
    /// The set of files.
    pub set: u8,
    /// Steps done, or of accumulated gradients how many were added.
    pub step: u64,
    /// The device's subgroups, in the order of the files.
    pub subgroups: Vec<SubgroupEntry>,
}

/// The checksums of a subgroup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubgroupEntry {
    /// Its number in the model.
    pub number: usize,
    /// How many elements it has.
    pub elements: u64,
    /// Both sums of the stream checksum of its elements in each file, in hexadecimal.
    pub sums: BTreeMap<String, String>,
}

/// The checksums of a device's subgroups in the order of its files, in each a sum a run.
pub type Sums = Vec<Vec<Checksum>>;

/// Whose files they are, of which set, after which step.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The store's id.
    pub store: &'a str,
    /// The device.
    pub device: usize,
    /// The set.
    pub set: u8,
    /// The step.
    pub step: u64,
}

impl Part {
    /// Of the files `runs` of a device.
    pub(super) fn new<'a>(
        origin: Origin<'_>,
        runs: &[&str],
        subgroups: impl Iterator<Item = &'a Subgroup>,
        sums: &Sums,
    ) -> Part {
        let entry = |(subgroup, sums): (&Subgroup, &Vec<Checksum>)| SubgroupEntry {
            number: subgroup.number,
            elements: subgroup.elements,
            sums: runs.iter().zip(sums).map(|(run, sum)| (run.to_string(), text(sum))).collect(),
        };
        let Origin { store, device, set, step } = origin;
        let subgroups = subgroups.zip(sums).map(entry).collect();
        Part { format: FORMAT.into(), version: VERSION, store: store.into(), device, set, step, subgroups }
    }

    /// The text of the file, and its checksum.
    pub(super) fn text(&self) -> Result<(String, u32), toml::ser::Error> {
        Ok(sealed::seal(toml::to_string(self)?))
    }

    /// Parses a part; the error says what is wrong.
    pub(super) fn parse(bytes: &[u8]) -> Result<(Part, u32), String> {
        let (text, sum) = sealed::open(bytes)?;
        let part: Part = toml::from_str(text).map_err(|e| e.to_string().trim_end().replace('\n', " "))?;
        match (part.format.as_str(), part.version) {
            (FORMAT, VERSION) => Ok((part, sum)),
            _ => Err(format!("it is not of the format {FORMAT}, version {VERSION}")),
        }
    }

    /// The checksums, if they are those of these files and subgroups.
    pub(super) fn sums<'a>(&self, runs: &[&str], subgroups: impl Iterator<Item = &'a Subgroup>) -> Option<Sums> {
        let subgroups: Vec<_> = subgroups.collect();
        if subgroups.len() != self.subgroups.len() {
            return None;
        }
        let of = |(entry, subgroup): (&SubgroupEntry, &Subgroup)| {
            let fits = (entry.number, entry.elements) == (subgroup.number, subgroup.elements);
            if !fits || entry.sums.len() != runs.len() {
                return None;
            }
            runs.iter().map(|run| parsed(entry.sums.get(*run)?, entry.elements)).collect()
        };
        self.subgroups.iter().zip(subgroups).map(of).collect()
    }
}

fn text(sum: &Checksum) -> String {
    format!("{:016x} {:016x}", sum.a, sum.b)
}

fn parsed(text: &str, words: u64) -> Option<Checksum> {
    let (a, b) = text.split_once(' ')?;
    let number = |digits| u64::from_str_radix(digits, 16).ok();
    Some(Checksum { a: number(a)?, b: number(b)?, words })
}

#[cfg(test)]
mod tests {
    use super::super::Layout;
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let layout = Layout::new(&[5000, 100], 2048, 2);
        let runs = ["params", "exp_avg"];
        let sums: Sums = layout
            .of_device(0)
            .map(|s| (1..=2).map(|x| Checksum { a: x << 40, b: u64::MAX - s.elements, words: s.elements }).collect())
            .collect();
        let origin = Origin { store: "cafe", device: 0, set: 1, step: 7 };
        let part = Part::new(origin, &runs, layout.of_device(0), &sums);
        let (text, sum) = part.text().unwrap();
        assert_eq!(Part::parse(text.as_bytes()), Ok((part.clone(), sum)));
        assert_eq!(part.sums(&runs, layout.of_device(0)), Some(sums));
        assert_eq!(part.sums(&runs, layout.of_device(1)), None);
        assert_eq!(part.sums(&["params"], layout.of_device(0)), None);
    }
}
