use crate::axi::Counter;
use crate::prelude::*;
use nearfield_abi::kernel::KernelConfig;
use nearfield_abi::register::error;

/// Where a run of a kernel stands.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum Phase {
    /// Empties the pipelines: after a reset, and after a run that an error ended.
    Flush,
    /// Waits for `start`.
    Idle,
    /// Waits for the argument check.
    Check,
    /// Starts the movers.
    Begin,
    /// Waits for the movers.
    Run,
    /// The last cycle.
    Done,
}

/// Runs a kernel with `N` movers: checks, starts them, waits for them, and keeps the first error.
///
/// An error response, or a stream that is malformed, stops all movers; the run ends when everything outstanding has drained, and
/// 256 cycles later, in which `flush` empties streams and pipelines, which must be shorter than that. Of errors that come in one
/// cycle the first mover's is kept. It moves no data.
#[derive(Clone, Debug, LogicBlock)]
pub struct Sequencer<const N: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Back to [`Phase::Flush`].
    pub reset: Signal<In, Bit>,
    /// Run; stays 1 until `done`.
    pub start: Signal<In, Bit>,
    /// An argument is unusable; valid two cycles after `start`.
    pub refused: Signal<In, Bit>,
    /// Its id.
    pub refused_id: Signal<In, Bits<32>>,
    /// The mover has something outstanding.
    pub busy: [Signal<In, Bit>; N],
    /// The mover met an error response.
    pub failed: [Signal<In, Bit>; N],
    /// The burst that met it.
    pub failed_address: [Signal<In, Bits<64>>; N],
    /// No mover is waited for, but something else: checks of a stream, sums.
    pub pending: Signal<In, Bit>,
    /// A stream is malformed.
    pub malformed: Signal<In, Bit>,
    /// What is wrong with it.
    pub fault: Signal<In, Bits<32>>,
    /// Where.
    pub fault_chunk: Signal<In, Bits<32>>,
    /// To the movers: begin.
    pub launch: Signal<Out, Bit>,
    /// To the movers: no new bursts.
    pub stop: Signal<Out, Bit>,
    /// To streams: forget what another run has left; before `launch`.
    pub prepare: Signal<Out, Bit>,
    /// To streams and pipelines: forget everything.
    pub flush: Signal<Out, Bit>,
    /// Nothing runs.
    pub idle: Signal<Out, Bit>,
    /// The run ends in this cycle.
    pub done: Signal<Out, Bit>,
    /// See [`nearfield_abi::register::error`].
    pub error_code: Signal<Out, Bits<32>>,
    /// The AXI master, the argument's id or the chunk's number.
    pub error_port: Signal<Out, Bits<32>>,
    /// The burst's first byte, or what is wrong with the stream.
    pub error_address: Signal<Out, Bits<64>>,
    /// Cycles from start to done.
    pub cycles: Signal<Out, Bits<48>>,
    phase: Reg<Phase>,
    flushed: Reg<Bits<8>>,
    checked: Reg<Bit>,
    broken: Reg<Bit>,
    code: Reg<Bits<32>>,
    port: Reg<Bits<32>>,
    address: Reg<Bits<64>>,
    timer: Counter,
    codes: [Constant<Bits<32>>; N],
    ports: [Constant<Bits<32>>; N],
    none: Constant<Bits<32>>,
    argument: Constant<Bits<32>>,
    stream: Constant<Bits<32>>,
    any_busy: Signal<Local, Bit>,
    any_failed: Signal<Local, Bit>,
}

impl<const N: usize> Sequencer<N> {
    /// The sequencer of this kernel, whose movers are its streams in the order of `nearfield_abi`.
    ///
    /// # Panics
    ///
    /// The kernel has another number of streams.
    pub fn new(config: &KernelConfig) -> Self {
        let movers: Vec<(bool, u32)> = config.streams().iter().map(|s| (s.read, s.master)).collect();
        assert_eq!(N, movers.len(), "streams of {}", config.name());
        Sequencer::of(&movers)
    }

