use super::decode::{Decode, Operation};
use super::drain::Drain;

/// What happened in a cycle.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Happened {
    pub(super) op: bool,
    pub(super) hazard: bool,
    pub(super) starved: bool,
    /// A row's last operation went: the row's context.
    pub(super) ended: Option<u8>,
    pub(super) drained: bool,
}

/// `Ranks` and `Step` of `nearfield_hdl::sgcn::datapath`.
#[derive(Clone, Debug)]
pub(super) struct Step {
    operation: Option<Operation>,
    /// The cycle from which on a segment of a context is not busy.
    free_at: Vec<u64>,
    hold: u64,
    at: u8,
    left: u8,
    full: bool,
    next_full: bool,
}

impl Step {
    /// `hold`: cycles from an operation to the next on the same segment of the same context.
    pub(super) fn new(contexts: usize, hold: u64) -> Step {
        Step { operation: None, free_at: vec![0; 16 * contexts], hold, at: 0, left: 0, full: false, next_full: false }
    }

    pub(super) fn busy(&self) -> bool {
        self.operation.is_some()
    }

    #[inline]
    pub(super) fn step(&mut self, now: u64, decode: &mut Decode, drain: &Drain, room: bool) -> Happened {
        let mut happened = Happened::default();
        let (want, urgent) = drain.wants(now, room);
        let (mut spent, mut both_spent, mut goes) = (false, false, false);
        if let Some(operation) = self.operation {
            let (from, lines) =
                if operation.begins { (operation.start, operation.lines) } else { (self.at, self.left) };
            let sum = from + operation.count;
            let over = sum > 16;
            let have = operation.dull || (self.full && (!over || self.next_full));
            let segment = 16 * usize::from(operation.context) + 2 * usize::from(operation.window);
            let (low, high) = (operation.low && !operation.dull, operation.high && !operation.dull);
            let blocked = !operation.follows
                && ((low && self.free_at[segment] > now) || (high && self.free_at[segment + 1] > now));
            goes = have && !blocked && !(urgent && want);
            happened.hazard = have && blocked;
            happened.starved = !have;
            if goes {
                happened.op = low || high;
                happened.ended = (operation.ends && operation.last).then_some(operation.context);
                if low {
                    self.free_at[segment] = now + self.hold;
                }
                if high {
                    self.free_at[segment + 1] = now + self.hold;
                }
                if !operation.dull {
                    spent = sum >= 16 || operation.ends;
                    both_spent = operation.ends && over;
                    self.at = sum % 16;
                    self.left = lines.wrapping_sub(u8::from(spent));
                }
                self.operation = None;
            }
        }
        happened.drained = want && !goes;
        if let Some(segment) = drain.segment().filter(|_| happened.drained) {
            self.free_at[segment] = now + self.hold;
        }

        let keeps = self.full && !spent;
        let moves = !keeps && self.next_full && !both_spent;
        let offered = decode.lines.peek(now).is_some();
        if offered && !(keeps && self.next_full) {
            decode.lines.pop(now);
        }
        self.next_full = (keeps && (self.next_full || offered)) || (moves && offered);
        self.full = keeps || moves || offered;

        if self.operation.is_none() && decode.operations.peek(now).is_some() {
            self.operation = Some(decode.operations.pop(now));
        }
        happened
    }
}
