//! What a device does: published figures by board, and measured ones from a file.

use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The rates that a plan is made from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Bytes a second that one drive reads.
    #[serde(rename = "read_bytes_per_second")]
    pub read: f64,
    /// Bytes a second that one drive writes. A drive reads or writes; it does not do both at full rate.
    #[serde(rename = "write_bytes_per_second")]
    pub write: f64,
    /// Bytes a second that all drives together exchange with the host, in one direction or the other.
    #[serde(rename = "host_link_bytes_per_second")]
    pub host_link: f64,
    /// Parameters a second that the host's CPU updates.
    #[serde(rename = "cpu_update_elements_per_second")]
    pub cpu_update: f64,
    /// Parameters a second that the published kernel on one device updates.
    #[serde(rename = "published_update_elements_per_second")]
    pub published_update: f64,
    /// Parameters a second that the published decompressor on one device lays into a dense gradient, before the update.
    #[serde(rename = "published_decompress_elements_per_second")]
    pub published_decompress: f64,
    /// Parameters a second that this project's kernel updates, with a half copy and fp32 gradients.
    #[serde(rename = "nearfield_update_elements_per_second")]
    pub nearfield_update: f64,
    /// The same with Top-K gradients, which it decompresses on the way.
    #[serde(rename = "nearfield_top_k_update_elements_per_second")]
    pub nearfield_top_k_update: f64,
}

/// A board whose figures were published.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// The name it is chosen by, as in `sim:NAME`.
    pub name: &'static str,
    /// The figures.
    pub figures: Figures,
}

/// Every board with published figures.
pub const PUBLISHED: &[Published] = &[SMARTSSD];

/// Samsung's SmartSSD in the machine of Smart-Infinity (HPCA 2024).
const SMARTSSD: Published = Published {
    name: "smartssd",
    figures: Figures {
        // Fig. 14: 2.8 to 3.2 and 1.5 to 1.7 GB/s over four sizes of model.
        read: 3.0e9,
        write: 1.6e9,
        // Where RAID0 stops scaling (Fig. 3b and 11a): four drives come near it, six do not get past it. The paper has no
        // figure but the link's nominal 16 GB/s (Fig. 2).
        host_link: 8.0e9,
        cpu_update: CPU_UPDATE,
        // Derived from Fig. 14 (a), which shows 8.2 GB/s of what the kernel reads: 16 bytes a parameter, GB taken as 2^30.
        published_update: 0.557e9,
        // Fig. 14 (b) has both in turn at 0.262 Gparam/s; what remains without the update.
        published_decompress: 1.0 / (1.0 / 0.262e9 - 1.0 / 0.557e9),
        // `docs/performance.md`: simulated, two lanes at 300 MHz. The update binds nowhere in these plans.
        nearfield_update: 0.555e9,
        nearfield_top_k_update: 0.599e9,
    },
};

/// The one number that is assumed, for it was not published for that machine: parameters a second of DeepSpeed's Adam on two
/// Xeon Gold 6342. Two cores of a newer processor do 2.3e9 at 60 GB/s; the 409.6 GB/s of sixteen DDR4-3200 channels end at
/// 14.6e9 (28 bytes a parameter). `docs/plan.md` says what other values would change.
const CPU_UPDATE: f64 = 4.0e9;

/// What `nearfield bench store --json` prints, as far as a plan needs it.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Measured {
    /// Bytes a second of one device, plain I/O.
    read_bytes_per_second: f64,
    write_bytes_per_second: f64,
    /// Elements a second of one device, the update alone.
    update_elements_per_second: f64,
    /// Bytes a second of the link to the host.
    host_link_bytes_per_second: Option<f64>,
}

