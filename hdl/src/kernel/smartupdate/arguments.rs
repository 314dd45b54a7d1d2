//! Where the arguments stand among the words of the register space.

use nearfield_abi::kernel::smartupdate as abi;

/// Words of arguments: five pointers of two, fifteen scalars.
pub(super) const ARGUMENTS: usize = 25;
/// Four read streams, four write streams.
pub(super) const STREAMS: usize = 8;
/// Readable words of the register space.
pub(super) const WORDS: usize = 104;

/// The word of an argument among the argument words, given its id: pointers have two.
const fn word(id: usize) -> usize {
    if id < POINTERS {
        2 * id
    } else {
        POINTERS + id
    }
}

/// Pointers come first.
const POINTERS: usize = abi::ELEMENTS;
pub(super) const PARAMS: usize = word(abi::PARAMS);
pub(super) const EXP_AVG: usize = word(abi::EXP_AVG);
pub(super) const EXP_AVG_SQ: usize = word(abi::EXP_AVG_SQ);
pub(super) const GRADS: usize = word(abi::GRADS);
pub(super) const HALF: usize = word(abi::HALF);
pub(super) const ELEMENTS: usize = word(abi::ELEMENTS);
pub(super) const FLAGS: usize = word(abi::FLAGS);
pub(super) const OPTIMIZER: usize = word(abi::OPTIMIZER);
pub(super) const GRAD_FORMAT: usize = word(abi::GRAD_FORMAT);
pub(super) const GRAD_BYTES: usize = word(abi::GRAD_BYTES);
pub(super) const HALF_FORMAT: usize = word(abi::HALF_FORMAT);
pub(super) const GRAD_SCALE: usize = word(abi::GRAD_SCALE);
pub(super) const BETA1: usize = word(abi::BETA1);
pub(super) const C1: usize = word(abi::C1);
pub(super) const BETA2: usize = word(abi::BETA2);
pub(super) const C2: usize = word(abi::C2);
pub(super) const BIAS2: usize = word(abi::BIAS2);
pub(super) const EPS: usize = word(abi::EPS);
pub(super) const STEP_SIZE: usize = word(abi::STEP_SIZE);
pub(super) const DECAY: usize = word(abi::DECAY);

#[cfg(test)]
mod tests {
    use super::*;
    use nearfield_abi::kernel::{ArgumentKind, Kernel, KernelConfig};

    #[test]
    fn words_are_where_abi_puts_the_arguments() {
        for config in KernelConfig::of(Kernel::SmartUpdate) {
            let mut words = 0;
            for (id, argument) in config.arguments().iter().enumerate() {
                assert_eq!(word(id), words, "{}", argument.name);
                words += if matches!(argument.kind, ArgumentKind::Pointer { .. }) { 2 } else { 1 };
            }
            assert_eq!(words, ARGUMENTS);
        }
    }

    #[test]
    fn streams_are_in_the_order_of_the_wiring() {
        for config in KernelConfig::of(Kernel::SmartUpdate) {
            let wired: Vec<(bool, u32)> = config.streams().iter().map(|s| (s.read, s.master)).collect();
            assert_eq!(
                wired,
                [(true, 0), (true, 1), (true, 2), (true, 3), (false, 0), (false, 1), (false, 2), (false, 3)],
                "{}",
                config.name()
            );
        }
    }
}
