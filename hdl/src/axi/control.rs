use super::control_word::{ArgumentWord, ReadWord};
use super::{AxiLite, Handshake, LiteSlave};
use crate::prelude::*;
use nearfield_abi::kernel::{ArgumentKind, KernelConfig};
use nearfield_abi::register;

/// Readable words that are not arguments or counters: the four of `ap_ctrl_hs`, and what Nearfield adds.
const FIXED: usize = 15;
/// What ends auto-restart is `error_code` with any bit set.
const _: () = assert!(register::error::NONE == 0);
/// Words of counters a stream has: beats, stalls, and both sums of the checksum, two each.
const COUNTERS: usize = 8;

/// The AXI4-Lite register space of a kernel with `ARGUMENTS` words of arguments, `STREAMS` streams, `LIMBS` words of results
/// (exact sums, or counters) and `WORDS` readable words in all.
///
/// Offsets and order come from `nearfield_abi`, as constants given to [`Control::new`]. What is not there reads 0, and a
/// write to it is lost. Arguments are read back as written. The counters are not held here: they are the kernel's.
#[derive(Clone, Debug, LogicBlock)]
pub struct Control<const ARGUMENTS: usize, const STREAMS: usize, const LIMBS: usize, const WORDS: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Ends transfers and clears control bits.
    pub reset: Signal<In, Bit>,
    /// The host.
    pub bus: AxiLite,
    /// To the host.
    pub request: Signal<Out, Bit>,
    /// Words of the arguments in the order of their offsets; a pointer has two.
    pub argument: [Signal<Out, Bits<32>>; ARGUMENTS],
    /// See [`Handshake::start`].
    pub start: Signal<Out, Bit>,
    /// See [`Handshake::done`].
    pub done: Signal<In, Bit>,
    /// See [`Handshake::idle`].
    pub idle: Signal<In, Bit>,
    /// [`register::ERROR_CODE`]; one other than [`register::error::NONE`] at `done` ends auto-restart.
    pub error_code: Signal<In, Bits<32>>,
    /// [`register::ERROR_PORT`].
    pub error_port: Signal<In, Bits<32>>,
    /// [`register::ERROR_ADDRESS`].
    pub error_address: Signal<In, Bits<64>>,
    /// [`register::CYCLES`].
    pub cycles: Signal<In, Bits<48>>,
    /// [`register::NONFINITE`].
    pub nonfinite: Signal<In, Bit>,
    /// Whether the stream takes part in the run; words of one that does not read 0.
    pub used: [Signal<In, Bit>; STREAMS],
    /// [`register::stream::BEATS`] of each stream.
    pub beats: [Signal<In, Bits<32>>; STREAMS],
    /// [`register::stream::STALLS`] of each stream.
    pub stalls: [Signal<In, Bits<48>>; STREAMS],
    /// [`register::stream::CHECKSUM_A`] of each stream.
    pub sum_a: [Signal<In, Bits<64>>; STREAMS],
    /// [`register::stream::CHECKSUM_B`] of each stream.
    pub sum_b: [Signal<In, Bits<64>>; STREAMS],
    /// Results, in the order of [`KernelConfig::result_words`]: the limbs of each sum, one sum after another, or the counters.
    pub limb: [Signal<In, Bits<32>>; LIMBS],
    slave: LiteSlave,
    handshake: Handshake,
    words: [ArgumentWord; ARGUMENTS],
    window: [ReadWord; WORDS],
    places: [Constant<Bits<10>>; WORDS],
    kernel_id: Constant<Bits<32>>,
    abi_version: Constant<Bits<32>>,
    hash_low: Constant<Bits<32>>,
    hash_high: Constant<Bits<32>>,
    /// The word that is read is the control word.
    control_chosen: Reg<Bit>,
    found: Signal<Local, Bits<32>>,
}

