//! Stores that are made of checkpoints, this program's and others'.

use crate::checkpoints::{bench, json, ELEMENTS, FLAGS};
use crate::workbench::Workbench;
use nearfield::safetensors::{write, ElementType, RunWriter};
use nearfield::store::TensorEntry;
use nearfield::store::{Progress, Store};
use nearfield_model::optimizer::{BetaPowers, Hyper, Optimizer};
use safetensors::SafeTensors;
use std::collections::BTreeMap;
use std::fs;

/// Tensors with their shapes.
type Tensors = BTreeMap<String, (Vec<u64>, Vec<f32>)>;

impl Workbench {
    fn tensors(&self, file: &str) -> Tensors {
        let bytes = fs::read(self.path(file)).unwrap();
        let read = SafeTensors::deserialize(&bytes).unwrap();
        let of = |(name, tensor): (String, safetensors::tensor::TensorView<'_>)| {
            let shape = tensor.shape().iter().map(|&n| n as u64).collect();
            let data = tensor.data().chunks_exact(4).map(bytemuck::pod_read_unaligned).collect();
            (name, (shape, data))
        };
        read.tensors().into_iter().map(of).collect()
    }

    fn put(&self, file: &str, tensors: &Tensors, step: Option<&str>) {
        let named = tensors.iter().map(|(name, (shape, data))| (name.clone(), (&shape[..], &data[..]))).collect();
        let metadata = step.map(|step| ("step".to_string(), step.to_string())).into_iter().collect();
        write(&self.path(file), &named, &metadata).unwrap();
    }
}

/// The names of a tensor's parameter and of the state it is, if it is one.
fn parts(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once('.') {
        Some((parameter, state @ ("exp_avg" | "exp_avg_sq" | "momentum_buffer"))) => (parameter, Some(state)),
        _ => (name, None),
    }
}

/// The same tensors under other names, with a step for every parameter.
fn renamed(tensors: &Tensors, name: impl Fn(&str, Option<&str>) -> String, step: f32) -> Tensors {
    let mut renamed = Tensors::new();
    for (tensor, content) in tensors {
        let (parameter, state) = parts(tensor);
        renamed.insert(name(parameter, state), content.clone());
        if state.is_none() {
            renamed.insert(name(parameter, Some("step")), (vec![], vec![step]));
        }
    }
    renamed
}

fn pytorch(parameter: &str, state: Option<&str>) -> String {
    state.map_or(parameter.into(), |state| format!("state.{parameter}.{state}"))
}

fn deepspeed(parameter: &str, state: Option<&str>) -> String {
    format!("zero/{parameter}/{}", state.unwrap_or("fp32"))
}

#[test]
fn what_is_exported_and_imported_is_exported_the_same() {
    let optimizers = [
        FLAGS,
        "--optimizer adagrad --lr 0.01",
        "--optimizer lion --lr 1e-4",
        "--optimizer sgd --lr 0.01 --momentum 0.9",
        "--optimizer sgd --lr 0.01",
    ];
    for flags in optimizers {
        let bench = bench();
        bench.done(&format!("init --params params --store store --no-decay b {flags}"));
        bench.steps("store", 3);
        let bytes = bench.exported("store");
        bench.done("export --store store -o shards --state --shard 16K");
        for (from, to) in [("exported", "x"), ("shards", "y0,y1")] {
            let line = format!("import --from {from} --store {to} --no-decay b {flags} --json");
            let made = json(&bench.done(&line));
            assert_eq!((made["step"].as_u64(), made["elements"].as_u64()), (Some(3), Some(ELEMENTS)), "{flags}");
            assert!(bench.exported(to) == bytes, "{flags}: {from} differs");
        }
        let folders = ["y0", "y1"].map(|name| bench.path(name));
        let store = Store::open(&folders).unwrap();
        assert_eq!(store.manifest().groups.iter().map(|group| group.tensors).collect::<Vec<_>>(), [2, 1]);
        let progress = store.manifest().current().progress;
        if flags == FLAGS {
            // The products are not in the file: they are powers, as of any jump of the step.
            assert_eq!(progress, Progress::of(&BetaPowers::new(0.9, 0.95).at(3, 0.9, 0.95)));
        } else {
            assert_eq!((progress.beta1_t, progress.beta2_t), (1.0, 1.0));
        }
        drop(store);
        if flags != FLAGS {
            // Nothing but the tensors and the step decides how these go on.
            bench.steps("store", 1);
            bench.steps("x", 1);
            assert!(bench.exported("x") == bench.exported("store"), "{flags}: they go on differently");
        }
        // A step that is said counts more than the one in the file.
        assert_eq!(json(&bench.done(&format!("import --from exported --store z --step 9 {flags} --json")))["step"], 9);
    }
}

