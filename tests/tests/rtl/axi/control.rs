use super::{cell, Cell};
use nearfield_abi::kernel::{ArgumentKind, KernelConfig};
use nearfield_abi::register::{self, control, error, stream};
use nearfield_tests::rng::{seed, Rng};

/// A host at the bus, with delays of its own.
struct Host {
    block: Cell,
    rng: Rng,
}

impl Host {
    fn new(seed: u64) -> Host {
        let mut block = cell("axi_control");
        block.set("idle", 1);
        block.reset();
        Host { block, rng: Rng::new(seed) }
    }

    /// Waits until `ready` meets a `valid` that stands.
    fn transfer(&mut self, valid: &str, ready: &str) {
        (0..self.rng.below(3)).for_each(|_| self.block.tick());
        self.block.set(valid, 1);
        for _ in 0..20 {
            self.block.settle();
            let taken = self.block.get(ready) == 1;
            self.block.tick();
            if taken {
                self.block.set(valid, 0);
                return;
            }
        }
        panic!("{ready} does not come");
    }

    /// Waits for a `valid` and takes it.
    fn answer(&mut self, valid: &str, ready: &str, port: &str) -> u64 {
        for _ in 0..20 {
            self.block.settle();
            if self.block.get(valid) == 1 {
                (0..self.rng.below(3)).for_each(|_| self.block.tick());
                self.block.settle();
                assert_eq!(self.block.get(valid), 1, "{valid} fell before it was taken");
                let value = self.block.get(port);
                self.block.set(ready, 1);
                self.block.tick();
                self.block.set(ready, 0);
                return value;
            }
            self.block.tick();
        }
        panic!("{valid} does not come");
    }

    fn write_bytes(&mut self, offset: u32, value: u32, strobe: u64) {
        self.block.set("bus_awaddr", offset.into());
        self.block.set("bus_wdata", value.into());
        self.block.set("bus_wstrb", strobe);
        self.transfer("bus_awvalid", "bus_awready");
        self.transfer("bus_wvalid", "bus_wready");
        assert_eq!(self.answer("bus_bvalid", "bus_bready", "bus_bresp"), 0);
    }

    fn write(&mut self, offset: u32, value: u32) {
        self.write_bytes(offset, value, 15);
    }

    fn read(&mut self, offset: u32) -> u32 {
        self.block.set("bus_araddr", offset.into());
        self.transfer("bus_arvalid", "bus_arready");
        self.answer("bus_rvalid", "bus_rready", "bus_rdata") as u32
    }

    fn control(&mut self) -> u32 {
        self.read(register::CONTROL)
    }

    /// The kernel's run ends.
    fn done(&mut self) {
        self.block.set("done", 1);
        self.block.tick();
        self.block.set("done", 0);
        self.block.settle();
    }
}

fn config() -> KernelConfig {
    KernelConfig::smartupdate(1).expect("it exists")
}

/// Offsets of all words of arguments, in order.
fn argument_words() -> Vec<u32> {
    let words = |a: &nearfield_abi::kernel::Argument| match a.kind {
        ArgumentKind::Pointer { .. } => vec![a.offset, a.offset + 4],
        _ => vec![a.offset],
    };
    config().arguments().iter().flat_map(words).collect()
}

