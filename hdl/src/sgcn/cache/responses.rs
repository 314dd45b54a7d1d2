use super::Gather;
use crate::prelude::*;
use crate::stream::StreamIn;

/// Brings the responses of 16 banks to `N` engines: an engine gets one a cycle, banks in turn. Engines never wait.
///
/// One register on the way.
#[derive(Clone, Debug, LogicBlock)]
pub struct Responses<const N: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets responses.
    pub reset: Signal<In, Bit>,
    /// Responses, a bank a stream: engine 4, tag 11, data 512.
    pub s: [StreamIn<527>; 16],
    /// There is a response for this engine.
    pub m_valid: [Signal<Out, Bit>; N],
    /// It: tag 11, data 512.
    pub m_data: [Signal<Out, Bits<523>>; N],
    /// There is one for any.
    pub busy: Signal<Out, Bit>,
    gather: Vec<Gather<16, 523>>,
    engine: [Signal<Local, Bits<4>>; 16],
    response: [Signal<Local, Bits<523>>; 16],
    taken: Signal<Local, Bits<16>>,
    any: Signal<Local, Bit>,
}

impl<const N: usize> Default for Responses<N> {
    fn default() -> Self {
        assert!((1..=16).contains(&N), "Responses<{N}>: 1 to 16 engines");
        Responses {
            clock: Signal::default(),
            reset: Signal::default(),
            s: std::array::from_fn(|_| StreamIn::default()),
            m_valid: std::array::from_fn(|_| Signal::default()),
            m_data: std::array::from_fn(|_| Signal::default()),
            busy: Signal::default(),
            gather: (0..N).map(|_| Gather::default()).collect(),
            engine: std::array::from_fn(|_| Signal::default()),
            response: std::array::from_fn(|_| Signal::default()),
            taken: Signal::default(),
            any: Signal::default(),
        }
    }
}

impl<const N: usize> Logic for Responses<N> {
    #[hdl_gen]
    fn update(&mut self) {
        for bank in 0..16 {
            self.engine[bank].next = self.s[bank].data.val().get_bits::<4>(523);
            self.response[bank].next = self.s[bank].data.val().get_bits::<523>(0);
        }
        self.taken.next = 0.into();
        self.any.next = false;
        for i in 0..N {
            self.gather[i].clock.next = self.clock.val();
            self.gather[i].reset.next = self.reset.val();
            for bank in 0..16 {
                self.gather[i].s_valid[bank].next =
                    self.s[bank].valid.val() && (self.engine[bank].val() == i.to_bits());
                self.gather[i].s_data[bank].next = self.response[bank].val();
            }
            self.gather[i].m.ready.next = true;
            self.m_valid[i].next = self.gather[i].m.valid.val();
            self.m_data[i].next = self.gather[i].m.data.val();
            self.taken.next = self.taken.val() | self.gather[i].taken.val();
            self.any.next = self.any.val() || self.gather[i].m.valid.val();
        }
        for bank in 0..16 {
            self.s[bank].ready.next = self.taken.val().get_bit(bank);
        }
        self.busy.next = self.any.val();
    }
    unit!("sgcn_responses", N);
}
