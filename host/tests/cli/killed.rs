//! The real program, killed at any moment: the store stands at the step before or after, and no byte is wrong.

use crate::journey::{gradient, model};
use crate::workbench::Workbench;
use nearfield::store::{State, Store};
use nearfield_model::optimizer::{Hyper, Optimizer};
use rand::{Rng, SeedableRng};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

const ELEMENTS: u64 = 500_003;

/// The training that the store should be in, a step at a time.
struct Expected {
    hyper: Hyper,
    states: Vec<State>,
}

impl Expected {
    fn new() -> Expected {
        let hyper = Hyper::of(Optimizer::AdamW);
        let params = (0..ELEMENTS).map(|i| (i as f32 / 1000.0).sin()).collect();
        Expected { hyper, states: vec![State::new(params, &hyper)] }
    }

    fn at(&mut self, step: u64) -> &State {
        while self.states.len() as u64 <= step {
            let mut state = self.states[self.states.len() - 1].clone();
            let number = self.states.len() as u64;
            let powers = (0..number).fold(self.hyper.powers(), |powers, _| self.hyper.next(&powers));
            let grads: Vec<f32> = (0..ELEMENTS).map(|i| gradient(number % 5, i)).collect();
            let mut states: Vec<&mut [f32]> = state.states.iter_mut().map(Vec::as_mut_slice).collect();
            self.hyper.coefficients(&powers).unwrap().step(&mut state.params, &mut states, &grads);
            self.states.push(state);
        }
        &self.states[step as usize]
    }
}

#[test]
fn at_random_moments() {
    let kills = if std::env::var_os("NEARFIELD_LONG").is_some() { 200 } else { 20 };
    let bench = Workbench::new();
    bench.write("params", &model(ELEMENTS, |i| (i as f32 / 1000.0).sin()));
    for number in 0..5 {
        bench.write(&format!("grads-{number}"), &model(ELEMENTS, |i| gradient(number, i)));
    }
    bench.done("init --params params --store a,b,c --subgroup 65536");
    let folders: Vec<PathBuf> = ["a", "b", "c"].map(|name| bench.path(name)).into();
    let step = |from: u64| {
        let mut command = bench.command(&format!("step --store a,b,c --grads grads-{} -q", (from + 1) % 5));
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    };
    let begun = Instant::now();
    assert!(step(0).status().unwrap().success());
    let whole = begun.elapsed();

    let mut expected = Expected::new();
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(20);
    let (mut done, mut killed, mut stored) = (1, 0, 0);
    while killed < kills {
        let mut child = step(done).spawn().unwrap();
        std::thread::sleep(Duration::from_secs_f64(whole.as_secs_f64() * random.random_range(0.0..1.2)));
        let ended = child.try_wait().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let store = Store::open(&folders).unwrap_or_else(|error| panic!("after {killed} kills: {error}"));
        let now = store.powers().step;
        match ended {
            Some(status) => assert!(status.success() && now == done + 1, "{status}, step {now} after {done}"),
            None => {
                killed += 1;
                stored += u64::from(now == done + 1);
                assert!(now == done || now == done + 1, "step {now} after {done}");
            }
        }
        done = now;
        assert!(store.load().unwrap() == *expected.at(done), "wrong bytes at step {done} after {killed} kills");
    }
    // A store that is never killed in a step proves nothing.
    assert!(stored < kills, "all {kills} kills came after the step");
}
