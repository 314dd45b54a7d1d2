//! Bad input: refused with exit code 2, a message that says what to do, and nothing written.

#[cfg(feature = "sim")]
use crate::workbench::Ended;
use crate::workbench::{Tensor, Workbench};
use std::fs;

fn tensor(name: &'static str, shape: &[u64]) -> Tensor {
    let elements: u64 = shape.iter().product();
    (name, shape.to_vec(), (0..elements).map(|i| i as f32).collect())
}

/// A workbench with parameters, gradients and a store.
fn ready() -> Workbench {
    let bench = Workbench::new();
    bench.write("params", &[tensor("w", &[2, 3]), tensor("b", &[3])]);
    bench.write("grads", &[tensor("w", &[2, 3]), tensor("b", &[3])]);
    bench.done("init --params params --store store");
    bench
}

#[test]
fn hyper_parameters() {
    let bench = ready();
    for (flags, says) in [
        ("--lr NaN", "lr is NaN"),
        ("--lr -0.001", "lr is -0.001"),
        ("--lr inf", "lr is inf"),
        ("--lr fast", "invalid value 'fast'"),
        ("--betas 0.9", "no pair of numbers"),
        ("--betas 0.9,1", "beta2 is 1"),
        ("--betas -0.1,0.9", "beta1 is -0.1"),
        ("--betas NaN,0.9", "beta1 is NaN"),
        ("--eps -1e-8", "eps is -0.00000001"),
        ("--weight-decay NaN", "weight_decay is NaN"),
        ("--weight-decay -0.01", "weight_decay is -0.01"),
        ("--optimizer adamx", "there is no such optimizer; there are adam, adamw, adagrad, sgd, lion"),
        ("--momentum 0.9", "adamw has no --momentum; leave it out (adamw has --lr, --betas, --eps,"),
        ("--optimizer lion --eps 1e-8", "lion has no --eps"),
        ("--optimizer lion --betas 0.9,1", "beta2 is 1"),
        ("--optimizer lion --no-bias-correction", "lion has no --no-bias-correction"),
        ("--optimizer adagrad --betas 0.9,0.99", "adagrad has no --betas"),
        ("--optimizer adagrad --eps -1", "eps is -1"),
        ("--optimizer adam --nesterov", "adam has no --nesterov"),
        ("--optimizer adam --lr NaN", "lr is NaN"),
        ("--optimizer sgd --eps 1", "sgd has no --eps"),
        ("--optimizer sgd --momentum -0.5", "momentum is -0.5"),
        ("--optimizer sgd --momentum 0.9 --dampening 1.5", "dampening is 1.5, but must be 0 to 1"),
        ("--optimizer sgd --dampening 0.5", "dampening is 0.5, but must be 0 without momentum"),
        ("--optimizer sgd --nesterov", "momentum is 0, but must be above 0 with nesterov"),
        ("--optimizer sgd --momentum 0.9 --dampening 0.1 --nesterov", "dampening is 0.1, but must be 0 with nesterov"),
    ] {
        bench.refused(&format!("init --params params --store other {flags}"), &[says]);
    }
    bench.refused("step --store store --grads grads --lr NaN", &["lr is NaN"]);
    bench.refused("step --store store --grads grads --lr -1", &["lr is -1"]);
    bench.refused(
        "step --store store --grads grads --optimizer lion",
        &["store was made for adamw, not for lion; name adamw or another store"],
    );
    bench.refused("step --store store --grads grads --optimizer lamb", &["there is no such optimizer"]);
    bench.refused(
        "step --store store --grads grads --lr 1e38",
        &["lr is 1", "so small that lr / (1 - beta1^t) fits f32"],
    );
}

#[test]
fn devices() {
    let bench = ready();
    for (device, says) in [
        ("gpu", "there are soft, sim:ideal"),
        ("sim", "needs a board"),
        ("sim:vcu128", "there is no board `vcu128`; there are sim:ideal, sim:hostile, sim:smartssd"),
        ("sim:ideal,lanes=3", "lanes can be 1, 2, 4"),
        ("sim:ideal,lanes=0", "lanes can be 1, 2, 4"),
        ("sim:ideal,speed=9", "there are optimizer, lanes, seed, clock"),
        ("sim:ideal,optimizer=lamb", "optimizer"),
        ("soft,threads=0", "1 to 1024"),
        ("xrt:none", "its place on the bus, xrt:0000:65:00.1"),
        ("xrt-emu:ideal,lanes=3", "lanes can be 1, 2, 4"),
        ("xrt:0,lanes=2", "xclbin, unit"),
    ] {
        bench.refused(&format!("step --store store --grads grads --device {device}"), &[says]);
        bench.refused(&format!("bench kernel --device {device}"), &[says]);
    }
}

