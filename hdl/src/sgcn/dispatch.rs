use super::StripWalk;
use crate::prelude::*;

/// What the dispatcher does next.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum DispatchPhase {
    /// Nothing runs.
    Rest,
    /// The engines' first rows are added up.
    Prepare,
    /// Looks at one engine a cycle for one that wants a strip.
    Look,
    /// Has found one.
    Load,
    /// Deals.
    Give,
    /// The walk has gone on, and what it says settles.
    Settle,
}

/// Cycles from `start` to the walks' own: more than there are engines.
const PREPARE: usize = 20;

/// Deals the strips of a graph to `N` engines.
///
/// Dynamic: from one walk, to whoever wants one, in turn. Static: each engine has a walk of its own, over every `N`th strip. One
/// strip in five cycles at most, which is more than engines use.
#[derive(Clone, Debug, LogicBlock)]
pub struct Dispatch<const N: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Deals nothing more.
    pub reset: Signal<In, Bit>,
    /// Begins a run.
    pub start: Signal<In, Bit>,
    /// Deals nothing now.
    pub hold: Signal<In, Bit>,
    /// One walk for all.
    pub dynamic: Signal<In, Bit>,
    /// Rows of a strip.
    pub height: Signal<In, Bits<32>>,
    /// Rows of the graph.
    pub rows: Signal<In, Bits<32>>,
    /// Columns of the features.
    pub width: Signal<In, Bits<13>>,
    /// Columns of a slice.
    pub slice: Signal<In, Bits<9>>,
    /// The engine can take a strip.
    pub want: [Signal<In, Bit>; N],
    /// It gets the one that is said below.
    pub give: [Signal<Out, Bit>; N],
    /// There are no more for it.
    pub none: [Signal<Out, Bit>; N],
    /// It is not yet known whether there are any.
    pub busy: Signal<Out, Bit>,
    /// See [`StripWalk`].
    pub row: Signal<Out, Bits<32>>,
    /// The row after the strip's last.
    pub past: Signal<Out, Bits<32>>,
    /// Rows of all slices before.
    pub base: Signal<Out, Bits<32>>,
    /// Lines of all slices before in a dense row.
    pub line: Signal<Out, Bits<9>>,
    /// Segments of the slice.
    pub segments: Signal<Out, Bits<5>>,
    shared: StripWalk,
    own: [StripWalk; N],
    /// An engine's first row if strips are static: `i * height`.
    firsts: [Reg<Bits<32>>; N],
    phase: Reg<DispatchPhase>,
    turn: Reg<Bits<4>>,
    settled: Reg<Bits<2>>,
    prepared: Delay<1, PREPARE>,
    row_of: Reg<Bits<32>>,
    end_of: Reg<Bits<32>>,
    base_of: Reg<Bits<32>>,
    line_of: Reg<Bits<9>>,
    segments_of: Reg<Bits<5>>,
    begun: Signal<Local, Bit>,
    stride: Signal<Local, Bits<32>>,
    found: Signal<Local, Bit>,
    dealt: Signal<Local, Bit>,
}

impl<const N: usize> Default for Dispatch<N> {
    fn default() -> Self {
        assert!((1..=16).contains(&N), "Dispatch<{N}>: 1 to 16 engines");
        Dispatch {
            clock: Signal::default(),
            reset: Signal::default(),
            start: Signal::default(),
            hold: Signal::default(),
            dynamic: Signal::default(),
            height: Signal::default(),
            rows: Signal::default(),
            width: Signal::default(),
            slice: Signal::default(),
            want: std::array::from_fn(|_| Signal::default()),
            give: std::array::from_fn(|_| Signal::default()),
            none: std::array::from_fn(|_| Signal::default()),
            busy: Signal::default(),
            row: Signal::default(),
            past: Signal::default(),
            base: Signal::default(),
            line: Signal::default(),
            segments: Signal::default(),
            shared: StripWalk::default(),
            own: std::array::from_fn(|_| StripWalk::default()),
            firsts: std::array::from_fn(|_| Reg::default()),
            phase: Reg::new(DispatchPhase::Rest),
            turn: Reg::default(),
            settled: Reg::default(),
            prepared: Delay::default(),
            row_of: Reg::default(),
            end_of: Reg::default(),
            base_of: Reg::default(),
            line_of: Reg::default(),
            segments_of: Reg::default(),
            begun: Signal::default(),
            stride: Signal::default(),
            found: Signal::default(),
            dealt: Signal::default(),
        }
    }
}

