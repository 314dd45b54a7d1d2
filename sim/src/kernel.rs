//! A kernel on a simulated board: its clock, its reset, its registers and its memory.

use std::ops::Range;

use nearfield_abi::board::{Board, Timing, Wiring};
use nearfield_abi::kernel::{KernelConfig, Master};
use nearfield_abi::{port, register};
use nearfield_hdl::emit::Design;

use crate::axi::{Dram, Fault, Fixed, Handshake, Hostile, Lite, LiteResponse, Memory, PaceOf, Port, Random, Violation};
use crate::error::{RunContext, SimError};
use crate::options::{quiet_cycles, Options};
use crate::printed::printed;
use crate::verilate::{self, Instance, PortError, PortId};

/// Cycles that reset is held low.
const RESET_CYCLES: u64 = 32;
/// Cycles between two looks at the control register of a running kernel.
const POLL_CYCLES: u64 = 16;

/// What a run was like.
#[derive(Clone, Debug, PartialEq)]
pub struct RunReport {
    /// Cycles from the write that started the kernel to the look at its registers that found it done; the kernel's own
    /// count is in [`register::CYCLES`].
    pub cycles: u64,
    /// Those cycles at the kernel's clock.
    pub seconds: f64,
    /// Beats read and written by each master.
    pub beats: Vec<(u64, u64)>,
    /// What [`register::CONTROL`] read when it found the kernel done; the bits that reading clears are gone from it then.
    pub control: u32,
}

/// A kernel on a board.
pub struct KernelSim {
    instance: Instance,
    clock: PortId,
    reset: PortId,
    ports: Vec<Port>,
    lite: Lite,
    memory: Memory,
    dram: Option<Dram>,
    faults: Vec<Fault>,
    options: Options,
    clock_mhz: f64,
    board: &'static Board,
    design: String,
    cycle: u64,
    started: Option<Start>,
}

/// The seed of unset state, from all bits of a run's seed. Verilator draws one of its own if it is given 0.
fn state_seed(seed: u64) -> u32 {
    (Random::new(seed, 0x7374_6174).next() as u32).max(1)
}

/// The addresses that a port is wired to.
fn reach(board: &Board, port: u32) -> Range<u64> {
    match board.timing {
        Timing::Dram { wiring: Wiring::PortABank, .. } => {
            let base = board.bank_base(port % board.banks);
            base..base + board.bank_bytes
        }
        _ => 0..u64::MAX,
    }
}

/// What is remembered of a start.
struct Start {
    cycle: u64,
    beats: Vec<(u64, u64)>,
}

impl KernelSim {
    /// Prints the kernel, builds it unless that has been done before, and resets it.
    ///
    /// # Errors
    ///
    /// The board cannot be simulated, the kernel cannot be built (a missing tool names its package), or it misbehaves in
    /// reset.
    pub fn open(config: KernelConfig, board: &'static Board, options: Options) -> Result<KernelSim, SimError> {
        if !board.simulated() {
            return Err(SimError::NotSimulated(board.name));
        }
        let options = Options { quiet_cycles: quiet_cycles(&config), ..options };
        KernelSim::with_design(&*printed(config)?, config.masters(), board, options)
    }

    /// The same for a design at hand that has the pins of a kernel with these masters.
    ///
    /// # Errors
    ///
    /// As [`KernelSim::open`].
    pub fn with_design(
        design: &Design,
        masters: &[Master],
        board: &'static Board,
        options: Options,
    ) -> Result<KernelSim, SimError> {
        if !board.simulated() {
            return Err(SimError::NotSimulated(board.name));
        }
        let build = verilate::Options { trace: options.trace.is_some(), randomize: options.randomize };
        let mut instance = verilate::build(design, &build)?.instance_with_seed(state_seed(options.seed));
        if let Some(path) = &options.trace {
            instance.open_trace(path)?;
        }
        let clock_mhz = options.clock_mhz.unwrap_or(board.clock_mhz);
        let pace = |index: usize| match board.timing {
            Timing::Fixed { latency } => PaceOf::Fixed(Fixed::new(latency)),
            Timing::Hostile => PaceOf::Hostile(Box::new(Hostile::new(options.seed, index as u64))),
            Timing::Dram { path, depth, .. } => PaceOf::Fixed(Fixed::before_memory(path, depth as usize)),
            Timing::None => unreachable!("boards without timing were refused"),
        };
        let ports = masters
            .iter()
            .enumerate()
            .map(|(i, master)| Ok(Port::new(&instance, master.name, pace(i))?.wired_to(reach(board, i as u32))))
            .collect::<Result<Vec<Port>, PortError>>()?;
        let dram = match board.timing {
            Timing::Dram { config, wiring, .. } => Some(Dram::new(config, wiring, board, clock_mhz, ports.len())?),
            _ => None,
        };
        let unkind = matches!(board.timing, Timing::Hostile).then(|| Random::new(options.seed, 0x6c69_7465));
        let mut sim = KernelSim {
            clock: instance.port(port::CLOCK)?,
            reset: instance.port(port::RESET)?,
            lite: Lite::new(&instance, unkind)?,
            memory: Memory::new(board, options.seed),
            ports,
            dram,
            faults: Vec::new(),
            clock_mhz,
            board,
            design: design.top.clone(),
            cycle: 0,
            started: None,
            options,
            instance,
        };
        sim.reset()?;
        Ok(sim)
    }

