use crate::prelude::*;
use crate::sgcn::layout::*;
use crate::stream::{Register, StreamIn, StreamOut};

/// An engine's four sources of requests, the first first: row pointers, edges, lookups, features. What comes before is little, and
/// what comes after waits for it.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct RequestMux {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets what it holds.
    pub reset: Signal<In, Bit>,
    /// Row pointers.
    pub rows: StreamIn<REQUEST_BITS>,
    /// Column ids and weights.
    pub edges: StreamIn<REQUEST_BITS>,
    /// Lookups.
    pub lookup: StreamIn<REQUEST_BITS>,
    /// Lines of features.
    pub lines: StreamIn<REQUEST_BITS>,
    /// To the cache.
    pub m: StreamOut<REQUEST_BITS>,
    hold: Register<REQUEST_BITS>,
}

impl Logic for RequestMux {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, hold);
        self.hold.reset.next = self.reset.val();
        self.hold.s.valid.next =
            self.rows.valid.val() || self.edges.valid.val() || self.lookup.valid.val() || self.lines.valid.val();
        self.hold.s.data.next = self.lines.data.val();
        if self.lookup.valid.val() {
            self.hold.s.data.next = self.lookup.data.val();
        }
        if self.edges.valid.val() {
            self.hold.s.data.next = self.edges.data.val();
        }
        if self.rows.valid.val() {
            self.hold.s.data.next = self.rows.data.val();
        }
        self.rows.ready.next = self.hold.s.ready.val();
        self.edges.ready.next = self.hold.s.ready.val() && !self.rows.valid.val();
        self.lookup.ready.next = self.hold.s.ready.val() && !self.rows.valid.val() && !self.edges.valid.val();
        self.lines.ready.next =
            self.hold.s.ready.val() && !self.rows.valid.val() && !self.edges.valid.val() && !self.lookup.valid.val();
        StreamOut::<REQUEST_BITS>::link(&mut self.m, &mut self.hold.m);
    }
    unit!("sgcn_request_mux");
}
