//! `soft` against the specification on every path, and as a device.

use super::*;
use nearfield_model::optimizer::adamw::{self, Hyper};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Half corner values, half any bits.
    fn float(&mut self) -> f32 {
        const CORNERS: [u32; 14] = [
            0,
            0x8000_0000,
            1,
            0x8000_0001,
            0x007f_ffff,
            0x0080_0000,
            0x3f80_0000,
            0xbf80_0000,
            0x7f7f_ffff,
            0xff7f_ffff,
            0x7f80_0000,
            0xff80_0000,
            0x7fc0_0000,
            0xffab_cdef,
        ];
        let draw = self.next();
        let bits = if draw & 1 == 0 { CORNERS[(draw >> 32) as usize % CORNERS.len()] } else { (draw >> 32) as u32 };
        f32::from_bits(bits)
    }

    fn floats(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.float()).collect()
    }
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// Four tensors of one length, the gradient last.
type Four = [Vec<f32>; 4];

fn draw(seed: u64, n: usize) -> Four {
    let mut random = Random(seed);
    [(); 4].map(|()| random.floats(n))
}

fn specified(k: &Coefficients, four: &Four) -> [Vec<u32>; 3] {
    let [mut p, mut m, mut v, g] = four.clone();
    adamw::step(k, &mut p, &mut m, &mut v, &g);
    [bits(&p), bits(&m), bits(&v)]
}

fn coefficients(weight_decay: f64) -> Coefficients {
    let hyper = Hyper { weight_decay, ..Hyper::default() };
    Coefficients::new(&hyper, &hyper.powers().next(hyper.beta1, hyper.beta2))
}

#[test]
fn every_level_equals_the_specification() {
    for level in Level::available() {
        for weight_decay in [0.0, 0.01] {
            // Lengths around a vector, and one that is dealt to several threads with a ragged end.
            for n in [1, 7, 15, 16, 17, 33, 4 * ELEMENTS_WORTH_A_THREAD + 13] {
                let four = draw(n as u64, n);
                let k = coefficients(weight_decay);
                let expected = specified(&k, &four);
                let [mut p, mut m, mut v, g] = four;
                let tensors = Tensors { params: &mut p, exp_avg: &mut m, exp_avg_sq: &mut v, grads: &g };
                Soft::with_level(Some(3), level).step(&k, tensors);
                assert!([bits(&p), bits(&m), bits(&v)] == expected, "{} differs at n = {n}", level.name());
            }
        }
    }
}

fn arguments(buffers: &[Buffer; 4], k: &Coefficients, elements: u32) -> Vec<Value> {
    crate::step::arguments(buffers, k, elements)
}

#[test]
fn as_a_device_it_equals_the_specification() {
    let n = 1000;
    let four = draw(5, n);
    let k = coefficients(0.01);
    let mut soft = Soft::open(None);
    let buffers = [(); 4].map(|()| soft.allocate(4 * n as u64, 0).unwrap());
    for (buffer, data) in buffers.iter().zip(&four) {
        soft.write(buffer, 0, bytemuck::cast_slice(data)).unwrap();
    }
    soft.start(&arguments(&buffers, &k, n as u32)).unwrap();
    soft.wait(Duration::from_secs(1)).unwrap();
    for (buffer, expected) in buffers.iter().zip(specified(&k, &four)) {
        let mut got = vec![0f32; n];
        soft.read(buffer, 0, bytemuck::cast_slice_mut(&mut got)).unwrap();
        assert!(bits(&got) == expected);
    }
}

#[test]
fn refuses_what_the_kernel_refuses() {
    let mut soft = Soft::open(None);
    let buffers = [(); 4].map(|()| soft.allocate(64, 0).unwrap());
    let good = arguments(&buffers, &coefficients(0.0), 16);
    let mut with = |id: usize, value: Value| {
        let mut list = good.clone();
        list[id] = value;
        soft.start(&list).map_err(|e| e.to_string())
    };
    assert_eq!(with(argument::ELEMENTS, Value::U32(16)), Ok(()));
    for (id, value, name) in [
        (argument::ELEMENTS, Value::U32(0), "elements"),
        (argument::FLAGS, Value::U32(2), "flags"),
        (argument::GRAD_FORMAT, Value::U32(1), "grad_format"),
        (argument::HALF_FORMAT, Value::U32(1), "half_format"),
        (argument::GRAD_SCALE, Value::F32(0.5), "grad_scale"),
        (argument::GRAD_SCALE, Value::U32(1), "grad_scale"),
    ] {
        assert!(with(id, value).unwrap_err().contains(name));
    }
    assert!(with(argument::ELEMENTS, Value::U32(17)).unwrap_err().contains("no buffer"));
    assert!(soft.write(&buffers[0], 60, &[0; 8]).is_err());
    soft.release(buffers[0]);
    assert!(soft.start(&good).is_err());
    soft.write(&buffers[1], 0, &[1; 64]).expect("a refused start loses no buffer");
}
