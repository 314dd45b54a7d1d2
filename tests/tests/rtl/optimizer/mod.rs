//! Optimizer lanes under Verilator, against their specifications in `nearfield_model::optimizer`, bit for bit.

mod adamw;
mod any;
mod single;

use nearfield_hdl::emit::Design;
use nearfield_hdl::optimizer::UNITS;
use nearfield_hdl::Unit;
use nearfield_sim::verilate::{build, Instance, Options, PortId};
use nearfield_tests::binary32::Operands;
use nearfield_tests::lint::assert_clean;
use nearfield_tests::rng::Rng;
use std::collections::VecDeque;

fn unit(name: &str) -> &'static Unit {
    UNITS.iter().find(|u| u.name == name).unwrap_or_else(|| panic!("no unit {name} in optimizer::UNITS"))
}

fn design(name: &str) -> Design {
    (unit(name).emit)().unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn emits_clean(name: &str) {
    let (first, second) = (design(name), design(name));
    assert_eq!(first.top, name);
    assert_eq!(first.artifacts, second.artifacts, "emission is not byte-stable");
    assert_clean(&first);
}

/// What each output has to show of an element, where it means anything.
type Results<const O: usize> = [Option<u32>; O];

/// A lane with `I` words of an element in and `O` words out.
struct Lane<const I: usize, const O: usize> {
    instance: Instance,
    clock: PortId,
    inputs: [PortId; I],
    outputs: [PortId; O],
    latency: usize,
    /// The element that entered in each of the last cycles, if one did, and what is to come of it; the oldest first.
    under_way: VecDeque<Option<([u32; I], Results<O>)>>,
}

impl<const I: usize, const O: usize> Lane<I, O> {
    fn new(name: &str, inputs: [&str; I], outputs: [&str; O]) -> Lane<I, O> {
        let instance = build(&design(name), &Options::default()).unwrap_or_else(|e| panic!("{e}")).instance();
        let port = |name: &str| instance.port(name).unwrap_or_else(|e| panic!("{e}"));
        Lane {
            clock: port("clock"),
            inputs: inputs.map(port),
            outputs: outputs.map(port),
            latency: unit(name).latency.expect("a lane has a latency"),
            instance,
            under_way: VecDeque::new(),
        }
    }

    /// Sets a hyper-parameter, between runs.
    fn set(&mut self, port: &str, value: u32) {
        assert!(self.under_way.is_empty(), "hyper-parameters hold while elements are under way");
        let port = self.instance.port(port).unwrap_or_else(|e| panic!("{e}"));
        self.instance.set(port, u64::from(value));
    }

    fn cycle(&mut self, element: [u32; I]) -> [u32; O] {
        for (port, word) in self.inputs.into_iter().zip(element) {
            self.instance.set(port, u64::from(word));
        }
        self.instance.tick(self.clock);
        self.outputs.map(|port| self.instance.get(port) as u32)
    }

    /// Sends elements through, one a cycle, and compares all results; gives their number.
    fn matches(&mut self, elements: impl Iterator<Item = ([u32; I], [u32; O])>, context: &str) -> usize {
        self.matches_where(elements.map(|(element, results)| (element, results.map(Some))), context)
    }

    /// The same where some results mean nothing.
    fn matches_where(&mut self, elements: impl Iterator<Item = ([u32; I], Results<O>)>, context: &str) -> usize {
        let mut checked = 0;
        // What follows the last element must not matter to it.
        let idle = std::iter::repeat_n(None, self.latency - 1);
        for element in elements.map(Some).chain(idle) {
            let result = self.cycle(element.map_or([0; I], |e| e.0));
            self.under_way.push_back(element);
            if self.under_way.len() < self.latency {
                continue;
            }
            if let Some(Some((element, expected))) = self.under_way.pop_front() {
                let same = result.iter().zip(expected).all(|(found, wanted)| wanted.is_none_or(|word| word == *found));
                assert!(same, "element {element:08x?} gives {result:08x?}, not {expected:08x?}: {context}");
                checked += 1;
            }
        }
        assert!(self.under_way.iter().all(Option::is_none), "every element was checked");
        self.under_way.clear();
        checked
    }

    /// An element among others appears at all outputs `latency` cycles later, in that cycle only.
    fn measure_latency(&mut self, idle: [u32; I], pulse: [u32; I]) {
        for _ in 0..2 * self.latency {
            self.cycle(idle);
        }
        let quiet = self.cycle(idle);
        let seen: Vec<[u32; O]> =
            (0..2 * self.latency).map(|i| self.cycle(if i == 0 { pulse } else { idle })).collect();
        for output in 0..O {
            let at: Vec<usize> = (0..seen.len()).filter(|&i| seen[i][output] != quiet[output]).map(|i| i + 1).collect();
            assert_eq!(at, [self.latency], "cycles after which output {output} shows the element");
        }
    }
}

/// An element as training has them, of any magnitude: moments that fit the gradient, a second moment of at least zero.
fn ordinary(rng: &mut Rng) -> [u32; 4] {
    let mut unit = || (rng.word() >> 40) as f32 / (1 << 23) as f32 - 1.0;
    let [p, m, v, g, scale] = std::array::from_fn(|_| unit());
    let scale = (scale * 60.0).exp2();
    [p, m * scale, (v * scale) * (v * scale), g * scale].map(f32::to_bits)
}

/// Any words; moments and parameter beside the gradient, so that things cancel; or ordinary ones.
fn random(rng: &mut Rng, operands: &mut Operands) -> [u32; 4] {
    match rng.below(4) {
        0 => [operands.any(), operands.any(), operands.any(), operands.any()],
        1 => {
            let g = operands.any();
            let squared = (f32::from_bits(g) * f32::from_bits(g)).to_bits();
            [operands.beside(g), operands.beside(g), operands.beside(squared) & 0x7fff_ffff, g]
        }
        _ => ordinary(rng),
    }
}