#[test]
fn checkpoints_of_others_are_imported() {
    let bench = bench();
    bench.done(&format!("init --params params --store store {FLAGS}"));
    bench.steps("store", 3);
    let bytes = bench.exported("store");
    let own = bench.tensors("exported");
    let imported = |to: &str, flags: &str| {
        bench.done(&format!("import --store {to} {FLAGS} {flags}"));
        assert!(bench.exported(to) == bytes, "import {flags}: differs");
    };
    let mut named = renamed(&own, pytorch, 3.0);
    named.insert("param_groups.b.lr".into(), (vec![], vec![0.5]));
    bench.put("pytorch", &named, None);
    imported("a", "--from pytorch");
    let (state, params): (Tensors, Tensors) = named.into_iter().partition(|(name, _)| name.starts_with("state."));
    bench.put("state", &state, None);
    bench.put("apart", &params.into_iter().filter(|(name, _)| !name.starts_with("param")).collect(), None);
    imported("b", "--from state --params apart");

    let order = ["c", "a/../weight", "b"];
    fs::write(bench.path("order"), order.join("\n")).unwrap();
    let counted = renamed(
        &own,
        |parameter, state| {
            let number = order.iter().position(|name| *name == parameter).unwrap();
            state.map_or(parameter.into(), |state| format!("state.{number}.{state}"))
        },
        3.0,
    );
    bench.put("counted", &counted, None);
    imported("c", "--from counted --order order");
    bench.refused(&format!("import --store x {FLAGS} --from counted"), &["counts the parameters", "--order"]);

    bench.put("deepspeed", &renamed(&own, deepspeed, 3.0), None);
    imported("d", "--from deepspeed");
    let plain = |parameter: &str, state: Option<&str>| deepspeed(parameter, state)["zero/".len()..].to_string();
    bench.put("plain", &renamed(&own, plain, 3.0), None);
    imported("e", "--from plain");

    // PyTorch's Adagrad calls its accumulator `sum`.
    bench.done("init --params params --store adagrad --optimizer adagrad");
    bench.steps("adagrad", 3);
    let bytes = bench.exported("adagrad");
    let sum = |parameter: &str, state: Option<&str>| {
        pytorch(parameter, state.map(|state| if state == "exp_avg_sq" { "sum" } else { state }))
    };
    bench.put("sum", &renamed(&bench.tensors("exported"), sum, 3.0), None);
    bench.done("import --from sum --store f --optimizer adagrad");
    assert!(bench.exported("f") == bytes);
    assert_eq!(Store::open(&[bench.path("f")]).unwrap().hyper(), Hyper::of(Optimizer::Adagrad));
}

