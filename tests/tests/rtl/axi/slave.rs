//! A small memory behind a mover's bus, with a mind of its own.

use super::Cell;
use nearfield_tests::rng::Rng;
use std::collections::VecDeque;

/// What word `i` of the beat at `address` holds.
pub fn content(address: u64, i: usize) -> u32 {
    ((address / 4) as u32).wrapping_add(i as u32).wrapping_mul(0x9e37_79b9) ^ (address >> 34) as u32
}

/// How the memory behaves.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// It is ready, or answers, once in so many cycles.
    pub slow: usize,
    /// Bursts it takes before it answers the first of them.
    pub hoards: usize,
    /// The burst (by number) that gets an error response.
    pub error: Option<usize>,
}

/// The read channels. Every rule a master has to keep is asserted.
pub struct ReadSlave {
    manner: Manner,
    /// First bytes and beats of all bursts asked for.
    pub asked: Vec<(u64, u64)>,
    answering: VecDeque<(usize, u64, u64, u64)>,
    ready: bool,
    offer: bool,
    standing: Option<(u64, u64)>,
    /// Beats delivered.
    pub delivered: u64,
    /// Most beats outstanding at a time.
    pub most: u64,
}

impl ReadSlave {
    pub fn new(manner: Manner) -> ReadSlave {
        ReadSlave {
            manner,
            asked: vec![],
            answering: VecDeque::new(),
            ready: false,
            offer: false,
            standing: None,
            delivered: 0,
            most: 0,
        }
    }

    pub fn outstanding(&self) -> u64 {
        self.answering.iter().map(|b| b.2 - b.3).sum()
    }

    pub fn drive(&mut self, block: &mut Cell, idle: bool, rng: &mut Rng) {
        self.ready = rng.one_in(self.manner.slow);
        block.set("axi_arready", self.ready.into());
        let enough = self.answering.len() >= self.manner.hoards || idle;
        self.offer = (self.offer || (enough && rng.one_in(self.manner.slow))) && !self.answering.is_empty();
        block.set("axi_rvalid", self.offer.into());
        if let (true, Some(&(number, address, beats, done))) = (self.offer, self.answering.front()) {
            let data: Vec<u32> = (0..16).map(|i| content(address + 64 * done, i)).collect();
            let port = block.port("axi_rdata");
            block.instance.set_words(port, &data);
            // The error comes in the middle of the burst.
            let error = self.manner.error == Some(number) && done == beats / 2;
            block.set("axi_rresp", if error { 2 } else { 0 });
            block.set("axi_rlast", (done + 1 == beats).into());
        }
    }

    pub fn sample(&mut self, block: &Cell) {
        let offered = (block.get("axi_araddr"), block.get("axi_arlen") + 1);
        let valid = block.get("axi_arvalid") == 1;
        if let Some(standing) = self.standing.take() {
            assert!(valid && offered == standing, "an address was taken back or changed");
        }
        if valid {
            assert_eq!((block.get("axi_arsize"), block.get("axi_arburst")), (6, 1));
            assert!(
                offered.0.is_multiple_of(64) && (offered.0 & 4095) + 64 * offered.1 <= 4096,
                "{offered:x?} leaves its page"
            );
            if self.ready {
                self.answering.push_back((self.asked.len(), offered.0, offered.1, 0));
                self.asked.push(offered);
                self.most = self.most.max(self.outstanding());
            } else {
                self.standing = Some(offered);
            }
        }
        if self.offer {
            assert_eq!(block.get("axi_rready"), 1, "rready fell with data outstanding");
            self.delivered += 1;
            self.offer = false;
            let front = &mut self.answering[0];
            front.3 += 1;
            if front.3 == front.2 {
                self.answering.pop_front();
            }
        }
    }
}

/// The write channels; data may come before its address, or be wanted before the address is taken.
pub struct WriteSlave {
    manner: Manner,
    /// First bytes and beats of all bursts announced.
    pub announced: Vec<(u64, u64)>,
    /// Beats in the order they came: words, strobe, last.
    pub beats: Vec<(Vec<u32>, u64, bool)>,
    answered: usize,
    ready: [bool; 2],
    offer: bool,
    standing: [Option<(u64, u64)>; 2],
    /// Whether it takes an address only while the first beat is on offer.
    pub stubborn: bool,
    /// Most bursts without an answer.
    pub most: usize,
}

impl WriteSlave {
    pub fn new(manner: Manner, stubborn: bool) -> WriteSlave {
        WriteSlave {
            manner,
            announced: vec![],
            beats: vec![],
            answered: 0,
            ready: [false; 2],
            offer: false,
            standing: [None; 2],
            stubborn,
            most: 0,
        }
    }

    /// Bursts whose last beat has come.
    fn complete(&self) -> usize {
        self.beats.iter().filter(|b| b.2).count().min(self.announced.len())
    }

    pub fn outstanding(&self) -> usize {
        self.announced.len() - self.answered
    }

    pub fn drive(&mut self, block: &mut Cell, idle: bool, rng: &mut Rng) {
        let bursts = self.beats.iter().filter(|b| b.2).count();
        let early = block.get("axi_wvalid") == 1 || bursts > self.announced.len();
        self.ready[0] = rng.one_in(self.manner.slow) && (!self.stubborn || early);
        // A stubborn memory takes no second burst's data before the first one's address.
        self.ready[1] = rng.one_in(self.manner.slow) && !(self.stubborn && self.announced.len() <= bursts);
        block.set("axi_awready", self.ready[0].into());
        block.set("axi_wready", self.ready[1].into());
        let due = self.complete() - self.answered;
        let enough = due >= self.manner.hoards || idle || self.outstanding() >= 32;
        self.offer = (self.offer || (enough && rng.one_in(self.manner.slow))) && due > 0;
        block.set("axi_bvalid", self.offer.into());
        block.set("axi_bresp", if self.manner.error == Some(self.answered) { 3 } else { 0 });
    }

    pub fn sample(&mut self, block: &Cell) {
        let address = (block.get("axi_awaddr"), block.get("axi_awlen") + 1);
        let words = block.instance.words(block.port("axi_wdata")).to_vec();
        let data = words.iter().fold(0u64, |h, &w| h.rotate_left(9) ^ u64::from(w));
        let beat = (data ^ block.get("axi_wstrb"), block.get("axi_wlast"));
        for (channel, name, offered) in [(0, "axi_awvalid", address), (1, "axi_wvalid", beat)] {
            let valid = block.get(name) == 1;
            if let Some(standing) = self.standing[channel].take() {
                assert!(valid && offered == standing, "{name}: an offer was taken back or changed");
            }
            if valid && !self.ready[channel] {
                self.standing[channel] = Some(offered);
            }
        }
        if block.get("axi_awvalid") == 1 && self.ready[0] {
            assert_eq!((block.get("axi_awsize"), block.get("axi_awburst")), (6, 1));
            assert!(
                address.0.is_multiple_of(64) && (address.0 & 4095) + 64 * address.1 <= 4096,
                "{address:x?} leaves its page"
            );
            self.announced.push(address);
            self.most = self.most.max(self.outstanding());
        }
        if block.get("axi_wvalid") == 1 && self.ready[1] {
            self.beats.push((words, block.get("axi_wstrb"), block.get("axi_wlast") == 1));
        }
        if self.offer {
            assert_eq!(block.get("axi_bready"), 1);
            self.answered += 1;
            self.offer = false;
        }
    }
}
