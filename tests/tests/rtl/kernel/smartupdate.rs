use super::bench::{coefficients, Bench, Tensors};
use nearfield_abi::kernel::smartupdate as abi;
use nearfield_abi::kernel::KernelConfig;
use nearfield_abi::register::{self, control, error, stream};
use nearfield_sim::axi::{Fault, Response};
use nearfield_tests::rng::{seed, Rng};

/// Around an element, a beat, a page and the buffers.
const COUNTS: [usize; 16] = [1, 2, 3, 5, 15, 16, 17, 31, 33, 255, 1007, 1024, 1025, 4099, 8192, 20_001];

fn steps(lanes: u32, board: &str, default: u64) {
    let seed = seed(&format!("smartupdate {lanes} on {board}"), default);
    let mut rng = Rng::new(seed);
    let mut bench = Bench::open(lanes, board, seed);
    for (i, &n) in COUNTS.iter().enumerate() {
        let k = coefficients(if i % 3 == 2 { 0.0 } else { 0.01 });
        bench.check_step(&Tensors::random(n, &mut rng), &k);
    }
}

#[test]
fn one_lane_equals_the_model_on_ideal_memory() {
    steps(1, "ideal", 11);
}

#[test]
fn four_lanes_equal_the_model_on_ideal_memory() {
    steps(4, "ideal", 12);
}

#[test]
fn one_lane_equals_the_model_on_hostile_memory() {
    steps(1, "hostile", 13);
}

#[test]
fn four_lanes_equal_the_model_on_hostile_memory() {
    steps(4, "hostile", 14);
}

#[test]
fn four_lanes_are_busy() {
    let n = 1_000_000;
    let mut rng = Rng::new(15);
    let mut bench = Bench::open(4, "ideal", 15);
    let cycles = bench.check_step(&Tensors::random(n, &mut rng), &coefficients(0.01));
    let used = n as f64 / (4.0 * cycles as f64);
    println!("{n} elements in {cycles} cycles: {used:.4} elements per lane and cycle");
    assert!(used >= 0.98, "{used:.4} elements per lane and cycle");
}

#[test]
fn one_lane_is_busy() {
    let n = 100_000;
    let mut rng = Rng::new(16);
    let mut bench = Bench::open(1, "ideal", 16);
    let cycles = bench.check_step(&Tensors::random(n, &mut rng), &coefficients(0.01));
    let used = n as f64 / cycles as f64;
    println!("{n} elements in {cycles} cycles: {used:.4} elements per lane and cycle");
    assert!(used >= 0.98, "{used:.4} elements per lane and cycle");
}

#[test]
fn registers_are_where_abi_puts_them() {
    for lanes in [1, 4] {
        let mut bench = Bench::open(lanes, "ideal", 17);
        let config = KernelConfig::smartupdate(lanes).unwrap();
        assert_eq!(bench.read(register::KERNEL_ID), config.kernel.id());
        assert_eq!(bench.read(register::ABI_VERSION), nearfield_abi::ABI_VERSION);
        assert_eq!(bench.read64(register::CONFIGURATION_HASH), config.hash());
        assert_eq!(bench.read(register::CONTROL) & 0x8f, control::IDLE);
        for (id, argument) in config.arguments().iter().enumerate() {
            bench.argument(id, 0x0123_4567_89ab_cdc0 + 0x1_0000_0001 * id as u64);
            assert_eq!(bench.read(argument.offset), 0x89ab_cdc0 + id as u32, "{}", argument.name);
        }
        let high = bench.read(config.arguments()[abi::HALF].offset + 4);
        assert_eq!(high, 0x0123_4567 + abi::HALF as u32);
        bench.check_step(&Tensors::random(100, &mut Rng::new(1)), &coefficients(0.01));
        let after = control::IDLE | control::READY;
        assert_eq!(bench.read(register::CONTROL) & 0x8f & !after, 0, "done is cleared by reading");
        assert_eq!(bench.read(register::CONTROL) & 0x8f, control::IDLE);
    }
}

