//! The lanes of `gradient_norm`: `pending` falls in the cycle in which the sums stand, not before, whatever carries are on their way.

use nearfield_abi::register::SUM_LIMBS;
use nearfield_hdl::emit::emit;
use nearfield_hdl::float::Fp32SquareSum;
use nearfield_hdl::kernel::gradient_norm::Squares;
use nearfield_model::gradient_norm::{sum_of_squares, SquareSum};
use nearfield_sim::verilate::{build, Instance, Options, PortId};
use nearfield_tests::lint::assert_clean;
use nearfield_tests::rng::{seed, Rng};

const LANES: usize = 4;

struct Block {
    instance: Instance,
    clock: PortId,
    limbs: Vec<PortId>,
    data: PortId,
}

impl Block {
    fn new() -> Block {
        let design = emit(&Squares::<LANES, 128, 8, 3, 4, 76>::default(), "squares", "squares");
        let design = design.unwrap_or_else(|e| panic!("{e}"));
        assert_clean(&design);
        let instance = build(&design, &Options::default()).unwrap_or_else(|e| panic!("{e}")).instance();
        let port = |name: &str| instance.port(name).unwrap_or_else(|e| panic!("{e}"));
        let limbs = (0..LANES * SUM_LIMBS as usize).map(|i| port(&format!("limb_{i}"))).collect();
        Block { clock: port("clock"), data: port("data"), limbs, instance }
    }

    fn set(&mut self, name: &str, value: u64) {
        let port = self.instance.port(name).unwrap_or_else(|e| panic!("{e}"));
        self.instance.set(port, value);
    }

    fn get(&self, name: &str) -> u64 {
        self.instance.get(self.instance.port(name).unwrap_or_else(|e| panic!("{e}")))
    }

    /// A cycle with this word, or none; says whether `pending` was 1 after it.
    fn cycle(&mut self, word: Option<[f32; LANES]>) -> bool {
        self.set("valid", word.is_some().into());
        let bits = word.unwrap_or([f32::NAN; LANES]).map(f32::to_bits);
        nearfield_tests::differential::write(&mut self.instance, self.data, 128, &bits);
        self.instance.tick(self.clock);
        self.get("pending") == 1
    }

    fn sum(&self) -> SquareSum {
        let mut sum = SquareSum { nonfinite: self.get("nonfinite") == 1, ..SquareSum::default() };
        for lane in self.limbs.chunks(SUM_LIMBS as usize) {
            let mut one = SquareSum::default();
            for (i, &limb) in lane.iter().enumerate() {
                one.words[i / 2] |= self.instance.get(limb) << (32 * (i % 2));
            }
            sum.add_sum(&one);
        }
        sum
    }

    /// A run with gaps; what follows it must not count.
    fn run(&mut self, values: &[f32], gaps: bool, rng: &mut Rng) {
        self.set("elements", values.len() as u64);
        self.set("start", 1);
        self.cycle(Some([f32::MAX; LANES]));
        self.set("start", 0);
        self.cycle(Some([f32::INFINITY; LANES]));
        for word in values.chunks(LANES) {
            while gaps && rng.one_in(3) {
                assert!(self.cycle(None), "the sums cannot stand before the last word");
            }
            let mut whole = [f32::INFINITY; LANES];
            whole[..word.len()].copy_from_slice(word);
            assert!(self.cycle(Some(whole)), "the sums cannot stand in the last word's cycle");
        }
        let mut cycles = 1;
        while self.cycle(rng.one_in(2).then_some([f32::NAN, f32::MAX, 1.0, f32::INFINITY])) {
            cycles += 1;
            assert!(cycles < 100, "`pending` does not fall");
        }
        assert_eq!(cycles, Fp32SquareSum::LATENCY, "cycles after that of the last word");
        let expected = sum_of_squares(values);
        assert_eq!(self.sum(), expected, "{} elements", values.len());
        (0..40).for_each(|_| _ = self.cycle(Some([f32::NAN; LANES])));
        assert_eq!(self.sum(), expected, "{} elements, later", values.len());
    }
}

#[test]
fn sums_stand_when_pending_falls() {
    let mut rng = Rng::new(seed("kernel::squares", 92));
    let mut block = Block::new();
    // Three of every power of two are ones in all bits: one more of the smallest carries through 18 limbs, in each lane.
    let powers = (0..23).map(|bit| f32::from_bits(1 << bit)).chain((1..255).map(|e| f32::from_bits(e << 23)));
    let mut ones: Vec<f32> = powers.flat_map(|power| [power; 3 * LANES]).collect();
    ones.extend([f32::from_bits(1); LANES]);
    for run in 0..400 {
        let gaps = run % 2 == 0;
        if run % 50 == 0 {
            block.run(&ones, gaps, &mut rng);
        }
        let special = rng.one_in(4);
        let values: Vec<f32> = (0..1 + rng.below(70))
            .map(|_| {
                let bits = rng.word() as u32;
                f32::from_bits(if special && rng.one_in(20) { bits | 0x7f80_0000 } else { bits & 0xff7f_ffff })
            })
            .collect();
        block.run(&values, gaps, &mut rng);
    }
}
