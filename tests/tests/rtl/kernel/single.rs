//! The kernels for one optimizer, each as in `combinations` against `soft` and the specification, and what they refuse. They are built
//! in long runs only.

use super::bench::Bench;
use super::combinations::{hypers, run, Run, FORMATS, HALVES};
use nearfield::device::{open, Device};
use nearfield::selftest;
use nearfield::step::check;
use nearfield_abi::kernel::smartupdate::{self as abi, Optimizer as One};
use nearfield_abi::kernel::{ArgumentKind, Kernel, KernelConfig};
use nearfield_abi::register::error;
use nearfield_model::optimizer::Optimizer;
use nearfield_sim::axi::{Fault, Response};
use nearfield_tests::rng::long;
use std::time::Instant;

const ELEMENTS: u64 = 1_100;

fn device(board: &str, optimizer: Optimizer, lanes: u32) -> Box<dyn Device> {
    let name = format!("sim:{board},optimizer={optimizer},lanes={lanes}");
    open(&name.parse().unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every setting of the optimizer, gradient format and half copy: on ideal memory all, on hostile memory one half copy a format.
fn steps(optimizer: Optimizer, lanes: u32) {
    let how = Run { steps: 4, elements: 3_003, check: true };
    let (mut ideal, mut hostile) = (device("ideal", optimizer, lanes), device("hostile", optimizer, lanes));
    let mut done = 0;
    for hyper in hypers().iter().filter(|hyper| hyper.optimizer() == optimizer) {
        for (f, &format) in FORMATS.iter().enumerate() {
            for (c, &half) in HALVES.iter().enumerate() {
                run(ideal.as_mut(), hyper, format, half, how);
                done += 1;
                if f % HALVES.len() == c {
                    run(hostile.as_mut(), hyper, format, half, Run { elements: 1_003, ..how });
                    done += 1;
                }
            }
        }
    }
    println!("{done} combinations equal soft");
    for other in Optimizer::ALL {
        assert_eq!(check(ideal.as_ref(), other).is_ok(), other == optimizer, "a step of {other}");
    }
    let report = selftest::run(ideal.as_mut(), &mut |_, _| ());
    assert_eq!(report.failed, 0, "{report:?}");
    assert!(report.passed >= 2 && report.skipped > 0, "{report:?}");
}

/// The arguments of a run of this optimizer.
fn arguments(bench: &mut Bench) {
    let config = bench.config;
    for (id, argument) in config.arguments().iter().enumerate() {
        let value = match argument.kind {
            ArgumentKind::Pointer { .. } if argument.name == "half" => bench.half,
            ArgumentKind::Pointer { master } => bench.bases[master as usize],
            ArgumentKind::U32 | ArgumentKind::F32 => 0,
        };
        bench.argument(id, value);
    }
    let Kernel::SmartUpdateOf(one) = config.kernel else { unreachable!("it is a kernel for one optimizer") };
    let scalars = [
        (abi::ELEMENTS, ELEMENTS),
        (abi::FLAGS, abi::flag::MOMENTUM.into()),
        (abi::OPTIMIZER, one.code().into()),
        (abi::HALF_FORMAT, abi::half_format::BF16.into()),
    ];
    for (id, value) in scalars {
        bench.argument(config.id_of(id).unwrap(), value);
    }
}

/// What the registers say of arguments that the kernel cannot do, and of errors on each stream.
fn refusals(one: One, lanes: u32) {
    let config = KernelConfig::new(Kernel::SmartUpdateOf(one), lanes).unwrap();
    let mut bench = Bench::of(config, "ideal", 51);
    let others = (0..abi::optimizer::COUNT).filter(|&code| code != one.code()).chain([5, 1 << 31, u32::MAX]);
    let mut bad: Vec<(usize, u64)> = others.map(|code| (abi::OPTIMIZER, code.into())).collect();
    bad.extend([abi::PARAMS, abi::EXP_AVG, abi::EXP_AVG_SQ, abi::GRADS, abi::HALF].map(|id| (id, 0x10_0020)));
    bad.extend([(abi::ELEMENTS, 0), (abi::FLAGS, 16), (abi::GRAD_FORMAT, 3), (abi::HALF_FORMAT, 3)]);
    for (id, value) in bad {
        let Some(own) = config.id_of(id) else { continue };
        arguments(&mut bench);
        bench.argument(own, value);
        bench.run(10_000);
        assert_eq!(bench.error(), (error::ARGUMENT, own as u32, 0), "{} is {value:#x}", config.arguments()[own].name);
    }
    for stream in config.streams() {
        let half = stream.name == "half_write";
        let address = if half { bench.half } else { bench.bases[stream.master as usize] };
        bench.sim.inject(Fault { address, bytes: 1, write: !stream.read, response: Response::SlaveError });
        arguments(&mut bench);
        bench.run(100_000);
        let code = if stream.read { error::AXI_READ } else { error::AXI_WRITE };
        assert_eq!(bench.error(), (code, stream.master, address), "{}", stream.name);
        bench.sim.clear_faults();
        arguments(&mut bench);
        bench.run(100_000);
        assert_eq!(bench.error(), (error::NONE, 0, 0), "after an error of {}", stream.name);
    }
}

fn all(optimizer: Optimizer, one: One, lanes: u32) {
    if !long() {
        println!("skipped: smartupdate_{optimizer} with {lanes} lanes is built with NEARFIELD_LONG=1 only");
        return;
    }
    let begun = Instant::now();
    refusals(one, lanes);
    steps(optimizer, lanes);
    println!("smartupdate_{optimizer}_l{lanes}: {:.0} s", begun.elapsed().as_secs_f64());
}

macro_rules! kernels {
    ($($module:ident $optimizer:ident),*) => {$(
        mod $module {
            use super::*;

            #[test]
            fn one_lane_equals_soft() {
                all(Optimizer::$optimizer, One::$optimizer, 1);
            }

            #[test]
            fn two_lanes_equal_soft() {
                all(Optimizer::$optimizer, One::$optimizer, 2);
            }

            #[test]
            fn four_lanes_equal_soft() {
                all(Optimizer::$optimizer, One::$optimizer, 4);
            }

            #[test]
            fn eight_lanes_equal_soft() {
                all(Optimizer::$optimizer, One::$optimizer, 8);
            }
        }
    )*};
}

kernels!(adamw AdamW, adam Adam, adagrad Adagrad, lion Lion, sgd Sgd);
