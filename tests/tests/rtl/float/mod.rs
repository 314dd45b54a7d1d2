//! Floating-point units under Verilator, against native `f32` and Berkeley SoftFloat, bit for bit.

mod add;
mod bf16_to_fp32;
mod div;
mod fma;
mod fp16_to_fp32;
mod fp32_to_bf16;
mod fp32_to_fp16;
mod mul;
mod sqrt;
mod square_sum;

use nearfield_hdl::emit::Design;
use nearfield_hdl::float::UNITS;
use nearfield_hdl::Unit;
use nearfield_sim::verilate::{build, bundle, Instance, Library, Options, PortId};
use nearfield_tests::lint::assert_clean;
use softfloat_wrapper::{Float, F32};
use std::collections::VecDeque;
use std::sync::OnceLock;

/// Random operands a unit is tried with.
const RANDOM: usize = 2_000_000;
/// The same in the long run.
const RANDOM_LONG: usize = 40_000_000;

fn random_cases() -> usize {
    if nearfield_tests::rng::long() {
        RANDOM_LONG
    } else {
        RANDOM
    }
}

fn unit(name: &str) -> &'static Unit {
    UNITS.iter().find(|u| u.name == name).unwrap_or_else(|| panic!("no unit {name} in float::UNITS"))
}

fn design(name: &str) -> Design {
    (unit(name).emit)().unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// All units of the family in one library, built once.
fn family() -> &'static Library {
    static FAMILY: OnceLock<Library> = OnceLock::new();
    FAMILY.get_or_init(|| {
        let designs: Vec<(&str, Design)> = UNITS.iter().map(|u| (u.name, design(u.name))).collect();
        let parts: Vec<(&str, &Design)> = designs.iter().map(|(name, design)| (*name, design)).collect();
        let family = bundle("float_family", &parts).expect("the units can stand side by side");
        build(&family, &Options::default()).unwrap_or_else(|e| panic!("{e}"))
    })
}

/// A unit with `N` operands in the family's instance.
struct Pipeline<const N: usize> {
    name: &'static str,
    instance: Instance,
    clock: PortId,
    operands: [PortId; N],
    y: PortId,
    latency: usize,
    /// Operands and result of the operations under way, the oldest first.
    under_way: VecDeque<([u32; N], u32)>,
    results: usize,
}

impl<const N: usize> Pipeline<N> {
    fn new(name: &str) -> Pipeline<N> {
        let instance = family().instance();
        let port = |suffix: &str| instance.port(&format!("{name}_{suffix}")).unwrap_or_else(|e| panic!("{e}"));
        Pipeline {
            name: unit(name).name,
            clock: instance.port("clock").expect("the family has a clock"),
            operands: std::array::from_fn(|i| port(["a", "b", "c"][i])),
            y: port("y"),
            latency: unit(name).latency.expect("a float unit has a latency"),
            instance,
            under_way: VecDeque::new(),
            results: 0,
        }
    }

    fn cycle(&mut self, operands: [u32; N]) -> u32 {
        for (port, x) in self.operands.into_iter().zip(operands) {
            self.instance.set(port, u64::from(x));
        }
        self.instance.tick(self.clock);
        self.instance.get(self.y) as u32
    }

    /// Starts an operation and checks the result that is due.
    fn operate(&mut self, operands: [u32; N], expected: u32) {
        self.under_way.push_back((operands, expected));
        let y = self.cycle(operands);
        if self.under_way.len() == self.latency {
            let (operands, expected) = self.under_way.pop_front().expect("an operation is due");
            assert_eq!(y, expected, "{} of {operands:08x?} is {y:08x}, not {expected:08x}", self.name);
            self.results += 1;
        }
    }

    /// Lets the operations under way out; gives the number of results checked.
    fn drain(mut self) -> usize {
        let wanted = self.results + self.under_way.len();
        while !self.under_way.is_empty() {
            let y = self.cycle([0; N]);
            let (operands, expected) = self.under_way.pop_front().expect("not empty");
            assert_eq!(y, expected, "{} of {operands:08x?} is {y:08x}, not {expected:08x}", self.name);
            self.results += 1;
        }
        assert_eq!(self.results, wanted, "results checked");
        self.results
    }
}

/// One operation in both references.
struct Reference<const N: usize> {
    native: fn([f32; N]) -> f32,
    soft: fn([F32; N]) -> F32,
}

impl<const N: usize> Reference<N> {
    /// What a unit must give; the references must agree.
    fn of(&self, operands: [u32; N]) -> u32 {
        let native = nearfield_tests::binary32::native((self.native)(operands.map(f32::from_bits)));
        let soft = nearfield_tests::binary32::soft((self.soft)(operands.map(F32::from_bits)));
        assert_eq!(native, soft, "native {native:08x} and SoftFloat {soft:08x} differ on {operands:08x?}");
        native
    }
}

/// Drives a unit with cases, one a cycle, and compares every result with `of`.
fn matches_with<const N: usize>(
    name: &str,
    of: impl Fn([u32; N]) -> u32,
    cases: impl Iterator<Item = [u32; N]>,
) -> usize {
    let mut pipeline = Pipeline::new(name);
    for operands in cases {
        pipeline.operate(operands, of(operands));
    }
    pipeline.drain()
}

/// Drives a unit with cases, one a cycle, and compares every result with both references.
fn matches<const N: usize>(name: &str, reference: &Reference<N>, cases: impl Iterator<Item = [u32; N]>) -> usize {
    let checked = matches_with(name, |operands| reference.of(operands), cases);
    println!("{name}: {checked} results identical to native f32 and SoftFloat");
    checked
}

/// An operation among others appears `latency` cycles later, in that cycle only.
fn measure_latency<const N: usize>(name: &str, reference: &Reference<N>, idle: [u32; N], pulse: [u32; N]) {
    measure_latency_with(name, |operands| reference.of(operands), idle, pulse);
}

fn measure_latency_with<const N: usize>(name: &str, of: impl Fn([u32; N]) -> u32, idle: [u32; N], pulse: [u32; N]) {
    let mut pipeline = Pipeline::new(name);
    let (quiet, result) = (of(idle), of(pulse));
    assert_ne!(quiet, result, "the pulse must show");
    for _ in 0..100 {
        pipeline.cycle(idle);
    }
    let seen: Vec<u32> = (0..100).map(|i| pipeline.cycle(if i == 0 { pulse } else { idle })).collect();
    let at: Vec<usize> = (0..100).filter(|&i| seen[i] != quiet).map(|i| i + 1).collect();
    assert_eq!(at, [pipeline.latency], "{name}: cycles after which the result of one operation stands at y");
    assert_eq!(seen[pipeline.latency - 1], result);
}

fn emits_clean(name: &str) {
    let (first, second) = (design(name), design(name));
    assert_eq!(first.top, name);
    assert_eq!(first.artifacts, second.artifacts, "emission is not byte-stable");
    assert_clean(&first);
}
