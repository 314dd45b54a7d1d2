/// See `nearfield_hdl::sgcn::datapath::Window`.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// The places whose line is here.
    arrived: Box<[bool]>,
    head: usize,
    tail: usize,
    places: usize,
    present: bool,
    /// The line that is offered is taken.
    popped: bool,
}

impl Window {
    pub(super) fn new(places: usize) -> Window {
        Window {
            arrived: vec![false; places.next_power_of_two()].into(),
            head: 0,
            tail: 0,
            places,
            present: false,
            popped: false,
        }
    }

    /// Whether there is a place; before anything is allocated or popped in the cycle.
    #[inline]
    pub(super) fn room(&self) -> bool {
        self.tail - self.head < self.places
    }

    #[inline]
    pub(super) fn allocate(&mut self) -> usize {
        self.tail += 1;
        (self.tail - 1) % self.arrived.len()
    }

    #[inline]
    pub(super) fn valid(&self) -> bool {
        self.present
    }

    #[inline]
    pub(super) fn pop(&mut self) {
        self.popped = true;
    }

    /// The end of a cycle, in which a line came.
    #[inline]
    pub(super) fn step(&mut self, came: Option<usize>) {
        let mask = self.arrived.len() - 1;
        if self.popped {
            self.arrived[self.head & mask] = false;
            self.head += 1;
            self.popped = false;
        }
        self.present = self.arrived[self.head & mask];
        if let Some(slot) = came {
            self.arrived[slot] = true;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.head == self.tail
    }
}
