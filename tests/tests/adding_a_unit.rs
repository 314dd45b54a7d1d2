//! The worked example of `docs/adding-a-unit.md`: it compiles, passes the tests the page shows, and the page shows it as it
//! is here.

use nearfield_hdl::emit::emit;
use nearfield_hdl::prelude::*;
use nearfield_sim::verilate::{build, Options};
use nearfield_tests::binary32::{corners, Operands};
use nearfield_tests::lint::assert_clean;
use nearfield_tests::rng::seed;

/// `y = max(x, 0)` in binary32: what is negative, -0 among it, gives +0; every NaN gives 0x7FC00000.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct Fp32Relu {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Operand.
    pub x: Signal<In, Bits<32>>,
    /// The result of `LATENCY` cycles ago.
    pub y: Signal<Out, Bits<32>>,
    nan: Signal<Local, Bit>,
    result: Reg<Bits<32>>,
}

impl Fp32Relu {
    /// Cycles from the operand to `y`.
    pub const LATENCY: usize = 1;
}

impl Logic for Fp32Relu {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, result);
        self.nan.next = self.x.val().get_bits::<8>(23).all() & self.x.val().get_bits::<23>(0).any();
        self.result.d.next = self.x.val();
        if self.x.val().get_bit(31) {
            self.result.d.next = 0.into();
        }
        if self.nan.val() {
            self.result.d.next = 0x7fc0_0000.into();
        }
        self.y.next = self.result.q.val();
    }
    unit!("fp32_relu");
}

#[test]
fn emits_clean() {
    assert_clean(&emit(&Fp32Relu::default(), "fp32_relu", "").unwrap());
}

/// What the unit must give.
fn reference(x: u32) -> u32 {
    let value = f32::from_bits(x);
    match value {
        _ if value.is_nan() => 0x7fc0_0000,
        _ if value > 0.0 => x,
        _ => 0,
    }
}

#[test]
fn matches_reference() {
    let design = emit(&Fp32Relu::default(), "fp32_relu", "").unwrap();
    let mut unit = build(&design, &Options::default()).unwrap().instance();
    let [clock, x, y] = ["clock", "x", "y"].map(|name| unit.port(name).unwrap());
    let mut operands = Operands::new(seed("float::relu", 0x7265_6c75));
    let cases = corners().into_iter().chain((0..1_000_000).map(|_| operands.any()));
    let mut checked = 0;
    for case in cases {
        unit.set(x, u64::from(case));
        unit.tick(clock);
        assert_eq!(unit.get(y) as u32, reference(case), "of {case:08x}");
        checked += 1;
    }
    assert!(checked > 1_000_000);
}

#[test]
fn the_page_shows_this_file() {
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let here = squeeze(include_str!("adding_a_unit.rs"));
    let page = include_str!("../../docs/adding-a-unit.md");
    let blocks: Vec<&str> = page.split("```rust\n").skip(1).filter_map(|b| b.split("```").next()).collect();
    assert!(blocks.len() >= 4, "{} blocks", blocks.len());
    for block in blocks {
        assert!(here.contains(&squeeze(block)), "not in tests/tests/adding_a_unit.rs:\n{block}");
    }
}
