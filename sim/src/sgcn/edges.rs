use super::job::Plan;
use super::rows::Row;
use super::stream::Buffer;
use nearfield_abi::beicsr::BYPASS;

/// An edge of the row in a context.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Edge {
    pub(super) column: u32,
    pub(super) context: u8,
    pub(super) bypass: bool,
    pub(super) last: bool,
    pub(super) hollow: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Context {
    used: bool,
    /// The number of the last pick of it.
    picked: u32,
    open: bool,
    at: u32,
    left: u32,
    empty: bool,
    column_wanted: bool,
    weight_wanted: bool,
    column_there: bool,
    weight_there: bool,
}

impl Context {
    fn ready(&self) -> bool {
        self.open && self.column_there && self.weight_there
    }
}

/// What is seen of others in a cycle.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// The line of [`Edges::request`] is asked for.
    pub(super) granted: bool,
    /// A line that is there: of weights or not, for which context.
    pub(super) came: Option<(bool, u8)>,
    /// A context whose row has left.
    pub(super) freed: Option<u8>,
    /// Edges behind whose lines are not asked for yet.
    pub(super) ahead: usize,
}

/// See `nearfield_hdl::sgcn::engine::Edges`.
#[derive(Clone, Debug)]
pub(super) struct Edges {
    contexts: Vec<Context>,
    /// The rows in the contexts.
    pub(super) rows: Vec<Row>,
    used: usize,
    spread: u32,
    /// Edges that were picked.
    picks: u32,
    /// The line that is asked for: weights or not, context, line.
    asked: Option<(bool, u8, u32)>,
    turn: usize,
    pub(super) queue: Buffer<Edge>,
    /// What was picked in the last cycle, and in the one before.
    picked: [Option<Edge>; 2],
}

impl Edges {
    /// `spread`: edges of other rows before a row's next one.
    pub(super) fn new(contexts: usize, spread: u32) -> Edges {
        Edges {
            contexts: vec![Context::default(); contexts],
            rows: vec![Row::default(); contexts],
            used: 0,
            spread,
            picks: spread,
            asked: None,
            turn: 0,
            queue: Buffer::fifo(16),
            picked: [None; 2],
        }
    }

    pub(super) fn busy(&self) -> bool {
        self.used > 0
    }

    /// The line that is asked for: its address, whether it is of weights, for which context.
    #[inline]
    pub(super) fn request(&self, plan: &Plan) -> Option<(u32, bool, u8)> {
        let (weights, context, line) = self.asked?;
        let base = if weights { plan.regions.weights } else { plan.regions.columns };
        Some((base + line, weights, context))
    }

    #[inline]
    pub(super) fn step(&mut self, now: u64, plan: &Plan, rows: &mut Buffer<Row>, seen: Seen) {
        let Seen { granted, came, freed, ahead } = seen;
        if let Some(edge) = self.picked[1] {
            self.queue.push(now, edge);
        }
        self.picked[1] = self.picked[0].take();
        if self.used == 0 && !rows.valid(now) {
            return;
        }

        // What is seen of the contexts when the cycle begins.
        let (mut spare, mut wanter, mut first, mut after) = (None, None, None, None);
        for (i, context) in self.contexts.iter().enumerate().rev() {
            if !context.used {
                spare = Some(i);
            }
            if context.column_wanted || context.weight_wanted {
                wanter = Some(i);
            }
            let near = self.picks < context.picked + self.spread && ahead >= 8;
            if context.ready() && !near {
                first = Some(i);
                if i > self.turn {
                    after = Some(i);
                }
            }
        }
        let pick = after.or(first).filter(|_| self.queue.fill(now) < 8);

        let may_ask = self.asked.is_none() || granted;
        if granted {
            self.asked = None;
        }
        if let Some(i) = wanter.filter(|_| may_ask) {
            let context = &mut self.contexts[i];
            let weights = !context.column_wanted;
            self.asked = Some((weights, i as u8, context.at / 16));
            if weights {
                context.weight_wanted = false;
            } else {
                context.column_wanted = false;
            }
        }
        if let Some((weights, i)) = came {
            let context = &mut self.contexts[i as usize];
            if weights {
                context.weight_there = true;
            } else {
                context.column_there = true;
            }
        }
        if let Some(i) = pick {
            self.turn = i;
            let context = &mut self.contexts[i];
            self.picks += 1;
            context.picked = self.picks;
            let last = context.empty || context.left == 1;
            let id = if context.empty { 0 } else { plan.columns[context.at as usize] };
            self.picked[0] = Some(Edge {
                column: id & !BYPASS,
                context: i as u8,
                bypass: plan.bypass && id & BYPASS != 0,
                last,
                hollow: context.empty,
            });
            if last {
                context.open = false;
            } else if context.at % 16 == 15 {
                context.column_there = false;
                context.weight_there = !plan.weighted;
                context.column_wanted = true;
                context.weight_wanted = plan.weighted;
            }
            context.at += 1;
            context.left = context.left.wrapping_sub(1);
        }
        if let Some(i) = freed {
            self.contexts[i as usize].used = false;
            self.used -= 1;
        }
        if let Some(i) = spare.filter(|_| rows.valid(now)) {
            let row = rows.pop(now);
            let empty = row.begin == row.end;
            self.contexts[i] = Context {
                used: true,
                picked: 0,
                open: true,
                at: row.begin,
                left: row.end - row.begin,
                empty,
                column_wanted: !empty,
                weight_wanted: plan.weighted && !empty,
                column_there: empty,
                weight_there: !plan.weighted || empty,
            };
            self.rows[i] = row;
            self.used += 1;
        }
    }
}
