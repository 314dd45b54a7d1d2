use super::bank::{Asked, Bank};
use super::dispatch::Dispatch;
use super::engine::{Engine, Request};
use super::job::Plan;
use super::port::Port;
use super::stream::{Buffer, Turn};
use super::{Machine, ModelError};
use crate::axi::{Dram, Fixed, Traffic};
use nearfield_abi::board::Timing;
use nearfield_abi::kernel::sgcn;

/// Banks of the cache.
const BANKS: usize = sgcn::CACHE_BANKS as usize;
/// Cycles from one look at the progress to the next.
const WATCH: u64 = 1 << 14;
/// Cycles of a run before the first that is simulated, and after the last in which anything is under way.
const AROUND: u64 = 7;
/// Of those the ones that an engine counts as idle.
pub(super) const IDLE_AROUND: u64 = 4;

/// Everything, wired as `nearfield_hdl::sgcn::cache::Cache` and the kernel's core are.
pub(super) struct Whole<'a> {
    plan: &'a Plan<'a>,
    dispatch: Dispatch,
    pub(super) engines: Vec<Engine>,
    /// The engines' ways to the cache.
    entrances: Vec<Vec<Buffer<Request>>>,
    requests: Vec<(Turn, Option<Asked>)>,
    pub(super) banks: Vec<Bank>,
    responses: Vec<(Turn, Option<super::engine::Tag>)>,
    fill_turns: Vec<Turn>,
    pub(super) ports: Vec<Port>,
    dram: Option<Dram>,
    /// Rows that were dealt, those of every slice.
    dealt: u64,
    now: u64,
}