    /// Holds the kernel in reset for 32 cycles. Memory keeps what it holds.
    ///
    /// # Errors
    ///
    /// The kernel offers something on a bus at the end of them.
    pub fn reset(&mut self) -> Result<(), SimError> {
        self.started = None;
        self.instance.set(self.reset, 0);
        for port in &mut self.ports {
            // What the kernel offers before its first edge in reset means nothing.
            let _ = port.reset(self.cycle, &mut self.instance);
        }
        self.lite.reset(&mut self.instance);
        for _ in 0..RESET_CYCLES {
            self.edge(0)?;
            self.edge(1)?;
            self.cycle += 1;
        }
        for i in 0..self.ports.len() {
            self.ports[i].reset(self.cycle, &mut self.instance).map_err(|v| self.protocol(v))?;
        }
        self.instance.set(self.reset, 1);
        self.pass(RESET_CYCLES)
    }

    /// Lets cycles pass.
    ///
    /// # Errors
    ///
    /// The kernel broke a rule.
    pub fn pass(&mut self, cycles: u64) -> Result<(), SimError> {
        (0..cycles).try_for_each(|_| self.step())
    }

    /// One cycle.
    #[inline]
    fn step(&mut self) -> Result<(), SimError> {
        if let Some(dram) = &mut self.dram {
            dram.step(self.cycle, &mut self.ports);
        }
        for port in &mut self.ports {
            port.drive(self.cycle, &mut self.memory, &self.faults, &mut self.instance);
        }
        self.lite.drive(&mut self.instance);
        self.edge(0)?;
        let sampled = self.ports.iter_mut().try_for_each(|port| port.sample(self.cycle, &self.instance));
        let sampled = sampled.and_then(|()| self.lite.sample(self.cycle, &self.instance));
        // The edge is made even then, for the waves to show it.
        self.edge(1)?;
        self.cycle += 1;
        sampled.map_err(|violation| self.protocol(violation))
    }

    fn edge(&mut self, level: u64) -> Result<(), SimError> {
        self.instance.set(self.clock, level);
        self.instance.try_eval().map_err(|error| SimError::Eval { error, run: self.context() })
    }

    fn context(&self) -> Box<RunContext> {
        Box::new(RunContext {
            design: self.design.clone(),
            board: self.board.name,
            seed: self.options.seed,
            cycle: self.cycle,
            waves: self.options.trace.clone(),
        })
    }

    fn protocol(&self, violation: Violation) -> SimError {
        SimError::Protocol { violation, run: self.context() }
    }

    fn waiting(&self) -> Vec<Handshake> {
        let ports = self.ports.iter().flat_map(|p| p.stuck(&self.instance));
        ports.chain(self.lite.stuck(&self.instance)).collect()
    }

    /// Writes into the board's memory, as the host's DMA would; no simulated time passes.
    ///
    /// # Errors
    ///
    /// The range does not lie in one bank.
    pub fn write_memory(&mut self, address: u64, bytes: &[u8]) -> Result<(), SimError> {
        Ok(self.memory.write(address, bytes)?)
    }

    /// Reads from the board's memory.
    ///
    /// # Errors
    ///
    /// The range does not lie in one bank.
    pub fn read_memory(&self, address: u64, into: &mut [u8]) -> Result<(), SimError> {
        Ok(self.memory.read(address, into)?)
    }

    /// Does `work` with `memory` in place of the kernel's own, so that several kernels of a board, which run one after the
    /// other, see the same bytes. That they would also wait for each other there is not simulated. Cycles must not pass
    /// outside `work` while the kernel uses what is in `memory`.
    pub fn with_memory<T>(&mut self, memory: &mut Memory, work: impl FnOnce(&mut KernelSim) -> T) -> T {
        std::mem::swap(&mut self.memory, memory);
        let result = work(self);
        std::mem::swap(&mut self.memory, memory);
        result
    }