#[test]
#[cfg(feature = "sim")]
fn no_verilator() {
    let bench = ready();
    fs::create_dir(bench.path("empty")).unwrap();
    fs::create_dir(bench.path("home")).unwrap();
    let line = "step --store store --grads grads --device sim:ideal";
    let mut command = bench.command(line);
    // No cache of this user's either: what it holds must not decide this test.
    command.env("PATH", bench.path("empty")).env("NEARFIELD_CACHE", bench.path("home"));
    let params = fs::read(bench.path("store/params-0.f32")).unwrap();
    let ended: Ended = command.output().unwrap().into();
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.stderr.contains("apt-get install verilator"), "{}", ended.stderr);
    assert_eq!(fs::read(bench.path("store/params-0.f32")).unwrap(), params);
    assert!(!bench.path("store/state-1.toml").exists());
    let doctor: Ended = bench.command("doctor").env("PATH", bench.path("empty")).output().unwrap().into();
    assert_eq!(doctor.code, 2, "{doctor:?}");
    assert!(
        doctor.stderr.contains("run: apt-get install verilator g++\n") && doctor.stdout.contains("missing"),
        "{doctor:?}"
    );
}

#[test]
#[cfg(not(feature = "sim"))]
fn a_build_without_simulation_says_so() {
    let bench = ready();
    bench.refused("step --store store --grads grads --device sim:ideal", &["--features sim"]);
    bench.refused("emit --all -o rtl", &["--features sim"]);
}

#[test]
fn a_store_that_another_process_holds() {
    let bench = ready();
    let held = nearfield::store::Store::open(&[bench.path("store")]).unwrap();
    bench.refused("step --store store --grads grads", &["held by another process", "wait"]);
    bench.refused("export --store store -o out", &["held by another process"]);
    drop(held);
    bench.done("step --store store --grads grads");
}