#[test]
fn every_offset_reads_what_abi_says() {
    let mut host = Host::new(seed("axi::control", 81));
    let mut expected = vec![0u32; 1024];
    let mut put = |offset: u32, value: u64, words: u32| {
        (0..words).for_each(|w| expected[(offset / 4 + w) as usize] = (value >> (32 * w)) as u32);
    };
    put(register::CONTROL, control::IDLE.into(), 1);
    put(register::KERNEL_ID, config().kernel.id().into(), 1);
    put(register::ABI_VERSION, nearfield_abi::ABI_VERSION.into(), 1);
    put(register::CONFIGURATION_HASH, config().hash(), 2);
    let inputs = [
        ("error_code", register::ERROR_CODE, 1, 32),
        ("error_port", register::ERROR_PORT, 1, 32),
        ("error_address", register::ERROR_ADDRESS, 2, 64),
        ("cycles", register::CYCLES, 2, 48),
    ];
    for (name, offset, words, bits) in inputs {
        let value = host.rng.word() >> (64 - bits);
        host.block.set(name, value);
        put(offset, value, words);
    }
    for s in 0..config().streams().len() as u32 {
        let (beats, stalls) = (host.rng.word() >> 32, host.rng.word() >> 16);
        let (a, b) = (host.rng.word(), host.rng.word());
        host.block.set(&format!("beats_{s}"), beats);
        host.block.set(&format!("stalls_{s}"), stalls);
        host.block.set(&format!("used_{s}"), 1);
        let base = register::STREAMS + s * register::STREAM_STRIDE;
        put(base + stream::BEATS, beats, 2);
        put(base + stream::STALLS, stalls, 2);
        host.block.set(&format!("sum_a_{s}"), a);
        host.block.set(&format!("sum_b_{s}"), b);
        put(base + stream::CHECKSUM_A, a, 2);
        put(base + stream::CHECKSUM_B, b, 2);
    }
    for offset in argument_words() {
        let value = host.rng.word() as u32;
        put(offset, value.into(), 1);
        host.write(offset, value);
    }
    // Words that are not there, and those that are only read, keep what they have.
    for offset in (register::KERNEL_ID..0x1000).step_by(4).chain([0x18]) {
        let value = host.rng.word() as u32;
        host.write(offset, value);
    }
    for (i, &value) in expected.iter().enumerate() {
        let got = host.read(4 * i as u32);
        assert_eq!(got, value, "offset {:#x}", 4 * i);
    }
    for (i, offset) in argument_words().into_iter().enumerate() {
        let value = expected[offset as usize / 4];
        assert_eq!(host.block.get(&format!("argument_{i}")) as u32, value, "argument word {i}");
    }
    // Streams that take no part in a run, one after the other.
    for s in 0..config().streams().len() as u32 {
        host.block.set(&format!("used_{s}"), 0);
        let base = (register::STREAMS + s * register::STREAM_STRIDE) as usize / 4;
        expected[base..base + register::STREAM_STRIDE as usize / 4].fill(0);
        for (i, &value) in expected.iter().enumerate().skip(register::STREAMS as usize / 4) {
            assert_eq!(host.read(4 * i as u32), value, "offset {:#x} without stream {s}", 4 * i);
        }
    }
}

/// A write and a read at once, each channel beginning and being answered when it likes.
#[test]
fn reads_and_writes_overlap() {
    let mut host = Host::new(seed("axi::control overlap", 85));
    let words = argument_words();
    let mut held: Vec<u32> = words.iter().map(|_| host.rng.word() as u32).collect();
    for (&offset, &value) in words.iter().zip(&held) {
        host.write(offset, value);
    }
    let mut together = 0;
    for _ in 0..300 {
        let (to, from) = (host.rng.below(words.len()), host.rng.below(words.len()));
        let (before, value) = (held[from], host.rng.word() as u32);
        held[to] = value;
        host.block.set("bus_awaddr", words[to].into());
        host.block.set("bus_wdata", value.into());
        host.block.set("bus_wstrb", 15);
        host.block.set("bus_araddr", words[from].into());
        // Valid and ready of aw, w, ar (the host offers) and of b, r (the host takes).
        const CHANNELS: [&str; 5] = ["aw", "w", "ar", "b", "r"];
        let begins: [usize; 5] = std::array::from_fn(|_| host.rng.below(6));
        let mut moved = [None; 5];
        for cycle in 0..40 {
            for (i, channel) in CHANNELS.into_iter().enumerate() {
                let level = u64::from(cycle >= begins[i] && moved[i].is_none());
                host.block.set(&format!("bus_{channel}{}", if i < 3 { "valid" } else { "ready" }), level);
            }
            host.block.settle();
            for (i, channel) in CHANNELS.into_iter().enumerate() {
                let high = |what: &str| host.block.get(&format!("bus_{channel}{what}")) == 1;
                if moved[i].is_none() && high("valid") && high("ready") {
                    moved[i] = Some(cycle);
                    if channel == "r" {
                        let got = host.block.get("bus_rdata") as u32;
                        let right = got == before || from == to && got == value;
                        assert!(right, "{got:#x} read from argument word {from} while {to} was written");
                    }
                }
            }
            host.block.tick();
        }
        let [aw, w, ar, b, r] = moved.map(|cycle| cycle.expect("every channel moves in 40 cycles"));
        assert!(b > aw.max(w) && r > ar, "an answer came before what it answers");
        together += u32::from(ar <= b && aw.max(w) <= r);
        for channel in ["b", "r"] {
            host.block.set(&format!("bus_{channel}ready"), 0);
        }
    }
    assert!(together > 100, "only {together} of 300 pairs overlapped");
    for (&offset, &value) in words.iter().zip(&held) {
        assert_eq!(host.read(offset), value, "argument word at {offset:#x}");
    }
}

