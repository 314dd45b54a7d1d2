//! `soft` against the specification on every path, and as a device.

use super::*;
use nearfield_model::optimizer::{adagrad, adam, lion, sgd, Hyper};

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

/// Parameters, then the states an optimizer has, then the gradient.
fn draw(seed: u64, n: usize, states: usize) -> Vec<Vec<f32>> {
    let mut random = Random(seed);
    (0..states + 2).map(|_| random.floats(n)).collect()
}

/// Does a step on drawn tensors and gives the bits of all of them.
fn after(mut tensors: Vec<Vec<f32>>, step: impl FnOnce(&mut [f32], Vec<&mut [f32]>, &[f32])) -> Vec<Vec<u32>> {
    if let [params, states @ .., grads] = tensors.as_mut_slice() {
        step(params, states.iter_mut().map(Vec::as_mut_slice).collect(), grads);
    }
    tensors.iter().map(|tensor| bits(tensor)).collect()
}

fn coefficients(hyper: &Hyper, step: u64) -> Coefficients {
    hyper.check().unwrap();
    hyper.coefficients(&(0..step).fold(hyper.powers(), |powers, _| hyper.next(&powers))).unwrap()
}

fn adamw(weight_decay: f64) -> Hyper {
    Hyper::AdamW(adamw::Hyper { weight_decay, ..adamw::Hyper::default() })
}

/// Every optimizer with every operation that can be left out, in and out.
fn every_hyper() -> Vec<Hyper> {
    let mut all = Vec::new();
    for weight_decay in [0.0, 0.01] {
        let heavy = sgd::Hyper { lr: 0.1, momentum: 0.9, weight_decay, ..sgd::Hyper::default() };
        let uncorrected = adam::Hyper { bias_correction: false, eps: 0.0, weight_decay, ..adam::Hyper::default() };
        all.extend([
            adamw(weight_decay),
            Hyper::Adam(adam::Hyper { weight_decay, ..adam::Hyper::default() }),
            Hyper::Adam(uncorrected),
            Hyper::Adagrad(adagrad::Hyper { weight_decay, ..adagrad::Hyper::default() }),
            Hyper::Lion(lion::Hyper { weight_decay, ..lion::Hyper::default() }),
            Hyper::Sgd(sgd::Hyper { momentum: 0.0, ..heavy }),
            Hyper::Sgd(heavy),
            Hyper::Sgd(sgd::Hyper { dampening: 0.3, ..heavy }),
            Hyper::Sgd(sgd::Hyper { nesterov: true, ..heavy }),
        ]);
    }
    all
}

#[test]
fn every_level_equals_the_specification() {
    for hyper in every_hyper() {
        for step in [1, 2] {
            let k = coefficients(&hyper, step);
            // Lengths around a vector, and one that is dealt to several threads with a ragged end.
            for n in [1, 7, 15, 16, 17, 33, 2 * ELEMENTS_WORTH_A_THREAD + 13] {
                let tensors = draw(n as u64 + step, n, hyper.states().len());
                let mut bad = false;
                let expected = after(tensors.clone(), |p, mut s, g| bad = k.step(p, &mut s, g));
                for level in Level::available() {
                    let mut soft = Soft::with_level(Some(3), level);
                    let found = after(tensors.clone(), |params, states, grads| {
                        let found = soft.step(&k, 1.0, Tensors { params, states, grads: grads.into(), half: None });
                        assert_eq!(found, bad, "{}: {hyper:?} at n = {n}", level.name());
                    });
                    assert!(found == expected, "{}: {hyper:?} differs at n = {n}", level.name());
                }
            }
        }
    }
}

/// Without its vector unit a step calls the C library for every fused operation, some thirty times slower: no bit tells, so this does.
#[test]
fn a_wider_level_is_compiled_for_its_unit() {
    let k = coefficients(&adamw(0.01), 1);
    let fastest = |level: Level| {
        let (mut params, mut states, grads) = (vec![0.5; 1 << 14], vec![vec![0.25; 1 << 14]; 2], vec![0.125; 1 << 14]);
        let times = (0..20).map(|_| {
            let begun = std::time::Instant::now();
            let mut states: Vec<&mut [f32]> = states.iter_mut().map(Vec::as_mut_slice).collect();
            level.step(&k, &mut params, &mut states, &grads);
            begun.elapsed()
        });
        times.min().unwrap()
    };
    let levels = Level::available();
    let portable = fastest(levels[0]);
    for &level in &levels[1..] {
        let time = fastest(level);
        assert!(4 * time < portable, "{}: {time:?}, portable: {portable:?}", level.name());
    }
}

#[test]
#[should_panic(expected = "the tensors have one length")]
fn tensors_of_several_lengths_are_a_mistake() {
    let (mut params, mut short) = ([0.0; 4], [0.0; 3]);
    let grads = Gradients::Fp32(&[0.0; 4]);
    let tensors = Tensors { params: &mut params, states: vec![&mut short], grads, half: None };
    let k = coefficients(&Hyper::Lion(lion::Hyper::default()), 1);
    Soft::open(Some(1)).step(&k, 1.0, tensors);
}