/// Word offsets of all readable words: the fixed ones, the counters by stream, the arguments, the results.
fn places(config: &KernelConfig) -> Vec<u32> {
    let mut bytes = vec![
        register::CONTROL,
        register::GLOBAL_INTERRUPT_ENABLE,
        register::INTERRUPT_ENABLE,
        register::INTERRUPT_STATUS,
        register::KERNEL_ID,
        register::ABI_VERSION,
        register::CONFIGURATION_HASH,
        register::CONFIGURATION_HASH + 4,
        register::ERROR_CODE,
        register::ERROR_PORT,
        register::ERROR_ADDRESS,
        register::ERROR_ADDRESS + 4,
        register::CYCLES,
        register::CYCLES + 4,
        register::NONFINITE,
    ];
    for stream in 0..config.streams().len() as u32 {
        let block = register::STREAMS + stream * register::STREAM_STRIDE;
        use register::stream::{BEATS, CHECKSUM_A, CHECKSUM_B, STALLS};
        for counter in [BEATS, STALLS, CHECKSUM_A, CHECKSUM_B] {
            bytes.extend([block + counter, block + counter + 4]);
        }
    }
    for argument in config.arguments() {
        bytes.push(argument.offset);
        if matches!(argument.kind, ArgumentKind::Pointer { .. }) {
            bytes.push(argument.offset + 4);
        }
    }
    bytes.extend(config.result_words());
    bytes.into_iter().map(|offset| offset / 4).collect()
}

impl<const ARGUMENTS: usize, const STREAMS: usize, const LIMBS: usize, const WORDS: usize>
    Control<ARGUMENTS, STREAMS, LIMBS, WORDS>
{
    /// The register space of this kernel.
    ///
    /// # Panics
    ///
    /// The numbers of words are not those of `config`.
    pub fn new(config: &KernelConfig) -> Self {
        let places = places(config);
        assert_eq!(STREAMS, config.streams().len(), "streams of {}", config.name());
        assert_eq!(WORDS, places.len(), "readable words of {}", config.name());
        assert_eq!(LIMBS, config.result_words().len(), "words of results of {}", config.name());
        assert_eq!(WORDS, FIXED + COUNTERS * STREAMS + ARGUMENTS + LIMBS, "words of arguments of {}", config.name());
        let hash = config.hash();
        Control {
            clock: Signal::default(),
            reset: Signal::default(),
            bus: AxiLite::default(),
            request: Signal::default(),
            argument: std::array::from_fn(|_| Signal::default()),
            start: Signal::default(),
            done: Signal::default(),
            idle: Signal::default(),
            error_code: Signal::default(),
            error_port: Signal::default(),
            error_address: Signal::default(),
            cycles: Signal::default(),
            nonfinite: Signal::default(),
            used: std::array::from_fn(|_| Signal::default()),
            beats: std::array::from_fn(|_| Signal::default()),
            stalls: std::array::from_fn(|_| Signal::default()),
            sum_a: std::array::from_fn(|_| Signal::default()),
            sum_b: std::array::from_fn(|_| Signal::default()),
            limb: std::array::from_fn(|_| Signal::default()),
            slave: LiteSlave::default(),
            handshake: Handshake::default(),
            words: std::array::from_fn(|_| ArgumentWord::default()),
            window: std::array::from_fn(|_| ReadWord::default()),
            places: std::array::from_fn(|i| Constant::new(u64::from(places[i]).into())),
            kernel_id: Constant::new(u64::from(config.kernel.id()).into()),
            abi_version: Constant::new(u64::from(nearfield_abi::ABI_VERSION).into()),
            hash_low: Constant::new((hash & 0xffff_ffff).into()),
            hash_high: Constant::new((hash >> 32).into()),
            control_chosen: Reg::default(),
            found: Signal::default(),
        }
    }
}

