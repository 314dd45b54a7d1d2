use super::dispatch::Strip;
use super::job::Plan;
use super::stream::Buffer;

/// A row of a slice: where its result goes and which its edges are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Row {
    pub(super) out: u32,
    pub(super) slice: u32,
    pub(super) segments: u32,
    pub(super) begin: u32,
    pub(super) end: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Want,
    Scale,
    Ask,
    Wait,
    Pick,
    Weigh,
    Hand,
}

/// See `nearfield_hdl::sgcn::engine::Rows`.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    phase: Phase,
    strip: Strip,
    scaled: u32,
    out: u32,
    index: u32,
    pointer: u32,
    begun: bool,
    pub(super) queue: Buffer<Row>,
}

impl Rows {
    pub(super) fn new() -> Rows {
        Rows {
            phase: Phase::Want,
            strip: Strip::default(),
            scaled: 0,
            out: 0,
            index: 0,
            pointer: 0,
            begun: false,
            queue: Buffer::fifo(16),
        }
    }

    pub(super) fn want(&self) -> bool {
        self.phase == Phase::Want
    }

    pub(super) fn busy(&self) -> bool {
        self.phase != Phase::Want || !self.queue.is_empty()
    }

    /// The line of pointers that is asked for.
    #[inline]
    pub(super) fn request(&self, plan: &Plan) -> Option<u32> {
        (self.phase == Phase::Ask).then(|| plan.regions.row_pointers + self.index / 16)
    }

    #[inline]
    pub(super) fn step(&mut self, now: u64, plan: &Plan, given: Option<Strip>, granted: bool, arrives: bool) {
        match self.phase {
            Phase::Want => {
                if let Some(strip) = given {
                    let line = strip.slice * plan.slice / 16;
                    self.out = plan.regions.output + line + strip.row * plan.row_lines;
                    self.index = strip.row;
                    self.strip = strip;
                    self.scaled = 0;
                    self.begun = false;
                    self.phase = Phase::Scale;
                }
            }
            Phase::Scale => {
                self.scaled += 1;
                if self.scaled == 3 {
                    self.phase = Phase::Ask;
                }
            }
            Phase::Ask => {
                if granted {
                    self.phase = Phase::Wait;
                }
            }
            Phase::Wait => {
                if arrives {
                    self.phase = Phase::Pick;
                }
            }
            Phase::Pick => self.phase = Phase::Weigh,
            Phase::Weigh => {
                self.phase = Phase::Hand;
                if !self.begun {
                    self.begun = true;
                    self.next(plan);
                }
            }
            Phase::Hand => {
                if self.queue.ready(now) {
                    let Strip { slice, segments, .. } = self.strip;
                    let end = plan.row_pointers[self.index as usize];
                    self.queue.push(now, Row { out: self.out, slice, segments, begin: self.pointer, end });
                    self.out += plan.row_lines;
                    let last = self.index == self.strip.past;
                    self.next(plan);
                    if last {
                        self.phase = Phase::Want;
                    }
                }
            }
        }
    }

    fn next(&mut self, plan: &Plan) {
        self.pointer = plan.row_pointers[self.index as usize];
        self.phase = if self.index % 16 == 15 { Phase::Ask } else { Phase::Pick };
        self.index += 1;
    }
}
