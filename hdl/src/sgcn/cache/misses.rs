use super::Gather;
use crate::prelude::*;
use crate::stream::{StreamIn, StreamOut};

/// Brings the misses of 16 banks to `M = 2^LOG` read ports: a port takes one a cycle, banks in turn.
///
/// Lines are spread over the ports 16 at a time. One register on the way.
#[derive(Clone, Debug, LogicBlock)]
pub struct Misses<const M: usize, const LOG: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets misses.
    pub reset: Signal<In, Bit>,
    /// Misses, a bank a stream: number of the miss 6, line address 32.
    pub s: [StreamIn<38>; 16],
    /// Misses, a port a stream: bank 4, number of the miss 6, line of the port 32.
    pub m: [StreamOut<42>; M],
    line: [PortLine<M, LOG>; 16],
    gather: Vec<Gather<16, 42>>,
    taken: Signal<Local, Bits<16>>,
}

impl<const M: usize, const LOG: usize> Default for Misses<M, LOG> {
    fn default() -> Self {
        Misses {
            clock: Signal::default(),
            reset: Signal::default(),
            s: std::array::from_fn(|_| StreamIn::default()),
            m: std::array::from_fn(|_| StreamOut::default()),
            line: std::array::from_fn(|_| PortLine::default()),
            gather: (0..M).map(|_| Gather::default()).collect(),
            taken: Signal::default(),
        }
    }
}

impl<const M: usize, const LOG: usize> Logic for Misses<M, LOG> {
    #[hdl_gen]
    fn update(&mut self) {
        for bank in 0..16 {
            self.line[bank].bank.next = bank.to_bits();
            self.line[bank].miss.next = self.s[bank].data.val();
        }
        self.taken.next = 0.into();
        for port in 0..M {
            self.gather[port].clock.next = self.clock.val();
            self.gather[port].reset.next = self.reset.val();
            for bank in 0..16 {
                self.gather[port].s_valid[bank].next =
                    self.s[bank].valid.val() && (self.line[bank].port.val() == port.to_bits());
                self.gather[port].s_data[bank].next = self.line[bank].request.val();
            }
            StreamOut::<42>::link(&mut self.m[port], &mut self.gather[port].m);
            self.taken.next = self.taken.val() | self.gather[port].taken.val();
        }
        for bank in 0..16 {
            self.s[bank].ready.next = self.taken.val().get_bit(bank);
        }
    }
    unit!("sgcn_misses", M; LOG);
}

/// Which of `M = 2^LOG` ports has a line, and which of its lines that is.
#[derive(Clone, Debug, LogicBlock)]
pub struct PortLine<const M: usize, const LOG: usize> {
    /// The bank that misses it.
    pub bank: Signal<In, Bits<4>>,
    /// Number of the miss 5, line address 32.
    pub miss: Signal<In, Bits<38>>,
    /// The port.
    pub port: Signal<Out, Bits<5>>,
    /// Bank 4, number of the miss 6, line of the port 32.
    pub request: Signal<Out, Bits<42>>,
    address: Signal<Local, Bits<32>>,
    line: Signal<Local, Bits<32>>,
    mask: Constant<Bits<5>>,
}

impl<const M: usize, const LOG: usize> Default for PortLine<M, LOG> {
    fn default() -> Self {
        assert!(LOG <= 5 && M == 1 << LOG, "PortLine<{M}, {LOG}>: {M} ports, but 2^{LOG} of them");
        PortLine {
            bank: Signal::default(),
            miss: Signal::default(),
            port: Signal::default(),
            request: Signal::default(),
            address: Signal::default(),
            line: Signal::default(),
            mask: Constant::new((M as u64 - 1).into()),
        }
    }
}

impl<const M: usize, const LOG: usize> Logic for PortLine<M, LOG> {
    #[hdl_gen]
    fn update(&mut self) {
        self.address.next = self.miss.val().get_bits::<32>(0);
        self.port.next = self.address.val().get_bits::<5>(4) & self.mask.val();
        self.line.next = (bit_cast::<32, 28>(self.address.val().get_bits::<28>(4 + LOG)) << 4)
            | bit_cast::<32, 4>(self.address.val().get_bits::<4>(0));
        self.request.next = (bit_cast::<42, 4>(self.bank.val()) << 38)
            | (bit_cast::<42, 6>(self.miss.val().get_bits::<6>(32)) << 32)
            | bit_cast::<42, 32>(self.line.val());
    }
    unit!("sgcn_port_line", M; LOG);
}
