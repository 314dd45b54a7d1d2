use super::Gather;
use crate::prelude::*;
use crate::stream::{Skid, StreamIn};

/// Brings the lines that `M` ports read to 16 banks: a bank takes one a cycle, ports in turn. Banks never wait.
///
/// A port waits only for another one whose line is for the same bank. Two registers on the way.
#[derive(Clone, Debug, LogicBlock)]
pub struct Fills<const M: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets lines.
    pub reset: Signal<In, Bit>,
    /// Lines, a port a stream: bank 4, number of the miss 6, data 512.
    pub s: [StreamIn<522>; M],
    /// A line comes to this bank.
    pub fill: [Signal<Out, Bit>; 16],
    /// For this miss.
    pub fill_mshr: [Signal<Out, Bits<6>>; 16],
    /// The line.
    pub fill_data: [Signal<Out, Bits<512>>; 16],
    skid: Vec<Skid<522>>,
    gather: Vec<Gather<M, 518>>,
    bank: [Signal<Local, Bits<4>>; M],
    line: [Signal<Local, Bits<518>>; M],
    taken: Signal<Local, Bits<M>>,
}

impl<const M: usize> Default for Fills<M> {
    fn default() -> Self {
        Fills {
            clock: Signal::default(),
            reset: Signal::default(),
            s: std::array::from_fn(|_| StreamIn::default()),
            fill: std::array::from_fn(|_| Signal::default()),
            fill_mshr: std::array::from_fn(|_| Signal::default()),
            fill_data: std::array::from_fn(|_| Signal::default()),
            skid: (0..M).map(|_| Skid::default()).collect(),
            gather: (0..16).map(|_| Gather::default()).collect(),
            bank: std::array::from_fn(|_| Signal::default()),
            line: std::array::from_fn(|_| Signal::default()),
            taken: Signal::default(),
        }
    }
}

impl<const M: usize> Logic for Fills<M> {
    #[hdl_gen]
    fn update(&mut self) {
        for port in 0..M {
            self.skid[port].clock.next = self.clock.val();
            self.skid[port].reset.next = self.reset.val();
            StreamIn::<522>::link(&mut self.s[port], &mut self.skid[port].s);
            self.bank[port].next = self.skid[port].m.data.val().get_bits::<4>(518);
            self.line[port].next = self.skid[port].m.data.val().get_bits::<518>(0);
        }
        self.taken.next = 0.into();
        for bank in 0..16 {
            self.gather[bank].clock.next = self.clock.val();
            self.gather[bank].reset.next = self.reset.val();
            for port in 0..M {
                self.gather[bank].s_valid[port].next =
                    self.skid[port].m.valid.val() && (self.bank[port].val() == bank.to_bits());
                self.gather[bank].s_data[port].next = self.line[port].val();
            }
            self.gather[bank].m.ready.next = true;
            self.fill[bank].next = self.gather[bank].m.valid.val();
            self.fill_mshr[bank].next = self.gather[bank].m.data.val().get_bits::<6>(512);
            self.fill_data[bank].next = self.gather[bank].m.data.val().get_bits::<512>(0);
            self.taken.next = self.taken.val() | self.gather[bank].taken.val();
        }
        for port in 0..M {
            self.skid[port].m.ready.next = self.taken.val().get_bit(port);
        }
    }
    unit!("sgcn_fills", M);
}