#[test]
fn checkpoints_that_do_not_fit_are_refused() {
    let bench = bench();
    bench.done(&format!("init --params params --store store {FLAGS}"));
    bench.steps("store", 2);
    bench.exported("store");
    let own = bench.tensors("exported");
    let line = format!("import --from other --store new {FLAGS}");
    let refused = |tensors: &Tensors, step: Option<&str>, says: &[&str]| {
        bench.put("other", tensors, step);
        bench.refused(&line, says);
    };
    let with = |tensors: &Tensors, name: &str, content: Option<(Vec<u64>, Vec<f32>)>| {
        let mut tensors = tensors.clone();
        tensors.remove(name);
        tensors.extend(content.map(|content| (name.to_string(), content)));
        tensors
    };
    refused(
        &with(&own, "c.exp_avg", None),
        Some("2"),
        &["none that are known", "it has no \"c.exp_avg\"", "NAME/fp32"],
    );
    refused(&with(&own, "c", None), Some("2"), &["none that are known", "\"c.exp_avg.exp_avg\""]);
    refused(
        &with(&own, "b.exp_avg", Some((vec![2], vec![0.0; 2]))),
        Some("2"),
        &["\"b.exp_avg\"", "has the shape [2]"],
    );
    refused(&own, None, &["how many steps", "neither its metadata nor a tensor", "--step"]);
    refused(&own, Some("two"), &["the step \"two\""]);
    refused(&own, Some("9007199254740992"), &["the step \"9007199254740992\""]);
    let torch = renamed(&own, pytorch, 2.0);
    let step = |step: f32| with(&torch, "state.b.step", Some((vec![], vec![step])));
    refused(&step(3.0), None, &["says 2, and \"state.b.step\" says 3"]);
    refused(&torch, Some("4"), &["the metadata says 4", "says 2"]);
    for bad in [2.5, -1.0, f32::NAN, 16_777_216.0] {
        refused(&step(bad), None, &["\"state.b.step\"", "counts no steps"]);
    }
    refused(&with(&torch, "state.b.step", Some((vec![2], vec![2.0; 2]))), None, &["is not one F32 number"]);
    refused(&with(&torch, "state.b.step", None), None, &["only 2 of 3 parameters have a step"]);
    refused(&with(&torch, "state.z.exp_avg", Some((vec![], vec![0.0]))), None, &["a tensor \"state.z.exp_avg\""]);
    bench.put("other", &own, Some("2"));
    for (flags, says) in [
        ("--optimizer lion", "neither a parameter nor a state of lion"),
        ("--optimizer sgd", "neither a parameter nor a state of sgd"),
        ("--no-decay d", "matches no tensor of other"),
        ("--step 9007199254740992", "--step"),
        ("--params params --order order", "cannot read order"),
        ("--order /dev/zero", "/dev/zero is no list"),
        ("--params nothing", "cannot read nothing"),
        ("--subgroup 5", "1024 is the least"),
    ] {
        bench.refused(&format!("import --from other --store new {flags}"), &[says]);
    }
    bench.refused("import --from other --store store", &["exists already"]);
    bench.refused("import --from missing --store new", &["cannot read missing"]);
    for (order, says) in [("", "it is empty"), ("b\n\nc", "an empty line"), ("b\nc\nb", "\"b\" is in it twice")] {
        fs::write(bench.path("order"), order).unwrap();
        bench.refused("import --from other --store new --order order", &["order is no list", says]);
    }
    fs::write(bench.path("order"), "b\nc").unwrap();
    bench.refused("import --from other --store new --order order", &["it has no \"state.0.exp_avg\""]);
    // A parameter without a state is not left out silently.
    let mut more = bench.tensors("params");
    more.insert("d".into(), (vec![], vec![1.0]));
    bench.put("more", &more, None);
    bench.refused("import --from other --params more --store new", &["it has no \"d.exp_avg\""]);
    let halves = ["w", "w.exp_avg", "w.exp_avg_sq"].map(|name| TensorEntry { name: name.into(), shape: vec![1] });
    RunWriter::create(&bench.path("half"), ElementType::BF16, &halves).unwrap().finish().unwrap();
    bench.refused("import --from half --store new --step 1", &["is BF16, but only F32"]);
}