#[test]
fn unusable_arguments_are_refused() {
    let mut bench = Bench::open(4, "ideal", 18);
    let tensors = Tensors::random(100, &mut Rng::new(18));
    let k = coefficients(0.01);
    let cases = [
        (abi::PARAMS, 0x1001),
        (abi::EXP_AVG, 0x2020),
        (abi::EXP_AVG_SQ, 0x3004),
        (abi::GRADS, 0x4030),
        (abi::ELEMENTS, 0),
        (abi::FLAGS, 16),
        (abi::FLAGS, 0x8000_0001),
        (abi::HALF, 0x5010),
        (abi::GRAD_FORMAT, 3),
        (abi::GRAD_FORMAT, 7),
        (abi::GRAD_FORMAT, 8),
        (abi::HALF_FORMAT, 3),
        (abi::OPTIMIZER, 5),
        (abi::OPTIMIZER, 0x8000_0000),
    ];
    for (id, value) in cases {
        bench.place(&tensors);
        bench.arguments(100, &k);
        bench.argument(id, value);
        bench.run(10_000);
        assert_eq!(bench.error(), (error::ARGUMENT, id as u32, 0), "argument {id} = {value:#x}");
        assert_eq!(bench.fetch(100), tensors, "argument {id} = {value:#x}: memory was written");
    }
    // Of a Top-K stream there is more to refuse; a dense gradient does not look at the stream's bytes.
    let most = u64::from(abi::MAX_TOPK_ELEMENTS);
    for (id, value) in [(abi::GRAD_BYTES, 1000), (abi::ELEMENTS, most + 1), (abi::ELEMENTS, 1 << 31)] {
        bench.place(&tensors);
        bench.arguments(100, &k);
        bench.argument(abi::GRAD_FORMAT, u64::from(abi::grad_format::TOPK));
        bench.argument(id, value);
        bench.run(10_000);
        assert_eq!(bench.error(), (error::ARGUMENT, id as u32, 0), "Top-K, argument {id} = {value:#x}");
        assert_eq!(bench.fetch(100), tensors, "argument {id} = {value:#x}: memory was written");
    }
    bench.place(&tensors);
    bench.arguments(0, &k);
    bench.argument(abi::OPTIMIZER, 9);
    bench.run(10_000);
    assert_eq!(bench.error(), (error::ARGUMENT, abi::ELEMENTS as u32, 0), "the first of two is told");
    bench.check_step(&tensors, &k);
}

/// Every stream meets an error in its first, a middle and its last burst; each time the next run is as if nothing had been.
fn errors(lanes: u32, board: &str) {
    let seed = seed(&format!("errors on {board}"), 19);
    let n = 9_001;
    let mut rng = Rng::new(seed);
    let mut bench = Bench::open(lanes, board, seed);
    let k = coefficients(0.01);
    for s in 0..bench.config.streams().len() {
        let carried = bench.config.streams()[s];
        let half = carried.name == "half_write";
        let base = if half { bench.half } else { bench.bases[carried.master as usize] };
        let last = base + if half { 2 } else { 4 } * n as u64 - 1;
        for (at, response) in
            [(base, Response::SlaveError), (base + 3 * 4096 + 100, Response::DecodeError), (last, Response::SlaveError)]
        {
            bench.place(&Tensors::random(n, &mut rng));
            bench.arguments(n, &k);
            bench.argument(abi::HALF_FORMAT, if half { abi::half_format::BF16 } else { abi::half_format::NONE }.into());
            bench.sim.inject(Fault { address: at, bytes: 1, write: !carried.read, response });
            bench.run(1_000_000);
            let code = if carried.read { error::AXI_READ } else { error::AXI_WRITE };
            let burst = base.max(at & !4095);
            assert_eq!(bench.error(), (code, carried.master, burst), "{} at {at:#x}", carried.name);
            bench.sim.clear_faults();
            // A run that does not use the stream knows nothing of its error.
            bench.arguments(n, &k);
            bench.argument(abi::OPTIMIZER, abi::optimizer::SGD.into());
            bench.argument(abi::FLAGS, 0);
            bench.run(1_000_000);
            assert_eq!(bench.error(), (error::NONE, 0, 0), "after an error of {}", carried.name);
            bench.check_step(&Tensors::random(77, &mut rng), &k);
        }
    }
}

#[test]
fn errors_end_a_run_on_ideal_memory() {
    errors(4, "ideal");
}

#[test]
fn errors_end_a_run_on_hostile_memory() {
    errors(1, "hostile");
}

#[test]
fn the_first_of_several_errors_is_kept() {
    let mut bench = Bench::open(4, "ideal", 20);
    let n = 5_000;
    let tensors = Tensors::random(n, &mut Rng::new(20));
    let k = coefficients(0.01);
    bench.place(&tensors);
    bench.arguments(n, &k);
    for (master, offset) in [(0, 8192), (1, 4096), (3, 12288)] {
        let fault =
            Fault { address: bench.bases[master] + offset, bytes: 64, write: false, response: Response::SlaveError };
        bench.sim.inject(fault);
    }
    bench.run(100_000);
    assert_eq!(bench.error(), (error::AXI_READ, 1, (bench.bases[1] + 4096) & !4095));
    bench.sim.clear_faults();
    bench.check_step(&tensors, &k);
}