impl<const ARGUMENTS: usize, const STREAMS: usize, const LIMBS: usize, const WORDS: usize> Logic
    for Control<ARGUMENTS, STREAMS, LIMBS, WORDS>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, control_chosen);
        clock!(self, clock, slave, handshake);
        self.slave.reset.next = self.reset.val();
        self.handshake.reset.next = self.reset.val();
        AxiLite::link(&mut self.bus, &mut self.slave.bus);

        for i in 0..4 {
            self.handshake.write[i].next = self.slave.write.val()
                && (self.slave.write_address.val() == self.places[i].val())
                && self.slave.write_bytes.val().get_bit(0);
        }
        self.handshake.data.next = self.slave.write_data.val().get_bits::<8>(0);
        self.control_chosen.d.next = self.slave.read_address.val() == self.places[0].val();
        self.handshake.read.next = self.slave.read.val() && self.control_chosen.q.val();
        self.request.next = self.handshake.request.val();
        self.start.next = self.handshake.start.val();
        self.handshake.done.next = self.done.val();
        self.handshake.failed.next = self.error_code.val().any();
        self.handshake.idle.next = self.idle.val();

        for i in 0..ARGUMENTS {
            self.words[i].clock.next = self.clock.val();
            self.words[i].place.next = self.places[FIXED + COUNTERS * STREAMS + i].val();
            self.words[i].write.next = self.slave.write.val();
            self.words[i].address.next = self.slave.write_address.val();
            self.words[i].data.next = self.slave.write_data.val();
            self.words[i].bytes.next = self.slave.write_bytes.val();
            self.argument[i].next = self.words[i].value.val();
            self.window[FIXED + COUNTERS * STREAMS + i].value.next = self.words[i].value.val();
        }

        self.window[0].value.next = self.handshake.control.val();
        self.window[1].value.next = self.handshake.master.val();
        self.window[2].value.next = self.handshake.enable.val();
        self.window[3].value.next = self.handshake.status.val();
        self.window[4].value.next = self.kernel_id.val();
        self.window[5].value.next = self.abi_version.val();
        self.window[6].value.next = self.hash_low.val();
        self.window[7].value.next = self.hash_high.val();
        self.window[8].value.next = self.error_code.val();
        self.window[9].value.next = self.error_port.val();
        self.window[10].value.next = self.error_address.val().get_bits::<32>(0);
        self.window[11].value.next = self.error_address.val().get_bits::<32>(32);
        self.window[12].value.next = self.cycles.val().get_bits::<32>(0);
        self.window[13].value.next = self.cycles.val().get_bits::<32>(32);
        self.window[14].value.next = bit_cast::<32, 1>(self.nonfinite.val().into());
        for i in 0..STREAMS {
            self.window[FIXED + COUNTERS * i].value.next = self.beats[i].val();
            self.window[FIXED + COUNTERS * i + 1].value.next = 0.into();
            self.window[FIXED + COUNTERS * i + 2].value.next = self.stalls[i].val().get_bits::<32>(0);
            self.window[FIXED + COUNTERS * i + 3].value.next = self.stalls[i].val().get_bits::<32>(32);
            self.window[FIXED + COUNTERS * i + 4].value.next = self.sum_a[i].val().get_bits::<32>(0);
            self.window[FIXED + COUNTERS * i + 5].value.next = self.sum_a[i].val().get_bits::<32>(32);
            self.window[FIXED + COUNTERS * i + 6].value.next = self.sum_b[i].val().get_bits::<32>(0);
            self.window[FIXED + COUNTERS * i + 7].value.next = self.sum_b[i].val().get_bits::<32>(32);
        }
        for i in 0..WORDS {
            self.window[i].there.next = true;
        }
        for i in 0..STREAMS {
            for word in 0..COUNTERS {
                self.window[FIXED + COUNTERS * i + word].there.next = self.used[i].val();
            }
        }
        for i in 0..LIMBS {
            self.window[FIXED + COUNTERS * STREAMS + ARGUMENTS + i].value.next = self.limb[i].val();
        }
        self.found.next = 0.into();
        for i in 0..WORDS {
            self.window[i].clock.next = self.clock.val();
            self.window[i].place.next = self.places[i].val();
            self.window[i].address.next = self.slave.read_address.val();
            self.found.next = self.found.val() | self.window[i].gated.val();
        }
        self.slave.read_data.next = self.found.val();
    }
    unit!("axi_control"; ARGUMENTS, STREAMS, LIMBS, WORDS, FIXED, COUNTERS);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_distinct_and_in_the_space() {
        for config in KernelConfig::all() {
            let mut places = places(&config);
            let words: u32 = config.arguments().iter().map(|argument| argument.kind.bytes() / 4).sum();
            let words = words as usize + config.result_words().len();
            assert_eq!(places.len(), FIXED + COUNTERS * config.streams().len() + words);
            places.sort();
            places.dedup();
            assert_eq!(places.len(), FIXED + COUNTERS * config.streams().len() + words, "two words in one place");
            assert!(places.iter().all(|&p| p < 1024));
        }
    }
}
