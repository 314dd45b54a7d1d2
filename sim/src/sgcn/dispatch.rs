use super::job::Plan;

/// What an engine is given.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Strip {
    pub(super) row: u32,
    pub(super) past: u32,
    pub(super) slice: u32,
    pub(super) segments: u32,
}

#[derive(Clone, Copy, Debug)]
struct Walk {
    first: u64,
    step: u64,
    at: u64,
    slice: u32,
    ended: bool,
}

impl Walk {
    fn new(first: u64, step: u64, plan: &Plan) -> Walk {
        Walk { first, step, at: first, slice: 0, ended: first >= u64::from(plan.rows) }
    }

    fn strip(&self, plan: &Plan) -> Strip {
        let past = (self.at + u64::from(plan.strip)).min(plan.rows.into()) as u32;
        let left = plan.width - self.slice * plan.slice;
        Strip { row: self.at as u32, past, slice: self.slice, segments: left.min(plan.slice).div_ceil(16) }
    }

    fn advance(&mut self, plan: &Plan) {
        self.at += self.step;
        if self.at >= u64::from(plan.rows) {
            self.at = self.first;
            self.ended = (self.slice + 1) * plan.slice >= plan.width;
            self.slice += 1;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// Until this cycle.
    Settle(u64),
    Look,
    Load,
    Give,
}

/// See `nearfield_hdl::sgcn::Dispatch`; the run begins in cycle 0.
#[derive(Clone, Debug)]
pub(super) struct Dispatch {
    dynamic: bool,
    shared: Walk,
    own: Vec<Walk>,
    phase: Phase,
    turn: usize,
}

impl Dispatch {
    pub(super) fn new(engines: usize, plan: &Plan) -> Dispatch {
        let height = u64::from(plan.strip);
        Dispatch {
            dynamic: plan.dynamic,
            shared: Walk::new(0, height, plan),
            own: (0..engines as u64).map(|i| Walk::new(i * height, engines as u64 * height, plan)).collect(),
            phase: Phase::Settle(24),
            turn: 0,
        }
    }

    fn walk(&mut self) -> &mut Walk {
        if self.dynamic {
            &mut self.shared
        } else {
            &mut self.own[self.turn]
        }
    }

    /// Whether there may be something to deal.
    pub(super) fn busy(&self) -> bool {
        self.phase != Phase::Look || if self.dynamic { !self.shared.ended } else { self.own.iter().any(|w| !w.ended) }
    }

    /// A cycle: which engine is given what. `want` is what engines say.
    #[inline]
    pub(super) fn step(&mut self, now: u64, plan: &Plan, want: impl Fn(usize) -> bool) -> Option<(usize, Strip)> {
        match self.phase {
            Phase::Settle(until) => {
                if now == until {
                    self.phase = Phase::Look;
                }
            }
            Phase::Look => {
                if want(self.turn) && !self.walk().ended {
                    self.phase = Phase::Load;
                } else {
                    self.turn = (self.turn + 1) % self.own.len();
                }
            }
            Phase::Load => self.phase = Phase::Give,
            Phase::Give => {
                self.phase = Phase::Settle(now + 4);
                let strip = self.walk().strip(plan);
                self.walk().advance(plan);
                return Some((self.turn, strip));
            }
        }
        None
    }
}
