use crate::prelude::*;

/// Says whether a run is over, and what went wrong in it: of `N` engines and `M` memory ports.
///
/// After a failure nothing new is begun, but what the datapaths still hold becomes bursts: `waits` stays until nothing was outstanding for
/// 4096 cycles together, which is longer than a window of lines takes. Of faults in one cycle the first engine's is told.
#[derive(Clone, Debug, LogicBlock)]
pub struct Watch<const N: usize, const M: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Nothing failed.
    pub reset: Signal<In, Bit>,
    /// The run was ended by a failure.
    pub stop: Signal<In, Bit>,
    /// It is not yet known whether there are strips.
    pub dealing: Signal<In, Bit>,
    /// The cache holds requests.
    pub cache_busy: Signal<In, Bit>,
    /// An engine has rows, or is to get some.
    pub engine_busy: [Signal<In, Bit>; N],
    /// Requests or bursts of an engine are under way.
    pub engine_owed: [Signal<In, Bit>; N],
    /// An engine met something malformed.
    pub engine_fault: [Signal<In, Bit>; N],
    /// What.
    pub engine_kind: [Signal<In, Bits<3>>; N],
    /// In which row.
    pub engine_row: [Signal<In, Bits<32>>; N],
    /// A port has something outstanding.
    pub port_busy: [Signal<In, Bit>; M],
    /// A port met an error response.
    pub port_failed: [Signal<In, Bit>; M],
    /// The run is not over: something runs, or ran in the last two cycles.
    pub pending: Signal<Out, Bit>,
    /// Something failed, and not everything has come to rest.
    pub waits: Signal<Out, Bit>,
    /// Something in memory is malformed.
    pub fault: Signal<Out, Bit>,
    /// What.
    pub fault_kind: Signal<Out, Bits<3>>,
    /// In which row.
    pub fault_row: Signal<Out, Bits<32>>,
    quiet: Reg<Bits<12>>,
    settled: Reg<Bit>,
    ran: Reg<Bits<2>>,
    moving: Signal<Local, Bit>,
    runs: Signal<Local, Bit>,
    failed: Signal<Local, Bit>,
}

impl<const N: usize, const M: usize> Default for Watch<N, M> {
    fn default() -> Self {
        Watch {
            clock: Signal::default(),
            reset: Signal::default(),
            stop: Signal::default(),
            dealing: Signal::default(),
            cache_busy: Signal::default(),
            engine_busy: std::array::from_fn(|_| Signal::default()),
            engine_owed: std::array::from_fn(|_| Signal::default()),
            engine_fault: std::array::from_fn(|_| Signal::default()),
            engine_kind: std::array::from_fn(|_| Signal::default()),
            engine_row: std::array::from_fn(|_| Signal::default()),
            port_busy: std::array::from_fn(|_| Signal::default()),
            port_failed: std::array::from_fn(|_| Signal::default()),
            pending: Signal::default(),
            waits: Signal::default(),
            fault: Signal::default(),
            fault_kind: Signal::default(),
            fault_row: Signal::default(),
            quiet: Reg::default(),
            settled: Reg::default(),
            ran: Reg::default(),
            moving: Signal::default(),
            runs: Signal::default(),
            failed: Signal::default(),
        }
    }
}

impl<const N: usize, const M: usize> Logic for Watch<N, M> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, quiet, settled, ran);
        self.moving.next = self.cache_busy.val();
        self.runs.next = self.cache_busy.val() || self.dealing.val();
        self.failed.next = false;
        self.fault.next = false;
        self.fault_kind.next = 0.into();
        self.fault_row.next = 0.into();
        for i in 0..N {
            if self.engine_busy[i].val() {
                self.runs.next = true;
            }
            if self.engine_owed[i].val() {
                self.moving.next = true;
                self.runs.next = true;
            }
            comment!("The first engine is written last, so it wins.");
            if self.engine_fault[N - 1 - i].val() {
                self.failed.next = true;
                self.fault.next = true;
                self.fault_kind.next = self.engine_kind[N - 1 - i].val();
                self.fault_row.next = self.engine_row[N - 1 - i].val();
            }
        }
        for i in 0..M {
            if self.port_busy[i].val() {
                self.moving.next = true;
                self.runs.next = true;
            }
            if self.port_failed[i].val() {
                self.failed.next = true;
            }
        }
        self.ran.d.next = (self.ran.q.val() << 1) | bit_cast::<2, 1>(self.runs.val().into());
        self.pending.next = self.runs.val() || self.ran.q.val().any();

        if !self.stop.val() || self.moving.val() || self.reset.val() {
            self.quiet.d.next = 0.into();
            self.settled.d.next = false;
        } else {
            self.quiet.d.next = self.quiet.q.val() + 1;
            if self.quiet.q.val().all() {
                self.settled.d.next = true;
            }
        }
        self.waits.next = (self.failed.val() || self.stop.val()) && !self.settled.q.val();
    }
    unit!("sgcn_watch", N, M);
}
