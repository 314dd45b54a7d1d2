//! From a kernel's configuration to what builds it for a card.
//!
//! A [`Package`] is a folder of text: the emitted Verilog, a Vivado script that packages it as a Vitis kernel
//! ([`xo::script`]), the configuration that v++ links it with ([`link::configuration`]), and a script that runs both. All of
//! it is made from `nearfield-abi` and is a pure function of configuration and board: the same bytes every time. No tool of
//! the vendor is needed to write it. [`tools`] runs them where they are; [`release`] packs the folders of all cards.

mod error;
pub mod link;
mod package;
mod readme;
pub mod release;
pub mod tools;
pub mod xo;

pub use error::PackageError;
pub use package::{File, Package};

use nearfield_abi::board::{Board, Card, BOARDS};
use nearfield_abi::kernel::KernelConfig;

/// A board that exists as a card, with what its tools have to be told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// The board.
    pub board: &'static Board,
    /// Its part and platform.
    pub card: Card,
}

impl Target {
    /// Every card.
    pub fn all() -> Vec<Target> {
        BOARDS.iter().filter_map(|board| Some(Target { board, card: board.card? })).collect()
    }

    /// The card that a board's name stands for.
    ///
    /// # Errors
    ///
    /// There is no board of this name, or it exists in simulation only; the cards there are.
    pub fn from_name(name: &str) -> Result<Target, PackageError> {
        let known = Target::all().into_iter().find(|target| target.board.name == name);
        known.ok_or_else(|| PackageError::Board {
            name: name.into(),
            cards: names(Target::all(), |t| t.board.name.into()),
        })
    }

    /// The configuration that is built when none is asked for: `smartupdate` with the board's default lanes.
    ///
    /// # Errors
    ///
    /// The board's default is not among the configurations that exist.
    pub fn default_kernel(&self) -> Result<KernelConfig, PackageError> {
        let lanes = self.board.default_lanes;
        KernelConfig::smartupdate(lanes).ok_or_else(|| PackageError::kernel(format!("smartupdate_l{lanes}")))
    }
}

fn names<T>(list: Vec<T>, name: impl Fn(&T) -> String) -> String {
    list.iter().map(name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simulated_boards_are_not_cards() {
        let cards: Vec<&str> = Target::all().iter().map(|t| t.board.name).collect();
        assert_eq!(cards, ["smartssd", "u250", "u280", "u55c"]);
        for name in ["ideal", "vcu128", ""] {
            let said = Target::from_name(name).unwrap_err().to_string();
            assert!(said.contains("smartssd, u250, u280, u55c"), "{said}");
        }
    }

    #[test]
    fn every_card_has_a_default_kernel() {
        for target in Target::all() {
            assert_eq!(target.default_kernel().unwrap().lanes, target.board.default_lanes);
        }
    }
}
