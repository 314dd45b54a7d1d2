//! Stores that are checked, repaired, resharded, and copied while training goes on.

use crate::journey::{gradient, model};
use crate::workbench::{Ended, Workbench};
use nearfield::store::Store;
use serde_json::Value;
use std::fs;

pub const ELEMENTS: u64 = 5003;
pub const FLAGS: &str = "--optimizer adamw --lr 0.01 --betas 0.9,0.95";

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// Parameters, and gradients of a step.
pub fn bench() -> Workbench {
    let bench = Workbench::new();
    bench.write("params", &model(ELEMENTS, |i| (i as f32 / 1000.0).sin()));
    bench.write("grads", &model(ELEMENTS, |i| gradient(1, i)));
    bench
}

impl Workbench {
    pub fn steps(&self, store: &str, steps: u64) {
        for _ in 0..steps {
            self.done(&format!("step --store {store} --grads grads"));
        }
    }

    /// Every byte of a store's tensors, as exported.
    pub fn exported(&self, store: &str) -> Vec<u8> {
        self.done(&format!("export --store {store} -o exported --state"));
        fs::read(self.path("exported")).unwrap()
    }

    /// Runs it and expects that it began and failed, with a message that has all of `says`.
    fn failed(&self, line: &str, says: &[&str]) -> Ended {
        let ended = self.run(line);
        assert_eq!(ended.code, 1, "nearfield {line}: {ended:?}");
        for part in says {
            assert!(ended.stderr.contains(part), "nearfield {line}: `{part}` is not in: {}", ended.stderr);
        }
        ended
    }

    fn flip(&self, file: &str, at: usize) {
        let mut bytes = fs::read(self.path(file)).unwrap();
        bytes[at] ^= 0x20;
        fs::write(self.path(file), bytes).unwrap();
    }
}

#[test]
fn steps_on_three_devices_then_on_two_are_those_on_one() {
    let bench = bench();
    for store in ["one", "a,b,c"] {
        bench.done(&format!("init --params params --store {store} --subgroup 1024 {FLAGS}"));
        bench.steps(store, 2);
    }
    let old = ["a", "b", "c"].map(|name| fs::read(bench.path(name).join("params-0.f32")).unwrap());
    let made = json(&bench.done("reshard --store a,b,c --to x,y --subgroup 1500 --json"));
    assert_eq!((made["devices_before"].as_u64(), made["devices"].as_u64()), (Some(3), Some(2)));
    assert_eq!((made["step"].as_u64(), made["elements"].as_u64()), (Some(2), Some(ELEMENTS)));
    for store in ["one", "x,y"] {
        bench.steps(store, 2);
    }
    let bytes = bench.exported("one");
    assert!(bench.exported("x,y") == bytes);
    let now = ["a", "b", "c"].map(|name| fs::read(bench.path(name).join("params-0.f32")).unwrap());
    assert!(old == now);
    bench.steps("a,b,c", 2);
    assert!(bench.exported("a,b,c") == bytes, "the old store goes on");

    bench.refused("reshard --store one --to x,z", &["x exists already"]);
    bench.refused("reshard --store one --to z,z", &["named twice"]);
    bench.refused("reshard --store one --to z --subgroup 5", &["1024 is the least"]);
    bench.refused("reshard --store a,b --to z", &["has 3 folders, but 2 were named"]);
    bench.refused("reshard --store nowhere --to z", &["is no store"]);
    bench.done("accumulate --store x,y --grads grads");
    bench.refused("reshard --store x,y --to z", &["has 1 accumulated gradients", "step --accumulated"]);
    let made = json(&bench.done("snapshot --store x,y --to u,v --json"));
    assert_eq!(made["accumulated_left_out"], 1);
    assert!(bench.exported("u,v") == bytes);
    bench.flip("one/exp_avg_sq-0.f32", 4000);
    bench.failed("reshard --store one --to z", &["exp_avg_sq-0.f32 is damaged", "nearfield check"]);
    assert!(!bench.path("z").exists());
}

#[test]
fn snapshots_that_are_taken_while_steps_are_done_are_whole() {
    const STEPS: u64 = 20;
    let bench = bench();
    // What the store has after each step.
    bench.done(&format!("init --params params --store known {FLAGS}"));
    let mut known = vec![bench.exported("known")];
    for _ in 0..=STEPS {
        bench.steps("known", 1);
        known.push(bench.exported("known"));
    }
    bench.done(&format!("init --params params --store s,t --subgroup 1024 {FLAGS}"));
    let mut taken = 0;
    std::thread::scope(|scope| {
        let trains = scope.spawn(|| bench.steps("s,t", STEPS));
        while !trains.is_finished() {
            let name = format!("x{taken},y{taken}");
            let made = json(&bench.done(&format!("snapshot --store s,t --to {name} --json")));
            let step = made["step"].as_u64().unwrap() as usize;
            bench.done(&format!("check --store {name}"));
            assert!(bench.exported(&name) == known[step], "the snapshot of step {step} differs");
            bench.steps(&name, 1);
            assert!(bench.exported(&name) == known[step + 1], "the snapshot of step {step} goes on differently");
            taken += 1;
        }
        trains.join().unwrap();
    });
    assert!(taken > 2, "only {taken} were taken");
    assert!(bench.exported("s,t") == known[STEPS as usize], "a snapshot disturbed the steps");
}