#[test]
fn runs_follow_each_other() {
    let mut bench = Bench::open(4, "hostile", 21);
    let k = coefficients(0.01);
    let mut tensors = Tensors::random(333, &mut Rng::new(21));
    for _ in 0..5 {
        bench.check_step(&tensors, &k);
        tensors = bench.fetch(333);
    }
    // Auto-restart: two or more further steps on the same tensors, then an end.
    bench.place(&tensors);
    bench.sim.write_register(register::CONTROL, control::START | control::AUTO_RESTART).unwrap();
    bench.sim.pass(5000).unwrap();
    bench.sim.write_register(register::CONTROL, 0).unwrap();
    let mut left = 100;
    while bench.read(register::CONTROL) & control::IDLE == 0 {
        left -= 1;
        assert!(left > 0, "auto-restart does not end");
        bench.sim.pass(100).unwrap();
    }
    let got = bench.fetch(333);
    let mut steps = 0;
    while tensors != got {
        tensors = tensors.stepped(&k);
        steps += 1;
        assert!(steps < 100, "the result is not that of a whole number of steps");
    }
    assert!(steps >= 2, "it did not restart");
    println!("auto-restart made {steps} steps");
}

/// Starts with auto-restart, and waits for longer than the failing run and another one take.
fn restart_into_an_error(bench: &mut Bench, cycles: u64, expected: (u32, u32, u64)) {
    bench.sim.write_register(register::CONTROL, control::START | control::AUTO_RESTART).unwrap();
    bench.sim.pass(cycles).unwrap();
    let (control, error) = (bench.read(register::CONTROL), bench.error());
    assert_eq!(control, control::DONE | control::IDLE | control::READY, "the kernel does not rest");
    assert_eq!(error, expected);
    bench.sim.pass(cycles).unwrap();
    assert_eq!(bench.read(register::CONTROL), control::IDLE, "it started again");
    assert_eq!(bench.error(), expected, "the error was forgotten");
}

#[test]
fn an_error_ends_auto_restart() {
    let k = coefficients(0.01);
    let n = 2_000;
    let tensors = Tensors::random(n, &mut Rng::new(25));
    for (board, cycles) in [("ideal", 5_000), ("hostile", 50_000)] {
        let mut bench = Bench::open(4, board, 25);
        for (master, write) in [(1, false), (2, true)] {
            bench.place(&tensors);
            bench.arguments(n, &k);
            let address = bench.bases[master] + 4096;
            bench.sim.inject(Fault { address, bytes: 1, write, response: Response::SlaveError });
            let code = if write { error::AXI_WRITE } else { error::AXI_READ };
            restart_into_an_error(&mut bench, cycles, (code, master as u32, address & !4095));
            bench.sim.clear_faults();
            bench.check_step(&tensors, &k);
        }
        bench.argument(abi::ELEMENTS, 0);
        restart_into_an_error(&mut bench, cycles, (error::ARGUMENT, abi::ELEMENTS as u32, 0));
        bench.sim.reset().unwrap();
        assert_eq!(bench.error(), (error::NONE, 0, 0), "reset forgets the error");
        bench.check_step(&tensors, &k);
    }
}

#[test]
fn a_reset_in_mid_run_is_forgotten() {
    let seed = seed("reset in mid-run", 23);
    let mut rng = Rng::new(seed);
    let mut bench = Bench::open(4, "hostile", seed);
    let k = coefficients(0.01);
    for _ in 0..10 {
        bench.place(&Tensors::random(5000, &mut rng));
        bench.arguments(5000, &k);
        bench.sim.start().unwrap();
        bench.sim.pass(rng.below(3000) as u64).unwrap();
        bench.sim.reset().unwrap();
        assert_eq!(bench.read(register::CONTROL), control::IDLE);
        bench.check_step(&Tensors::random(99, &mut rng), &k);
    }
}

/// Two lanes are what `smartssd` runs with; DRAM there has a clock of its own.
#[test]
fn two_lanes_equal_the_model_on_dram() {
    let mut rng = Rng::new(24);
    let mut bench = Bench::open(2, "smartssd", 24);
    let n = 30_011;
    let cycles = bench.check_step(&Tensors::random(n, &mut rng), &coefficients(0.01));
    println!("smartssd: {n} elements in {cycles} cycles: {:.3} elements a cycle", n as f64 / cycles as f64);
}

#[test]
fn stalls_are_counted() {
    let n = 4096;
    let mut total = [0; 2];
    for (i, board) in ["ideal", "hostile"].into_iter().enumerate() {
        let mut bench = Bench::open(4, board, 22);
        bench.check_step(&Tensors::random(n, &mut Rng::new(22)), &coefficients(0.01));
        for s in 0..bench.config.streams().len() as u32 {
            let block = register::STREAMS + s * register::STREAM_STRIDE;
            total[i] += bench.read64(block + stream::STALLS);
        }
    }
    println!("stalls: {total:?}");
    assert!(total[0] < total[1], "hostile memory does not make the kernel wait more");
}