    /// The sequencer of a kernel with these movers: whether each reads, and on which AXI master.
    ///
    /// # Panics
    ///
    /// There are not `N` of them.
    pub fn of(movers: &[(bool, u32)]) -> Self {
        assert_eq!(N, movers.len(), "movers of a sequencer");
        let code = |i: usize| if movers[i].0 { error::AXI_READ } else { error::AXI_WRITE };
        let constant = |value: u32| Constant::new(u64::from(value).into());
        Sequencer {
            clock: Signal::default(),
            reset: Signal::default(),
            start: Signal::default(),
            refused: Signal::default(),
            refused_id: Signal::default(),
            busy: std::array::from_fn(|_| Signal::default()),
            failed: std::array::from_fn(|_| Signal::default()),
            failed_address: std::array::from_fn(|_| Signal::default()),
            pending: Signal::default(),
            malformed: Signal::default(),
            fault: Signal::default(),
            fault_chunk: Signal::default(),
            launch: Signal::default(),
            stop: Signal::default(),
            prepare: Signal::default(),
            flush: Signal::default(),
            idle: Signal::default(),
            done: Signal::default(),
            error_code: Signal::default(),
            error_port: Signal::default(),
            error_address: Signal::default(),
            cycles: Signal::default(),
            phase: Reg::default(),
            flushed: Reg::default(),
            checked: Reg::default(),
            broken: Reg::default(),
            code: Reg::default(),
            port: Reg::default(),
            address: Reg::default(),
            timer: Counter::default(),
            codes: std::array::from_fn(|i| constant(code(i))),
            ports: std::array::from_fn(|i| constant(movers[i].1)),
            none: constant(error::NONE),
            argument: constant(error::ARGUMENT),
            stream: constant(error::STREAM),
            any_busy: Signal::default(),
            any_failed: Signal::default(),
        }
    }
}

impl<const N: usize> Logic for Sequencer<N> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, phase, flushed, checked, broken, code, port, address);
        clock!(self, clock, timer);
        self.any_busy.next = false;
        self.any_failed.next = self.malformed.val();
        for i in 0..N {
            if self.failed[i].val() {
                self.any_failed.next = true;
            }
            if self.busy[i].val() {
                self.any_busy.next = true;
            }
        }
        self.flushed.d.next = 0.into();
        self.checked.d.next = false;
        match self.phase.q.val() {
            Phase::Flush => {
                self.flushed.d.next = self.flushed.q.val() + 1;
                if self.flushed.q.val().all() {
                    self.phase.d.next = Phase::Idle;
                    if self.broken.q.val() {
                        self.phase.d.next = Phase::Done;
                    }
                }
            }
            Phase::Idle => {
                if self.start.val() {
                    self.broken.d.next = false;
                    self.code.d.next = self.none.val();
                    self.port.d.next = 0.into();
                    self.address.d.next = 0.into();
                    self.phase.d.next = Phase::Check;
                }
            }
            Phase::Check => {
                self.checked.d.next = true;
                if self.checked.q.val() {
                    self.phase.d.next = Phase::Begin;
                    if self.refused.val() {
                        self.code.d.next = self.argument.val();
                        self.port.d.next = self.refused_id.val();
                        self.phase.d.next = Phase::Done;
                    }
                }
            }
            Phase::Begin => {
                self.phase.d.next = Phase::Run;
            }
            Phase::Run => {
                if self.malformed.val() && !self.broken.q.val() {
                    self.broken.d.next = true;
                    self.code.d.next = self.stream.val();
                    self.port.d.next = self.fault_chunk.val();
                    self.address.d.next = bit_cast::<64, 32>(self.fault.val());
                }
                comment!("The first mover is written last, so it wins.");
                for i in 0..N {
                    if self.failed[N - 1 - i].val() && !self.broken.q.val() {
                        self.broken.d.next = true;
                        self.code.d.next = self.codes[N - 1 - i].val();
                        self.port.d.next = self.ports[N - 1 - i].val();
                        self.address.d.next = self.failed_address[N - 1 - i].val();
                    }
                }
                if !self.any_busy.val() {
                    if self.any_failed.val() {
                        self.phase.d.next = Phase::Flush;
                    } else if !self.pending.val() {
                        self.phase.d.next = Phase::Done;
                    }
                }
            }
            Phase::Done => {
                self.broken.d.next = false;
                self.phase.d.next = Phase::Idle;
            }
        }
        self.launch.next = self.phase.q.val() == Phase::Begin;
        self.prepare.next = self.phase.q.val() == Phase::Check;
        self.stop.next = self.broken.q.val();
        self.flush.next = self.phase.q.val() == Phase::Flush;
        self.idle.next =
            (self.phase.q.val() == Phase::Idle) || ((self.phase.q.val() == Phase::Flush) && !self.broken.q.val());
        self.done.next = self.phase.q.val() == Phase::Done;
        self.error_code.next = self.code.q.val();
        self.error_port.next = self.port.q.val();
        self.error_address.next = self.address.q.val();
        self.timer.clear.next = (self.phase.q.val() == Phase::Idle) && self.start.val();
        self.timer.increment.next = !self.idle.val();
        self.cycles.next = self.timer.count.val();
        if self.reset.val() {
            self.phase.d.next = Phase::Flush;
            self.flushed.d.next = 0.into();
            self.broken.d.next = false;
            self.code.d.next = self.none.val();
            self.port.d.next = 0.into();
            self.address.d.next = 0.into();
        }
    }
    unit!("sequencer", N);
}