impl<'a> Whole<'a> {
    pub(super) fn new(machine: &Machine, plan: &'a Plan<'a>) -> Result<Whole<'a>, ModelError> {
        let (n, board) = (machine.engines as usize, machine.board);
        let pace = match board.timing {
            Timing::Fixed { latency } => Fixed::new(latency),
            Timing::Dram { path, depth, .. } => Fixed::before_memory(path, depth as usize),
            Timing::Hostile | Timing::None => return Err(ModelError::Board(board.name)),
        };
        let dram = match board.timing {
            Timing::Dram { config, wiring, .. } => {
                Some(Dram::new(config, wiring, board, board.clock_mhz, machine.ports as usize)?)
            }
            _ => None,
        };
        // As far into a bank as the host's buffers usually begin.
        let base = |port: u32| board.bank_base(port % board.banks) + (u64::from(port / board.banks + 1) << 20);
        let port = |p: u32| {
            Port::new(p, machine.ports, base(p), pace.clone(), Traffic::new(dram.is_some()), machine.tuning.writes)
        };
        Ok(Whole {
            plan,
            dispatch: Dispatch::new(n, plan),
            engines: (0..n).map(|_| Engine::new(&machine.tuning)).collect(),
            entrances: vec![vec![Buffer::skid(); machine.tuning.lanes.0]; n],
            requests: vec![(Turn::default(), None); BANKS],
            banks: (0..BANKS).map(|_| Bank::new(machine.cache_sets, plan.hashed, &machine.tuning)).collect(),
            responses: vec![(Turn::default(), None); n],
            fill_turns: vec![Turn::default(); BANKS],
            ports: (0..machine.ports).map(port).collect(),
            dram,
            dealt: 0,
            now: 0,
        })
    }

    /// Runs to the end: cycles of the run. `watch` is told now and then how many rows were dealt, those of every slice.
    pub(super) fn run(&mut self, most: u64, watch: &mut dyn FnMut(u64)) -> Result<u64, ModelError> {
        while self.busy() {
            self.step();
            if self.now.is_multiple_of(WATCH) {
                watch(self.dealt);
            }
            if self.now > most {
                return Err(ModelError::TooLong(most));
            }
        }
        Ok(self.now - 1 + AROUND)
    }

    fn busy(&self) -> bool {
        self.dispatch.busy()
            || self.engines.iter().any(Engine::busy)
            || self.ports.iter().any(Port::busy)
            || self.banks.iter().any(Bank::busy)
    }

    #[inline]
    fn step(&mut self) {
        let now = self.now;
        if let Some(dram) = &mut self.dram {
            dram.step(now, &mut self.ports);
        }
        self.ports.iter_mut().for_each(|port| port.drive(now));
        self.banks.iter_mut().for_each(|bank| bank.step(now));
        self.gather_requests();
        let engines = &self.engines;
        let mut given = self.dispatch.step(now, self.plan, |engine| engines[engine].want());
        self.dealt += given.map_or(0, |(_, strip)| u64::from(strip.past - strip.row));
        for port in &mut self.ports {
            port.write(now, &mut self.engines);
        }
        for (i, engine) in self.engines.iter_mut().enumerate() {
            let strip = given.take_if(|(to, _)| *to == i).map(|(_, strip)| strip);
            engine.step(now, self.plan, strip, &mut self.entrances[i], self.responses[i].1.take());
        }
        self.gather_responses();
        self.ports.iter_mut().for_each(|port| port.read(now));
        self.gather_misses();
        self.gather_fills();
        self.now += 1;
    }

    fn gather_requests(&mut self) {
        let now = self.now;
        let mut asks = [0_u32; BANKS];
        let lanes = self.entrances[0].len();
        for (i, entrances) in self.entrances.iter().enumerate() {
            for request in entrances.iter().filter_map(|entrance| entrance.peek(now)) {
                asks[Bank::index(request.line, self.plan.hashed) as usize % BANKS] |= 1 << i;
            }
        }
        for (i, ((bank, (turn, word)), asks)) in self.banks.iter_mut().zip(&mut self.requests).zip(asks).enumerate() {
            if word.is_some() && bank.ready(now) {
                bank.skid.push(now, word.take().expect("it is there"));
            }
            if word.is_none() {
                *word = turn
                    .serve(asks)
                    .map(|engine| Asked { engine: engine as u8, request: self.entrances[engine][i % lanes].pop(now) });
            }
        }
    }

    fn gather_responses(&mut self) {
        let now = self.now;
        let mut asks = [0_u32; sgcn::ENGINES[sgcn::ENGINES.len() - 1] as usize];
        let mut any = false;
        for (i, bank) in self.banks.iter().enumerate() {
            for (engine, _) in bank.out.iter().filter_map(|out| out.peek(now)) {
                asks[*engine as usize] |= 1 << i;
                any = true;
            }
        }
        if !any {
            return;
        }
        for (i, ((turn, word), asks)) in self.responses.iter_mut().zip(asks).enumerate() {
            if let Some(bank) = turn.serve(asks) {
                let bank = &mut self.banks[bank];
                let lane = i % bank.out.len();
                *word = Some(bank.out[lane].pop(now).1);
                bank.give_back();
            }
        }
    }

    fn gather_misses(&mut self) {
        let now = self.now;
        let ports = self.ports.len() as u32;
        let mut asks = [0_u32; sgcn::MOST_PORTS];
        for (i, bank) in self.banks.iter().enumerate() {
            if let Some((_, line)) = bank.misses.peek(now) {
                asks[sgcn::place(*line, ports).0 as usize] |= 1 << i;
            }
        }
        for (port, asks) in self.ports.iter_mut().zip(asks) {
            if port.gathered.is_none() {
                if let Some(bank) = port.turn.serve(asks) {
                    let (number, line) = self.banks[bank].misses.pop(now);
                    port.gathered = Some((u16::from(number) << 4 | bank as u16, line));
                }
            }
        }
    }

    fn gather_fills(&mut self) {
        let now = self.now;
        let mut asks = [0_u32; BANKS];
        for (i, port) in self.ports.iter().enumerate() {
            if let Some(id) = port.fills.peek(now) {
                asks[*id as usize % BANKS] |= 1 << i;
            }
        }
        for ((bank, turn), asks) in self.banks.iter_mut().zip(&mut self.fill_turns).zip(asks) {
            bank.fill = turn.serve(asks).map(|port| (self.ports[port].fills.pop(now) >> 4) as u8);
        }
    }
}
