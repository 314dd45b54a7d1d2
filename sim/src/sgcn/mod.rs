//! A cycle model of `sgcn_aggregate` in plain Rust, for graphs that are too large for its RTL.
//!
//! It goes through a run cycle by cycle with the queues, the registers and the turns of the RTL, but without any values: of features only
//! which are zero is known. Memory is the simulated board's own, [`crate::axi::Dram`]. Cycles and counters are those of the kernel within a
//! few in a thousand, and with one engine before memory without DRAM exactly; `tests/tests/rtl/sgcn/cycle_model.rs` compares them.

mod bank;
mod decode;
mod dispatch;
mod drain;
mod edges;
mod engine;
mod fetch;
mod job;
mod machine;
mod pattern;
mod port;
mod replacement;
mod rows;
mod step;
mod stream;
mod window;

pub use job::Job;
pub use pattern::Pattern;
pub use replacement::Policy;

use crate::axi::DramError;
use nearfield_abi::board::Board;
use nearfield_abi::kernel::{sgcn, KernelConfig};

/// What a run is simulated on.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Engines: one of [`sgcn::ENGINES`].
    pub engines: u32,
    /// Memory ports: one of [`sgcn::PORTS`].
    pub ports: u32,
    /// Logarithm of the sets of a cache bank.
    pub cache_sets: u32,
    /// The board; not every one's memory can be simulated here.
    pub board: &'static Board,
    /// What the kernel has fixed.
    pub tuning: Tuning,
}

impl Machine {
    /// The kernel with so many engines and ports, on a board.
    pub fn new(engines: u32, ports: u32, board: &'static Board) -> Machine {
        Machine { engines, ports, cache_sets: sgcn::cache_sets(engines), board, tuning: Tuning::default() }
    }
}

/// What the kernel has fixed; the default is what it has.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// Lines that an engine may have asked for.
    pub window: usize,
    /// Misses of a bank that are on their way.
    pub misses: usize,
    /// Requests that wait for a miss.
    pub waiters: usize,
    /// Rows at which an engine works.
    pub contexts: usize,
    /// Cycles from an operation to the next on the same sums.
    pub hold: u64,
    /// Descriptors of an engine with which no more records are begun, 31 at most.
    pub descriptors: usize,
    /// Ways of an engine's requests into the cache, each to a share of the banks, and of a bank's answers out of it, each to a share of
    /// the engines: 1, 2, 4 and so on.
    pub lanes: (usize, usize),
    /// Edges of other rows before a row's next one, as long as at least 8 edges wait for their lookups.
    pub spread: u32,
    /// Bursts of a write port without an answer.
    pub writes: usize,
    /// Which way of a set a new line takes.
    pub replacement: Policy,
}

impl Default for Tuning {
    fn default() -> Tuning {
        Tuning {
            window: 256,
            misses: 64,
            waiters: 16,
            contexts: 16,
            hold: 15,
            descriptors: 30,
            lanes: (1, 1),
            spread: 0,
            writes: 32,
            replacement: Policy::default(),
        }
    }
}

/// Why a run cannot be simulated.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The board's memory has no timing that this model knows.
    #[error("the cycle model does not know the memory of `{0}`")]
    Board(&'static str),
    /// There is no such kernel.
    #[error("there is no kernel with {0} engines and {1} ports")]
    Kernel(u32, u32),
    /// The kernel would refuse it.
    #[error("the job cannot be run: {0}")]
    Job(String),
    /// It takes longer than was allowed.
    #[error("it takes more than {0} cycles")]
    TooLong(u64),
    /// DRAM cannot be simulated.
    #[error(transparent)]
    Dram(#[from] DramError),
}

/// What a run was like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Cycles from start to done, as the kernel counts them.
    pub cycles: u64,
    /// The kernel's counters by name, in their order.
    pub counters: Vec<(String, u64)>,
}

impl Outcome {
    /// A counter by its whole name; 0 if there is none.
    pub fn counter(&self, name: &str) -> u64 {
        self.counters.iter().find(|(n, _)| n == name).map_or(0, |(_, value)| *value)
    }

    /// The sum over all engines, or ports, of what is called this behind the first `_`: `ops`, `read_beats`, `hits`.
    pub fn sum(&self, name: &str) -> u64 {
        let is = |full: &str| full.split_once('_').is_some_and(|(_, rest)| rest == name);
        self.counters.iter().filter(|(full, _)| is(full)).map(|(_, value)| value).sum()
    }
}

/// Simulates one run.
///
/// # Errors
///
/// The machine or the job is none that the kernel could have, or it takes more than `most_cycles`.
pub fn run(machine: &Machine, job: &Job, most_cycles: u64) -> Result<Outcome, ModelError> {
    run_watched(machine, job, most_cycles, &mut |_| {})
}

/// The same; `watch` is told now and then how many rows were dealt to engines, a row a slice.
///
/// # Errors
///
/// As [`run`].
pub fn run_watched(
    machine: &Machine,
    job: &Job,
    most_cycles: u64,
    watch: &mut dyn FnMut(u64),
) -> Result<Outcome, ModelError> {
    let config = KernelConfig::sgcn_aggregate(machine.engines, machine.ports)
        .ok_or(ModelError::Kernel(machine.engines, machine.ports))?;
    let plan = job::Plan::new(job)?;
    let mut whole = machine::Whole::new(machine, &plan)?;
    let cycles = whole.run(most_cycles, watch)?;
    let mut values = Vec::new();
    for engine in &whole.engines {
        let c = &engine.counts;
        values.extend([
            c.ops,
            c.hazard,
            c.starved,
            c.idle + machine::IDLE_AROUND,
            c.graph,
            c.lookup,
            c.feature,
            c.rows,
        ]);
    }
    let banks = |of: fn(&bank::Counts) -> u64| whole.banks.iter().map(|bank| of(&bank.counts)).sum::<u64>();
    values.extend([banks(|c| c.hits), banks(|c| c.misses), banks(|c| c.merged), banks(|c| c.stalls)]);
    for port in &whole.ports {
        let c = &port.counts;
        values.extend([c.read_beats, c.read_stalls, c.write_beats, c.write_stalls]);
    }
    let counters = config.counters().into_iter().map(|counter| counter.name).zip(values).collect();
    Ok(Outcome { cycles, counters })
}

#[cfg(test)]
mod tests;