fn arguments(buffers: &[Buffer; 4], weight_decay: f64, elements: u32) -> Vec<Value> {
    crate::step::arguments(buffers, &coefficients(&adamw(weight_decay), 1), elements)
}

#[test]
fn as_a_device_it_equals_the_specification() {
    let n = 1000;
    let four = draw(5, n, 2);
    let k = coefficients(&adamw(0.01), 1);
    let mut soft = Soft::open(None);
    let buffers = [(); 4].map(|()| soft.allocate(4 * n as u64, 0).unwrap());
    for (buffer, data) in buffers.iter().zip(&four) {
        soft.write(buffer, 0, bytemuck::cast_slice(data)).unwrap();
    }
    soft.start(&arguments(&buffers, 0.01, n as u32)).unwrap();
    soft.wait(Duration::from_secs(1)).unwrap();
    for (buffer, expected) in buffers.iter().zip(after(four, |p, mut s, g| _ = k.step(p, &mut s, g))) {
        let mut got = vec![0f32; n];
        soft.read(buffer, 0, bytemuck::cast_slice_mut(&mut got)).unwrap();
        assert!(bits(&got) == expected);
    }
}

#[test]
fn refuses_what_the_kernel_refuses() {
    let mut soft = Soft::open(None);
    let buffers = [(); 4].map(|()| soft.allocate(64, 0).unwrap());
    let good = arguments(&buffers, 0.0, 16);
    let mut with = |id: usize, value: Value| {
        let mut list = good.clone();
        list[id] = value;
        soft.start(&list).map_err(|e| e.to_string())
    };
    assert_eq!(with(argument::ELEMENTS, Value::U32(16)), Ok(()));
    for (id, value, name) in [
        (argument::ELEMENTS, Value::U32(0), "elements"),
        (argument::FLAGS, Value::U32(16), "flags"),
        (argument::OPTIMIZER, Value::U32(5), "optimizer"),
        (argument::GRAD_FORMAT, Value::U32(3), "grad_format"),
        (argument::GRAD_FORMAT, Value::U32(7), "grad_format"),
        (argument::HALF_FORMAT, Value::U32(3), "half_format"),
        (argument::GRAD_SCALE, Value::U32(1), "grad_scale"),
    ] {
        assert!(with(id, value).unwrap_err().contains(name));
    }
    assert!(with(argument::GRAD_FORMAT, Value::U32(4)).unwrap_err().contains("it ends too early"), "no stream at all");
    assert!(with(argument::HALF_FORMAT, Value::U32(1)).unwrap_err().contains("no buffer"), "a copy to nowhere");
    assert!(with(argument::ELEMENTS, Value::U32(17)).unwrap_err().contains("no buffer"));
    assert!(soft.write(&buffers[0], 60, &[0; 8]).is_err());
    soft.release(buffers[0]);
    assert!(soft.start(&good).is_err());
    soft.write(&buffers[1], 0, &[1; 64]).expect("a refused start loses no buffer");
}

#[test]
fn as_a_device_it_does_every_optimizer_and_scales_gradients() {
    let n = 100;
    for optimizer in Optimizer::ALL {
        let k = coefficients(&Hyper::of(optimizer), 1);
        let states = Hyper::of(optimizer).states().len();
        let tensor = |seed: u32| (0..n).map(|i| (i * seed % 17) as f32 / 16.0 - 0.25).collect::<Vec<f32>>();
        let mut tensors: Vec<Vec<f32>> = (0..states as u32 + 2).map(|i| tensor(3 + i)).collect();
        tensors[1..=states].iter_mut().flatten().for_each(|x| *x = x.abs());
        let mut soft = Soft::open(Some(1));
        let buffers: Vec<Buffer> = tensors.iter().map(|_| soft.allocate(4 * u64::from(n), 0).unwrap()).collect();
        for (buffer, tensor) in buffers.iter().zip(&tensors) {
            soft.write(buffer, 0, bytemuck::cast_slice(tensor)).unwrap();
        }
        let mut list = crate::step::arguments(&buffers, &k, n);
        list[argument::GRAD_SCALE] = Value::F32(0.5);
        soft.start(&list).unwrap();
        let grads: Vec<f32> = tensors.pop().unwrap().iter().map(|g| g * 0.5).collect();
        let (params, states) = tensors.split_first_mut().unwrap();
        let mut states: Vec<&mut [f32]> = states.iter_mut().map(Vec::as_mut_slice).collect();
        k.step(params, &mut states, &grads);
        for (buffer, expected) in buffers.iter().zip(&tensors) {
            let mut found = vec![0.0f32; n as usize];
            soft.read(buffer, 0, bytemuck::cast_slice_mut(&mut found)).unwrap();
            assert_eq!(&found, expected, "{optimizer}");
        }
    }
}