impl<const N: usize> Logic for Dispatch<N> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, phase, turn, settled, row_of, end_of, base_of, line_of, segments_of);
        clock!(self, clock, shared, prepared);
        comment!("First rows are right N cycles after the height is.");
        self.prepared.d.next = self.start.val().into();
        self.begun.next = self.prepared.q.val().any();
        for i in 0..N {
            self.firsts[i].clock.next = self.clock.val();
            if i < 1 {
                self.firsts[i].d.next = 0.into();
            } else {
                self.firsts[i].d.next = self.firsts[i - 1].q.val() + self.height.val();
            }
        }

        self.dealt.next = self.phase.q.val() == DispatchPhase::Give;
        self.shared.start.next = self.begun.val();
        self.shared.first.next = 0.into();
        self.shared.step.next = self.height.val();
        self.shared.height.next = self.height.val();
        self.shared.rows.next = self.rows.val();
        self.shared.width.next = self.width.val();
        self.shared.slice.next = self.slice.val();
        self.shared.advance.next = self.dealt.val() && self.dynamic.val();
        self.stride.next = self.firsts[N - 1].q.val() + self.height.val();
        self.found.next = false;
        for i in 0..N {
            self.own[i].clock.next = self.clock.val();
            self.own[i].start.next = self.begun.val();
            self.own[i].first.next = self.firsts[i].q.val();
            self.own[i].step.next = self.stride.val();
            self.own[i].height.next = self.height.val();
            self.own[i].rows.next = self.rows.val();
            self.own[i].width.next = self.width.val();
            self.own[i].slice.next = self.slice.val();
            self.own[i].advance.next = self.dealt.val() && !self.dynamic.val() && (self.turn.q.val() == i.to_bits());
            self.give[i].next = self.dealt.val() && (self.turn.q.val() == i.to_bits());
            if self.dynamic.val() {
                self.none[i].next = self.shared.exhausted.val();
            } else {
                self.none[i].next = self.own[i].exhausted.val();
            }
            if self.want[i].val() && !self.none[i].val() && (self.turn.q.val() == i.to_bits()) {
                self.found.next = true;
            }
        }

        match self.phase.q.val() {
            DispatchPhase::Rest => {}
            DispatchPhase::Prepare => {}
            DispatchPhase::Look => {
                if self.found.val() && !self.hold.val() {
                    self.phase.d.next = DispatchPhase::Load;
                } else {
                    self.turn.d.next = self.turn.q.val() + 1;
                    if self.turn.q.val() == (N - 1).to_bits() {
                        self.turn.d.next = 0.into();
                    }
                }
            }
            DispatchPhase::Load => {
                self.row_of.d.next = self.shared.row.val();
                self.end_of.d.next = self.shared.past.val();
                self.base_of.d.next = self.shared.base.val();
                self.line_of.d.next = self.shared.line.val();
                self.segments_of.d.next = self.shared.segments.val();
                for i in 0..N {
                    if !self.dynamic.val() && (self.turn.q.val() == i.to_bits()) {
                        self.row_of.d.next = self.own[i].row.val();
                        self.end_of.d.next = self.own[i].past.val();
                        self.base_of.d.next = self.own[i].base.val();
                        self.line_of.d.next = self.own[i].line.val();
                        self.segments_of.d.next = self.own[i].segments.val();
                    }
                }
                self.phase.d.next = DispatchPhase::Give;
            }
            DispatchPhase::Give => {
                self.settled.d.next = 0.into();
                self.phase.d.next = DispatchPhase::Settle;
            }
            DispatchPhase::Settle => {
                self.settled.d.next = self.settled.q.val() + 1;
                if self.settled.q.val().all() {
                    self.phase.d.next = DispatchPhase::Look;
                }
            }
        }
        if self.start.val() {
            self.phase.d.next = DispatchPhase::Prepare;
        }
        if self.begun.val() && (self.phase.q.val() == DispatchPhase::Prepare) {
            self.settled.d.next = 0.into();
            self.turn.d.next = 0.into();
            self.phase.d.next = DispatchPhase::Settle;
        }
        if self.reset.val() {
            self.phase.d.next = DispatchPhase::Rest;
        }
        self.busy.next = (self.phase.q.val() != DispatchPhase::Rest) && (self.phase.q.val() != DispatchPhase::Look);
        self.row.next = self.row_of.q.val();
        self.past.next = self.end_of.q.val();
        self.base.next = self.base_of.q.val();
        self.line.next = self.line_of.q.val();
        self.segments.next = self.segments_of.q.val();
    }
    unit!("sgcn_dispatch", N);
}