#[test]
fn arguments_are_written_by_byte() {
    let mut host = Host::new(82);
    for offset in argument_words() {
        host.write(offset, 0x1122_3344);
        for strobe in 0..16 {
            let (before, value) = (host.read(offset), host.rng.word() as u32);
            host.write_bytes(offset, value, strobe);
            let mask = (0..4).fold(0, |m, b| m | if strobe >> b & 1 == 1 { 0xffu32 << (8 * b) } else { 0 });
            assert_eq!(host.read(offset), value & mask | before & !mask, "strobe {strobe:04b} at {offset:#x}");
        }
    }
}

#[test]
fn start_done_and_ready() {
    let mut host = Host::new(83);
    assert_eq!(host.control(), control::IDLE);
    host.write_bytes(register::CONTROL, control::START, 0b1110);
    assert_eq!(host.block.get("start"), 0, "the byte with the start bit was not written");
    host.write(register::CONTROL, control::START);
    assert_eq!(host.block.get("start"), 1);
    assert_eq!(host.control(), control::START, "started: not idle even before the kernel says so");
    host.block.set("idle", 0);
    host.write(register::CONTROL, 0);
    assert_eq!(host.control(), control::START, "writing 0 does not take a start back");
    host.done();
    host.block.set("idle", 1);
    assert_eq!(host.block.get("start"), 0);
    assert_eq!(host.control(), control::DONE | control::IDLE | control::READY);
    assert_eq!(host.control(), control::IDLE, "done and ready are cleared by reading");
    host.write(register::CONTROL, control::START | control::AUTO_RESTART);
    for _ in 0..3 {
        host.done();
        assert_eq!(host.block.get("start"), 1, "auto-restart");
    }
    host.write(register::CONTROL, 0);
    host.done();
    assert_eq!(host.block.get("start"), 0);
    assert_eq!(host.control(), control::DONE | control::IDLE | control::READY);
}

#[test]
fn a_failure_ends_auto_restart() {
    let mut host = Host::new(85);
    // Each bit of the code alone is a failure.
    for bit in 0..32 {
        host.write(register::CONTROL, control::START | control::AUTO_RESTART);
        host.block.set("error_code", 1 << bit);
        host.block.tick();
        assert_eq!(host.block.get("start"), 1, "a code before the run's end ends nothing");
        host.done();
        assert_eq!(host.block.get("start"), 0, "bit {bit}");
        assert_eq!(host.control(), control::DONE | control::IDLE | control::READY, "bit {bit}");
        assert_eq!(host.read(register::ERROR_CODE), 1 << bit);
    }
    host.block.set("error_code", error::NONE.into());
    host.write(register::CONTROL, control::START | control::AUTO_RESTART);
    host.done();
    assert_eq!(host.block.get("start"), 1, "a run that ends well is followed by the next");
}

#[test]
fn interrupts_are_enabled_raised_and_toggled() {
    let mut host = Host::new(84);
    let raised = |host: &mut Host| {
        (0..2).for_each(|_| host.block.tick());
        host.block.get("request") == 1
    };
    host.done();
    assert_eq!(host.read(register::INTERRUPT_STATUS), 0, "a cause that is not enabled does not show");
    host.write(register::INTERRUPT_ENABLE, 1);
    assert_eq!(host.read(register::INTERRUPT_ENABLE), 1);
    host.done();
    assert_eq!(host.read(register::INTERRUPT_STATUS), 1);
    assert!(!raised(&mut host), "the interrupt is not enabled as a whole");
    host.write(register::GLOBAL_INTERRUPT_ENABLE, 1);
    assert_eq!(host.read(register::GLOBAL_INTERRUPT_ENABLE), 1);
    assert!(raised(&mut host));
    host.write(register::INTERRUPT_STATUS, 1);
    assert!(!raised(&mut host));
    host.write(register::INTERRUPT_STATUS, 3);
    assert_eq!(host.read(register::INTERRUPT_STATUS), 3, "a bit written as 1 toggles");
    assert!(raised(&mut host));
    host.write(register::INTERRUPT_STATUS, 1);
    assert!(raised(&mut host), "ready is still there");
    host.write(register::INTERRUPT_STATUS, 2);
    assert!(!raised(&mut host));
    host.write(register::INTERRUPT_ENABLE, 2);
    host.done();
    assert_eq!(host.read(register::INTERRUPT_STATUS), 2);
    assert!(raised(&mut host));
    host.block.reset();
    assert!(!raised(&mut host));
}