#[test]
fn snapshots_are_refused_or_fail_and_leave_nothing() {
    let bench = bench();
    bench.done(&format!("init --params params --store s,t --subgroup 1024 {FLAGS}"));
    bench.steps("s,t", 1);
    let held = Store::open(&["s", "t"].map(|name| bench.path(name))).unwrap();
    let made = json(&bench.done("snapshot --store s,t --to x,y --json"));
    assert_eq!((made["step"].as_u64(), made["attempts"].as_u64()), (Some(1), Some(1)));
    let (shared, copied) = (made["shared_files"].as_u64().unwrap(), made["copied_files"].as_u64().unwrap());
    assert_eq!(shared + copied, 6);
    assert_eq!(made["copied_bytes"].as_u64().unwrap() > 0, copied > 0);
    drop(held);
    bench.refused("snapshot --store s,t --to x,z", &["x exists already"]);
    bench.refused("snapshot --store s,t --to z", &["has 2 folders, but 1 are named"]);
    bench.refused("snapshot --store s --to z", &["has 2 folders, but 1 were named"]);
    bench.refused("snapshot --store nowhere --to z", &["is no store"]);
    bench.refused("snapshot --store s,t --to no/x,no/y", &["make that first"]);
    bench.refused("step --store s,y --grads grads", &["of another store"]);
    bench.flip("t/params-1.f32", 100);
    bench.failed("snapshot --store s,t --to z0,z1", &["t is damaged", "the copy/params-0.f32: subgroup"]);
    assert!(!bench.path("z0").exists() && !bench.path("z1").exists());
}

#[test]
fn damage_is_found_and_repaired_while_the_step_before_stands() {
    let bench = bench();
    bench.done(&format!("init --params params --store s,t --subgroup 1024 {FLAGS}"));
    bench.steps("s,t", 1);
    let first = bench.exported("s,t");
    bench.steps("s,t", 1);
    let second = bench.exported("s,t");
    let whole = json(&bench.done("check --store s,t --json"));
    let steps = |printed: &Value| -> Vec<(u64, usize)> {
        let of = |found: &Value| (found["step"].as_u64().unwrap(), found["damage"].as_array().unwrap().len());
        printed["generations"].as_array().unwrap().iter().map(of).collect()
    };
    assert_eq!(steps(&whole), [(2, 0), (1, 0)]);
    assert!(bench.done("check --store s,t --repair").contains("step 2, the last one, is whole"));
    assert!(bench.exported("s,t") == second, "nothing is repaired in a store that is whole");

    // The step before is damaged: that costs nothing yet.
    bench.flip("t/params-1.f32", 40);
    let found = bench.done("check --store s,t");
    assert!(
        found.contains("step 1, the one before, is damaged") && found.contains("device 1: t/params-1.f32"),
        "{found}"
    );
    bench.flip("t/params-1.f32", 40);

    // The last one.
    bench.flip("s/exp_avg-0.f32", 5);
    let ended = bench.failed("check --store s,t --json", &["is damaged", "--repair goes back to step 1"]);
    assert_eq!(steps(&json(&ended.stdout)), [(2, 1), (1, 0)]);
    let repaired = json(&bench.done("check --store s,t --repair --json"));
    assert_eq!(repaired["repaired_to"], 1);
    assert!(bench.exported("s,t") == first);
    bench.steps("s,t", 1);
    assert!(bench.exported("s,t") == second, "the step is done again");

    // The manifest: nothing opens the store any more.
    for damage in ["flip", "remove"] {
        let manifest = bench.path("s/manifest.toml");
        let good = fs::read(&manifest).unwrap();
        match damage {
            "flip" => bench.flip("s/manifest.toml", 30),
            _ => fs::remove_file(&manifest).unwrap(),
        }
        bench.refused("export --store s,t -o out", &["s/manifest.toml is damaged", "nearfield check"]);
        let ended =
            bench.failed("check --store s,t", &["no command opens it; --repair takes the manifest of the step before"]);
        assert!(ended.stdout.contains("the manifest is damaged"), "{ended:?}");
        assert_eq!(json(&bench.done("check --store s,t --repair --json"))["repaired_to"], 1, "{damage}");
        assert!(bench.exported("s,t") == first, "{damage}");
        fs::write(&manifest, good).unwrap();
        assert!(bench.exported("s,t") == second, "{damage}");
    }

    // Both.
    bench.flip("s/exp_avg-0.f32", 5);
    bench.flip("t/exp_avg-1.f32", 5);
    bench.failed("check --store s,t", &["no step of it is whole; restore it from a snapshot"]);
    bench.failed("check --store s,t --repair", &["no older generation that is whole"]);

    let held = Store::open(&["s", "t"].map(|name| bench.path(name))).unwrap();
    bench.refused("check --store s,t", &["held by another process"]);
    drop(held);
    bench.refused("check --store t,s", &["not the first folder"]);
    bench.refused("check --store nowhere --repair", &["is no store"]);
}
