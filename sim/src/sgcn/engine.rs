use super::bank::Bank;
use super::decode::Decode;
use super::dispatch::Strip;
use super::drain::Drain;
use super::edges::{Edges, Seen};
use super::fetch::Fetch;
use super::job::Plan;
use super::rows::Rows;
use super::step::Step;
use super::stream::Buffer;
use super::window::Window;
use super::Tuning;

/// Whose answer a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Tag {
    #[default]
    Pointers,
    Columns(u8),
    Weights(u8),
    Lookup(u8),
    Feature(u16),
}

/// What is asked of the cache.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Request {
    pub(super) line: u32,
    pub(super) tag: Tag,
    pub(super) noalloc: bool,
}

/// In the order of `nearfield_abi::kernel::sgcn::ENGINE_COUNTERS`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) ops: u64,
    pub(super) hazard: u64,
    pub(super) starved: u64,
    pub(super) idle: u64,
    pub(super) graph: u64,
    pub(super) lookup: u64,
    pub(super) feature: u64,
    pub(super) rows: u64,
}

/// See `nearfield_hdl::sgcn::engine::Engine`.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    rows: Rows,
    edges: Edges,
    fetch: Fetch,
    hold: Option<Request>,
    window: Window,
    decode: Decode,
    step: Step,
    pub(super) drain: Drain,
    pub(super) arrived: Option<Tag>,
    pub(super) counts: Counts,
}

impl Engine {
    pub(super) fn new(tuning: &Tuning) -> Engine {
        Engine {
            rows: Rows::new(),
            edges: Edges::new(tuning.contexts, tuning.spread),
            fetch: Fetch::new(tuning.descriptors),
            hold: None,
            window: Window::new(tuning.window),
            decode: Decode::new(),
            step: Step::new(tuning.contexts, tuning.hold),
            drain: Drain::new(tuning.hold),
            arrived: None,
            counts: Counts::default(),
        }
    }

    pub(super) fn want(&self) -> bool {
        self.rows.want()
    }

    pub(super) fn busy(&self) -> bool {
        self.rows.busy()
            || self.edges.busy()
            || self.hold.is_some()
            || self.fetch.inside() > 0
            || self.step.busy()
            || !self.window.is_empty()
            || self.drain.busy()
    }

    /// A cycle; `given` is a strip, `cache` the ways to the cache, `came` what comes next cycle.
    #[inline]
    pub(super) fn step(
        &mut self,
        now: u64,
        plan: &Plan,
        given: Option<Strip>,
        cache: &mut [Buffer<Request>],
        came: Option<Tag>,
    ) {
        let arrived = std::mem::replace(&mut self.arrived, came);

        // One of four sources of requests, the first first.
        let lane = |line: u32| (Bank::index(line, plan.hashed) as usize) % cache.len();
        if let Some(request) = self.hold.take_if(|request| cache[lane(request.line)].ready(now)) {
            match request.tag {
                Tag::Feature(_) => self.counts.feature += 1,
                Tag::Lookup(_) => self.counts.lookup += 1,
                _ => self.counts.graph += 1,
            }
            cache[Bank::index(request.line, plan.hashed) as usize % cache.len()].push(now, request);
        }
        let room = self.window.room();
        let (mut for_rows, mut for_edges, mut for_lines) = (false, false, false);
        if self.hold.is_none() {
            if let Some(line) = self.rows.request(plan) {
                for_rows = true;
                self.hold = Some(Request { line, tag: Tag::Pointers, noalloc: false });
            } else if let Some((line, weights, context)) = self.edges.request(plan) {
                for_edges = true;
                let tag = if weights { Tag::Weights(context) } else { Tag::Columns(context) };
                self.hold = Some(Request { line, tag, noalloc: false });
            } else if self.fetch.queue.peek(now).is_some() {
                let lookup = self.fetch.queue.pop(now);
                self.hold = Some(Request { line: lookup.line, tag: Tag::Lookup(lookup.slot), noalloc: false });
            } else if let Some((line, noalloc)) = self.fetch.request().filter(|_| room) {
                for_lines = true;
                let slot = self.window.allocate();
                self.hold = Some(Request { line, tag: Tag::Feature(slot as u16), noalloc });
            }
        }

        // Downstream first: who takes a word must not see what comes in this cycle.
        let freed = self.drain.freed;
        let under_way = self.step.busy() || self.decode.under_way(now);
        let described = self.fetch.descriptors.peek(now).is_some();
        let room = self.drain.room();
        let happened = self.step.step(now, &mut self.decode, &self.drain, room);
        let ended = happened.ended.map(|context| (context, self.edges.rows[context as usize]));
        self.drain.step(now, happened.drained, ended);
        self.decode.split(now);
        self.decode.feed(now, plan.bitmap_words, &mut self.fetch.descriptors, &mut self.window);
        self.counts.ops += u64::from(happened.op);
        self.counts.hazard += u64::from(happened.hazard);
        self.counts.starved += u64::from(happened.starved || (self.decode.waits && !under_way));
        self.counts.idle += u64::from(!described && !under_way);
        self.counts.rows += u64::from(freed.is_some());

        let (mut slot, mut looked_up, mut of_edges, mut pointers) = (None, None, None, false);
        match arrived {
            Some(Tag::Feature(number)) => slot = Some(number as usize),
            Some(Tag::Lookup(number)) => looked_up = Some(number),
            Some(Tag::Columns(context)) => of_edges = Some((false, context)),
            Some(Tag::Weights(context)) => of_edges = Some((true, context)),
            Some(Tag::Pointers) => pointers = true,
            None => {}
        }
        self.window.step(slot);
        let ahead = self.fetch.inside();
        self.fetch.step(now, plan, &mut self.edges.queue, &self.edges.rows, for_lines, looked_up);
        self.edges.step(now, plan, &mut self.rows.queue, Seen { granted: for_edges, came: of_edges, freed, ahead });
        self.rows.step(now, plan, given, for_rows, pointers);
    }
}