    /// Has memory refuse accesses from now on.
    pub fn inject(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Has memory refuse no accesses but those outside its banks.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// Lets cycles pass until the access under way has ended.
    fn finish_access(&mut self, offset: u32) -> Result<LiteResponse, SimError> {
        let end = self.cycle + self.options.watchdog_cycles;
        while self.lite.busy() {
            if self.cycle >= end {
                return Err(SimError::Stuck {
                    cycles: self.options.watchdog_cycles,
                    doing: format!("register {offset:#x} was accessed"),
                    waiting: self.waiting(),
                    run: self.context(),
                });
            }
            self.step()?;
        }
        let answer = self.lite.take_response().expect("an access that ended has a response");
        if answer.response != 0 {
            return Err(SimError::Register { offset, response: answer.response, run: self.context() });
        }
        Ok(answer)
    }

    /// Writes a register over AXI4-Lite; the cycles it takes pass for the whole kernel.
    ///
    /// # Errors
    ///
    /// The kernel does not answer, answers with an error, or broke a rule.
    pub fn write_register(&mut self, offset: u32, value: u32) -> Result<(), SimError> {
        self.lite.write(&mut self.instance, offset, value);
        self.finish_access(offset).map(|_| ())
    }

    /// Reads a register over AXI4-Lite; the cycles it takes pass for the whole kernel.
    ///
    /// # Errors
    ///
    /// As [`KernelSim::write_register`].
    pub fn read_register(&mut self, offset: u32) -> Result<u32, SimError> {
        self.lite.read(&mut self.instance, offset);
        self.finish_access(offset).map(|answer| answer.data)
    }

    /// Starts the kernel; its arguments must have been written.
    ///
    /// # Errors
    ///
    /// As [`KernelSim::write_register`].
    pub fn start(&mut self) -> Result<(), SimError> {
        self.started = Some(Start { cycle: self.cycle, beats: self.beats() });
        self.write_register(register::CONTROL, register::control::START)
    }

    /// Lets cycles pass until the kernel is done, checks that nothing is outstanding then, and settles remote memory. After
    /// [`SimError::TooLong`] it may be called again, to go on.
    ///
    /// # Errors
    ///
    /// The kernel is not done after `max_cycles`, nothing moved for too long (both name the channels that wait), it
    /// broke a rule, or what it wrote to remote memory is lost.
    ///
    /// # Panics
    ///
    /// The kernel was not started.
    pub fn run_until_done(&mut self, max_cycles: u64) -> Result<RunReport, SimError> {
        let end = self.cycle + max_cycles;
        let from = self.started.as_ref().expect("run_until_done follows start").cycle;
        let control = loop {
            let control = self.read_register(register::CONTROL)?;
            if control & register::control::DONE != 0 {
                break control;
            }
            if self.cycle >= end {
                return Err(SimError::TooLong { cycles: max_cycles, waiting: self.waiting(), run: self.context() });
            }
            let moved = self.ports.iter().map(Port::last_transfer).max().unwrap_or(0).max(from);
            let still = self.cycle - moved;
            if still >= self.options.watchdog_cycles + self.options.quiet_cycles {
                return Err(SimError::Stuck {
                    cycles: still,
                    doing: "the kernel ran".into(),
                    waiting: self.waiting(),
                    run: self.context(),
                });
            }
            self.pass(POLL_CYCLES.min(end - self.cycle))?;
        };
        for port in &self.ports {
            port.check_drained(self.cycle, &self.instance).map_err(|v| self.protocol(v))?;
        }
        self.memory.settle()?;
        let start = self.started.take().expect("run_until_done follows start");
        let cycles = self.cycle - start.cycle;
        let beats = self.beats().iter().zip(&start.beats).map(|(now, then)| (now.0 - then.0, now.1 - then.1)).collect();
        Ok(RunReport { cycles, seconds: cycles as f64 / (self.clock_mhz * 1e6), beats, control })
    }

    fn beats(&self) -> Vec<(u64, u64)> {
        self.ports.iter().map(|p| (p.traffic().beats_read, p.traffic().beats_written)).collect()
    }

    /// Cycles since the simulation began.
    pub fn cycle(&self) -> u64 {
        self.cycle
    }

    /// The kernel's clock in MHz.
    pub fn clock_mhz(&self) -> f64 {
        self.clock_mhz
    }

    /// The board.
    pub fn board(&self) -> &'static Board {
        self.board
    }
}

#[cfg(test)]
mod tests {
    use super::state_seed;
    use std::collections::BTreeSet;

    #[test]
    fn every_seed_has_its_own_state() {
        let seeds: BTreeSet<u32> = (0..1000).chain((1..1000).map(|s| s << 32)).map(state_seed).collect();
        assert_eq!(seeds.len(), 1999);
        assert!(!seeds.contains(&0));
    }
}
