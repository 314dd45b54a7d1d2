//! Any optimizer is the one it says.

use super::*;

#[test]
fn names_are_found_again_and_belong_to_the_hyper_parameters() {
    for optimizer in Optimizer::ALL {
        assert_eq!(Optimizer::from_name(optimizer.name()), Some(optimizer));
        let hyper = Hyper::of(optimizer);
        assert_eq!((hyper.optimizer(), hyper.check()), (optimizer, Ok(())));
        let powers = hyper.next(&hyper.powers());
        assert_eq!(hyper.coefficients(&powers).unwrap().optimizer(), optimizer);
        assert_eq!(hyper.with_lr(0.125).lr(), 0.125);
        assert_eq!(hyper.with_lr(hyper.lr()), hyper);
        assert_eq!(hyper.with_lr(f64::NAN).check().unwrap_err().name, "lr");
    }
    assert_eq!(Optimizer::from_name("rmsprop"), None);
}

#[test]
fn states_are_those_of_the_export() {
    let states = |optimizer| Hyper::of(optimizer).states();
    assert_eq!(states(Optimizer::Adam), ["exp_avg", "exp_avg_sq"]);
    assert_eq!(states(Optimizer::AdamW), ["exp_avg", "exp_avg_sq"]);
    assert_eq!(states(Optimizer::Adagrad), ["exp_avg_sq"]);
    assert_eq!(states(Optimizer::Lion), ["exp_avg"]);
    assert!(states(Optimizer::Sgd).is_empty());
    let momentum = Hyper::Sgd(sgd::Hyper { momentum: 0.9, ..sgd::Hyper::default() });
    assert_eq!(momentum.states(), ["momentum_buffer"]);
}

#[test]
fn products_count_steps_where_no_bias_is_corrected() {
    for optimizer in [Optimizer::Adagrad, Optimizer::Sgd, Optimizer::Lion] {
        let hyper = Hyper::of(optimizer);
        let powers = hyper.next(&hyper.next(&hyper.powers()));
        assert_eq!((powers.step, powers.beta1_t, powers.beta2_t), (2, 1.0, 1.0));
    }
    let adam = Hyper::of(Optimizer::Adam);
    let powers = adam.next(&adam.next(&adam.powers()));
    assert_eq!((powers.step, powers.beta1_t), (2, 0.9f32 * 0.9f32));
}

#[test]
fn a_step_is_the_optimizers_own() {
    let (p, a, b, g) = ([1.0, -2.0, 0.5], [0.1, 0.2, -0.3], [0.3, 0.2, 0.1], [0.5, -1.5, 2.5]);
    let mut hypers = Optimizer::ALL.map(Hyper::of).to_vec();
    hypers.push(Hyper::Sgd(sgd::Hyper { momentum: 0.9, ..sgd::Hyper::default() }));
    for hyper in hypers {
        let k = hyper.coefficients(&hyper.next(&hyper.powers())).unwrap();
        let (mut p1, mut a1, mut b1) = (p, a, b);
        let mut states = [&mut a1[..], &mut b1[..]];
        assert!(!k.step(&mut p1, &mut states[..hyper.states().len()], &g));
        let (mut p2, mut a2, mut b2) = (p, a, b);
        let found = match &k {
            Coefficients::Adam(k) => adam::step(k, &mut p2, &mut a2, &mut b2, &g),
            Coefficients::AdamW(k) => adamw::step(k, &mut p2, &mut a2, &mut b2, &g),
            Coefficients::Adagrad(k) => adagrad::step(k, &mut p2, &mut a2, &g),
            Coefficients::Sgd(k) if k.has_buffer() => sgd::step(k, &mut p2, &mut a2, &g),
            Coefficients::Sgd(k) => sgd::plain_step(k, &mut p2, &g),
            Coefficients::Lion(k) => lion::step(k, &mut p2, &mut a2, &g),
        };
        assert!(!found);
        assert_eq!((p1, a1, b1), (p2, a2, b2), "{hyper:?}");
        assert_ne!(p1, p, "{hyper:?} did nothing");
        for (at, bad) in [(0, f32::INFINITY), (1, f32::NEG_INFINITY), (2, f32::NAN), (0, -f32::NAN)] {
            let mut grads = g;
            grads[at] = bad;
            let mut states = [&mut a1[..], &mut b1[..]];
            assert!(k.step(&mut p1, &mut states[..hyper.states().len()], &grads), "{hyper:?}, {bad}");
        }
    }
}

#[test]
#[should_panic(expected = "1 states were given to adam")]
fn other_numbers_of_states_are_a_mistake() {
    let hyper = Hyper::of(Optimizer::Adam);
    let k = hyper.coefficients(&hyper.next(&hyper.powers())).unwrap();
    k.step(&mut [1.0], &mut [&mut [0.0]], &[1.0]);
}