/// The most bytes of a file with measured figures, which has a few hundred.
const MOST_BYTES: u64 = 1 << 20;

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum FiguresError {
    /// A board without published figures.
    #[error("there are no published figures of a board `{name}`; choose {}, and put your own in their place with --measured FILE", names())]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The file cannot be read.
    #[error("{} cannot be read; name a file with what `nearfield bench store --json` printed", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is too long.
    #[error("{} has more than {MOST_BYTES} bytes; name a file with what `nearfield bench store --json` printed", path.display())]
    Long {
        /// The file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{} is not what `nearfield bench store --json` prints; measure again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A rate is no rate.
    #[error("{} has a {field} of {value}, which is no rate; measure again", path.display())]
    Rate {
        /// The file.
        path: PathBuf,
        /// Which figure.
        field: &'static str,
        /// Its value.
        value: f64,
    },
}

fn names() -> String {
    PUBLISHED.iter().map(|board| board.name).collect::<Vec<_>>().join(", ")
}

impl Figures {
    /// The published figures of a board.
    ///
    /// # Errors
    ///
    /// [`FiguresError::Unknown`].
    pub fn of_board(name: &str) -> Result<Figures, FiguresError> {
        let board = PUBLISHED.iter().find(|board| board.name == name);
        board.map(|board| board.figures).ok_or_else(|| FiguresError::Unknown { name: name.into() })
    }

    /// These figures with those in their place that were measured: the drive's, the update's in every scheme that has a
    /// kernel, and the link's where the file has it. The host's CPU and the published decompressor stay.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is no JSON object with these fields, or has a figure that is not above 0 and finite.
    pub fn with_measured(self, path: &Path) -> Result<Figures, FiguresError> {
        let failed = |source| FiguresError::Read { path: path.into(), source };
        let mut text = String::new();
        File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_string(&mut text)).map_err(failed)?;
        if text.len() as u64 > MOST_BYTES {
            return Err(FiguresError::Long { path: path.into() });
        }
        let measured: Measured =
            serde_json::from_str(&text).map_err(|source| FiguresError::Malformed { path: path.into(), source })?;
        let host_link = measured.host_link_bytes_per_second;
        for (field, value) in [
            ("read_bytes_per_second", measured.read_bytes_per_second),
            ("write_bytes_per_second", measured.write_bytes_per_second),
            ("update_elements_per_second", measured.update_elements_per_second),
            ("host_link_bytes_per_second", host_link.unwrap_or(self.host_link)),
        ] {
            // Below 1 a second it was no device, and times could overflow.
            if !(value.is_finite() && value >= 1.0) {
                return Err(FiguresError::Rate { path: path.into(), field, value });
            }
        }
        Ok(Figures {
            read: measured.read_bytes_per_second,
            write: measured.write_bytes_per_second,
            host_link: host_link.unwrap_or(self.host_link),
            published_update: measured.update_elements_per_second,
            nearfield_update: measured.update_elements_per_second,
            nearfield_top_k_update: measured.update_elements_per_second,
            ..self
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(text: &str) -> Result<Figures, FiguresError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("measured.json");
        std::fs::write(&path, text).unwrap();
        Figures::of_board("smartssd").unwrap().with_measured(&path)
    }

    #[test]
    fn measured_figures_take_the_place_of_published_ones() {
        let published = Figures::of_board("smartssd").unwrap();
        let text = r#"{"read_bytes_per_second": 2e9, "write_bytes_per_second": 1e9, "update_elements_per_second": 5e8,
            "device": "soft", "more": [1, 2]}"#;
        let figures = measured(text).unwrap();
        assert_eq!((figures.read, figures.write, figures.nearfield_update), (2e9, 1e9, 5e8));
        assert_eq!((figures.published_update, figures.nearfield_top_k_update), (5e8, 5e8));
        assert_eq!((figures.host_link, figures.cpu_update), (published.host_link, published.cpu_update));
        assert_eq!(figures.published_decompress, published.published_decompress);
        let with_link = text.replace("\"device\": \"soft\"", "\"host_link_bytes_per_second\": 12e9");
        assert_eq!(measured(&with_link).unwrap().host_link, 12e9);
    }

    #[test]
    fn what_is_no_rate_is_refused_by_name() {
        for field in [
            "read_bytes_per_second",
            "write_bytes_per_second",
            "update_elements_per_second",
            "host_link_bytes_per_second",
        ] {
            let text = r#"{"read_bytes_per_second": 2e9, "write_bytes_per_second": 1e9,
                "update_elements_per_second": 5e8, "host_link_bytes_per_second": 8e9}"#;
            let (before, after) = text.split_once(field).unwrap();
            let after = &after[after.find([',', '}']).unwrap()..];
            let error = measured(&format!("{before}{field}\": 0{after}")).unwrap_err().to_string();
            assert!(error.contains(&format!("a {field} of 0,")), "{error}");
        }
    }

    #[test]
    fn the_published_decompressor_and_update_take_what_was_measured_of_both() {
        let figures = Figures::of_board("smartssd").unwrap();
        let both = 1.0 / figures.published_update + 1.0 / figures.published_decompress;
        assert!((1.0 / both - 0.262e9).abs() < 1.0);
    }
}