#[test]
fn stores() {
    let bench = ready();
    bench.refused("init --params params --store store", &["exists already"]);
    bench.refused("init --params params --store params", &["exists already"]);
    bench.refused("init --params params --store no/such/store", &["does not exist", "make that first"]);
    bench.refused("step --store nowhere --grads grads", &["is no store", "nearfield init"]);
    bench.refused("export --store nowhere -o out", &["is no store"]);
    bench.refused("init --params params --store a,a", &["a is named twice"]);
    bench.refused("init --params params --store other --no-decay *.bias", &["matches no tensor", "whole name"]);
    bench.refused("init --params params --store other --no-decay [", &["--no-decay"]);
    bench.refused("init --params params --store other --subgroup 5", &["1024 is the least"]);
    bench.refused("step --store store,other --grads grads", &["other is no store"]);
    bench.refused(
        "step --store store --grads grads --device soft --device soft",
        &["2 devices", "1 folders", "one a folder"],
    );
    bench.refused("step --store store --grads grads --from-step 3", &["it stands at 0"]);
    bench.refused("step --store store --grads grads --memory 1M", &["--memory 3M"]);
    bench.refused("step --store store --grads grads --memory much", &["ends with K, M, G or T"]);
    for (output, says) in [
        ("no/such/out", "no file can be made in no/such"),
        ("store", "store is not a file"),
        ("/dev/full", "/dev/full is not a file"),
        ("store/params-0.f32", "store/params-0.f32 lies in a store"),
        ("store/../store/out", "lies in a store"),
    ] {
        bench.refused(&format!("export --store store -o {output}"), &[says]);
    }
    let file = bench.path("store/exp_avg-0.f32");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    bench.refused("step --store store --grads grads", &["exp_avg-0.f32 is damaged", "4095 bytes", "take 4096"]);
    fs::write(&file, &whole).unwrap();
    let manifest = bench.path("store/manifest.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("lr = ", "lr = 1")).unwrap();
    bench.refused(
        "step --store store --grads grads",
        &["manifest.toml is damaged", "its checksum is", "nearfield check"],
    );
}

#[test]
fn gradients_that_are_not_those_of_the_parameters() {
    let bench = ready();
    let (w, b) = (tensor("w", &[2, 3]), tensor("b", &[3]));
    let line = "step --store store --grads other";
    bench.write("other", std::slice::from_ref(&w));
    bench.refused(line, &["no tensor for the parameter \"b\""]);
    bench.write("other", &[w.clone(), b.clone(), tensor("c", &[1])]);
    bench.refused(line, &["tensor \"c\" for which there is no parameter"]);
    bench.write("other", &[tensor("w", &[3, 2]), b.clone()]);
    bench.refused(line, &["\"w\"", "has the shape [3, 2]", "the parameter has [2, 3]; reshape it"]);
    bench.write("other", &[w, tensor("b", &[3, 1])]);
    bench.refused(line, &["has the shape [3, 1]"]);
    bench.refused("step --store store --grads missing", &["cannot read missing"]);
    bench.refused("step --store store --grads store", &["a folder without files that end with .safetensors"]);
    bench.refused("step --store store --grads /dev/null", &["not a regular file"]);
}

#[test]
fn safetensors_that_are_broken_or_mean_harm() {
    let bench = ready();
    let good = fs::read(bench.path("params")).unwrap();
    let both = |bytes: &[u8], says: &[&str]| {
        fs::write(bench.path("bad"), bytes).unwrap();
        bench.refused("init --params bad --store other", says);
        bench.refused("step --store store --grads bad", says);
    };
    both(b"", &["too few for the header's length"]);
    both(&good[..good.len() - 1], &["but the file has 35 of data"]);
    both(&good[..40], &["header is said to have"]);
    both(&[&good[..], &[0]].concat(), &["but the file has 37 of data"]);
    both(&[0xff; 64], &["header is said to have"]);
    let text = String::from_utf8(good[8..good.len() - 36].to_vec()).unwrap();
    let with = |from: &str, to: &str| {
        assert!(text.contains(from), "{text}");
        let header = text.replacen(from, to, 1);
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &good[good.len() - 36..]].concat()
    };
    both(&with("[2,3]", "[2,4]"), &["does not have the bytes"]);
    both(&with("[2,3]", "[18446744073709551615,3]"), &["does not have the bytes"]);
    both(&with("[0,12]", "[4,16]"), &["leaves a hole"]);
    both(&with("[12,36]", "[8,32]"), &["overlaps another"]);
    both(&with("\"w\"", "\"b\""), &["occurs twice"]);
    both(&with("F32", "F64"), &["is F64, but only F32", "convert"]);
    both(&with("F32", "F16"), &["does not have the bytes"]);
    both(&with("{", "["), &["does not begin with"]);
    both(&with("\"dtype\"", "\"\\u001b[2J\""), &["unknown field `\\u{1b}[2J`"]);
    bench.refused("init --params missing --store other", &["cannot read missing"]);
    bench.write("none", &[]);
    bench.refused("init --params none --store other", &["no elements to train"]);
}

#[test]
fn kernels_and_units() {
    let bench = Workbench::new();
    bench.refused("kernels smartupdate_l3", &["there are smartupdate_l1, smartupdate_l2, smartupdate_l4"]);
    bench.refused("emit -o rtl", &["required"]);
    bench.refused("step", &["--store"]);
    bench.refused("transmogrify", &["unrecognized subcommand"]);
    #[cfg(feature = "sim")]
    {
        bench.refused("emit --kernel smartupdate_l3 -o rtl", &["there are smartupdate_l1"]);
        bench.refused("emit --unit fp64_add -o rtl", &["there is no unit `fp64_add`; there are"]);
    }
}

#[test]
fn errors_are_json_when_asked_for() {
    let bench = ready();
    let ended = bench.run("step --store nowhere --grads grads --json");
    let error: serde_json::Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!((ended.code, &error["exit_code"]), (2, &serde_json::json!(2)));
    assert!(error["error"].as_str().unwrap().contains("is no store"));
}
