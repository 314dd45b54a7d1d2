//! The kernels by lanes. Types have no arithmetic, so a number of lanes comes with the widths that follow from it, spelt out here and
//! nowhere else:
//!
//! | parameter | what | of |
//! |---|---|---|
//! | `W` | bits of a word of `LANES` numbers | all |
//! | `N = 2^K` | words of a beat | [`super::Tensor`], [`super::HalfCopy`] |
//! | `HK = K + 1` | the same for numbers of 16 bits | [`crate::kernel::Gradients`], [`super::Gate`] |
//! | `H = 16 * LANES`, `D = 2 * LANES`, `P = LANES * D` | indices, kept elements in sight, ways | [`crate::kernel::Gradients`], [`super::HalfCopy`] |
//! | `D = 2^NH`, `2^T = 4 * LANES` | halves and bytes of a word | [`super::Ledger`] |
//! | `S` = `W`, at least 64; `SN`, `SB`, `NODES`, `LEVELS`, `ST` | a checksum's beat | [`super::Ledger`] |

use super::{OneState, SmartUpdate, TwoStates};

/// The kernel of one lane.
pub type SmartUpdate1 = SmartUpdate<1, 32, 16, 4, 5, 2, 2, 16, 1, 2, 64, 2, 8, 1, 1, 3>;
/// The kernel of two lanes.
pub type SmartUpdate2 = SmartUpdate<2, 64, 8, 3, 4, 4, 8, 32, 2, 3, 64, 2, 8, 1, 1, 3>;
/// The kernel of four lanes.
pub type SmartUpdate4 = SmartUpdate<4, 128, 4, 2, 3, 8, 32, 64, 3, 4, 128, 4, 16, 3, 2, 4>;
/// The kernel of eight lanes.
pub type SmartUpdate8 = SmartUpdate<8, 256, 2, 1, 2, 16, 128, 128, 4, 5, 256, 8, 32, 7, 3, 5>;

/// [`OneState`] with one lane.
pub type OneState1 = OneState<1, 32, 16, 4, 5, 2, 2, 16, 1, 2, 64, 2, 8, 1, 1, 3>;
/// [`OneState`] with two lanes.
pub type OneState2 = OneState<2, 64, 8, 3, 4, 4, 8, 32, 2, 3, 64, 2, 8, 1, 1, 3>;
/// [`OneState`] with four lanes.
pub type OneState4 = OneState<4, 128, 4, 2, 3, 8, 32, 64, 3, 4, 128, 4, 16, 3, 2, 4>;
/// [`OneState`] with eight lanes.
pub type OneState8 = OneState<8, 256, 2, 1, 2, 16, 128, 128, 4, 5, 256, 8, 32, 7, 3, 5>;
/// [`TwoStates`] with one lane.
pub type TwoStates1 = TwoStates<1, 32, 16, 4, 5, 2, 2, 16, 1, 2, 64, 2, 8, 1, 1, 3>;
/// [`TwoStates`] with two lanes.
pub type TwoStates2 = TwoStates<2, 64, 8, 3, 4, 4, 8, 32, 2, 3, 64, 2, 8, 1, 1, 3>;
/// [`TwoStates`] with four lanes.
pub type TwoStates4 = TwoStates<4, 128, 4, 2, 3, 8, 32, 64, 3, 4, 128, 4, 16, 3, 2, 4>;
/// [`TwoStates`] with eight lanes.
pub type TwoStates8 = TwoStates<8, 256, 2, 1, 2, 16, 128, 128, 4, 5, 256, 8, 32, 7, 3, 5>;
