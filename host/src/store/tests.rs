//! The store's promises: exact, private, held by one, and no trust in its files. What happens when something goes wrong in a step is tested
//! where steps are done (`handler::tests::faults`).

mod malformed;

use super::*;
use crate::disk::system;
use nearfield_model::optimizer::{sgd, Optimizer};
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn hyper() -> Hyper {
    Hyper::of(Optimizer::AdamW)
}

fn tensors() -> Vec<TensorEntry> {
    vec![
        TensorEntry { name: "../w".into(), shape: vec![2, 3] },
        TensorEntry { name: "b".into(), shape: vec![] },
        TensorEntry { name: "empty".into(), shape: vec![0] },
    ]
}

fn params() -> Vec<f32> {
    vec![1.0, f32::NAN, -0.0, f32::INFINITY, 1e-45, 6.0, 7.0]
}

fn make(folders: &[PathBuf], hyper: Hyper) -> Result<(), StoreError> {
    create(&system(), folders, Contents::new(Model::new(tensors(), hyper)), |run, begin, into| {
        if run == 0 {
            into.copy_from_slice(&params()[begin as usize..][..into.len()]);
        }
        Ok(())
    })
}

fn made() -> (tempfile::TempDir, Vec<PathBuf>) {
    let parent = tempfile::tempdir().unwrap();
    let folders = vec![parent.path().join("store")];
    make(&folders, hyper()).unwrap();
    (parent, folders)
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn keeps_every_bit_and_belongs_to_its_owner() {
    let (parent, folders) = made();
    let store = Store::open(&folders).unwrap();
    let state = store.load().unwrap();
    assert_eq!(bits(&state.params), bits(&params()));
    assert_eq!(state.states, [[0.0; 7], [0.0; 7]]);
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folders[0]), 0o700);
    for name in names(&folders[0]) {
        assert_eq!(mode(&folders[0].join(name)), 0o600);
    }
    drop(store);
    fs::set_permissions(&folders[0], fs::Permissions::from_mode(0o777)).unwrap();
    assert!(Store::open(&folders).unwrap_err().to_string().contains("chmod 700"));
}

#[test]
fn one_process_at_a_time() {
    let (_parent, folders) = made();
    let first = Store::open(&folders).unwrap();
    assert!(matches!(Store::open(&folders), Err(StoreError::Held { .. })));
    drop(first);
    Store::open(&folders).unwrap();
}

#[test]
fn is_not_made_over_something() {
    let (_parent, folders) = made();
    assert!(matches!(make(&folders, hyper()), Err(StoreError::Exists { .. })));
    assert!(matches!(make(&[folders[0].join("lock")], hyper()), Err(StoreError::Exists { .. })));
    let nowhere = [PathBuf::from("/no/such/folder/store")];
    assert!(matches!(make(&nowhere, hyper()), Err(StoreError::NoParent { .. })));
    assert!(matches!(Store::open(&nowhere), Err(StoreError::Missing { .. })));
    let twice = [folders[0].with_extension("x"), folders[0].with_extension("x")];
    assert!(make(&twice, hyper()).unwrap_err().to_string().contains("named twice"));
}

#[test]
fn folders_are_known_apart() {
    let parent = tempfile::tempdir().unwrap();
    let at = |names: &[&str]| names.iter().map(|name| parent.path().join(name)).collect::<Vec<_>>();
    make(&at(&["a", "b"]), hyper()).unwrap();
    make(&at(&["x", "y"]), hyper()).unwrap();
    let refused = |names: &[&str]| Store::open(&at(names)).unwrap_err().to_string();
    assert!(Store::open(&at(&["a", "b"])).is_ok());
    assert!(refused(&["a"]).contains("has 2 folders, but 1 were named"));
    assert!(refused(&["b", "a"]).contains("not the first folder"));
    assert!(refused(&["a", "y"]).contains("of another store"));
    assert!(refused(&["a", "a"]).contains("named twice"));
    assert!(matches!(Store::open(&[]), Err(StoreError::Folders { .. })));
}

#[test]
fn what_a_killed_process_left_is_removed() {
    let (_parent, folders) = made();
    let folder = &folders[0];
    let before = names(folder);
    fs::write(folder.join(".nearfield-state-1.toml"), "left").unwrap();
    fs::write(folder.join("notes"), "the owner's").unwrap();
    let held = Store::open(&folders).unwrap();
    assert_eq!(names(folder).len(), before.len() + 1);
    // Who does not hold the store removes nothing.
    fs::write(folder.join(".nearfield-x"), "being written").unwrap();
    assert!(matches!(Store::open(&folders), Err(StoreError::Held { .. })));
    assert!(folder.join(".nearfield-x").exists());
    assert_eq!(bits(&held.load().unwrap().params), bits(&params()));
}

#[test]
fn damage_is_named() {
    let (_parent, folders) = made();
    let path = folders[0].join("manifest.toml");
    let good = fs::read_to_string(&path).unwrap();
    let inside = sealed::open(good.as_bytes()).unwrap().0;
    let refused = |from: &str, to: &str| {
        assert!(inside.contains(from), "{from} is not in {good}");
        fs::write(&path, sealed::seal(inside.replacen(from, to, 1)).0).unwrap();
        Store::open(&folders).unwrap_err().to_string()
    };
    assert!(refused("version = 4", "version = 5").contains("knows version 4"));
    assert!(refused("version = 4", "version = 3").contains("nearfield import"));
    // A later version may have what this one does not know, and is still refused as what it is.
    assert!(refused("version = 4", "version = 5\nlater = true").contains("has version 5"));
    assert!(refused("name = \"adamw\"", "name = \"lamb\"").contains("unknown variant `lamb`"));
    assert!(refused("name = \"adamw\"", "name = \"adagrad\"").contains("unknown field `beta1`"));
    assert!(refused("eps = 0.00000001\n", "").contains("missing field `eps`"));
    assert!(refused("nearfield-store", "other").contains("format"));
    assert!(refused("set = 0", "set = 2").contains("sets [2]"));
    assert!(refused("step = 0", "step = 0\nextra = 1").contains("unknown field"));
    assert!(refused("step = 0", "step = 9007199254740992").contains("less than 9007199254740992"));
    assert!(refused("step = 0", "step = 1").contains("the manifest means step 1"));
    assert!(refused("beta1 = 0.9", "beta1 = nan").contains("beta1"));
    assert!(refused("beta1_t = 1.0", "beta1_t = 1.5").contains("product"));
    assert!(refused("\"b\"", "\"../w\"").contains("twice"));
    assert!(refused("tensors = 3", "tensors = 2").contains("do not have its 3 tensors"));
    assert!(refused("devices = 1", "devices = 0").contains("must have 1 to 256"));
    assert!(refused("subgroup_elements = 65536", "subgroup_elements = 5").contains("must have 1024"));
    assert!(refused("shape = [2, 3]", "shape = [2, 4]").contains("subgroups are not those"));
    assert!(refused("shape = [2, 3]", "shape = [9223372036854775807, 3]").contains("more elements"));
    assert!(refused("format", "{{{").contains("damaged"));
    fs::write(&path, good.replacen("beta1 = 0.9", "beta1 = 0.8", 1)).unwrap();
    assert!(Store::open(&folders).unwrap_err().to_string().contains("its checksum is"));
    fs::write(&path, &good).unwrap();
    fs::write(folders[0].join("exp_avg-0.f32"), [0; 27]).unwrap();
    let error = Store::open(&folders).unwrap_err();
    assert!(error.refused() && error.to_string().contains("27 bytes, but its subgroups take 4096"), "{error}");
}

#[test]
fn every_optimizer_has_its_own_runs() {
    let momentum = Hyper::Sgd(sgd::Hyper { momentum: 0.9, nesterov: true, ..sgd::Hyper::default() });
    for hyper in Optimizer::ALL.map(Hyper::of).into_iter().chain([momentum]) {
        let parent = tempfile::tempdir().unwrap();
        let folders = [parent.path().join("store")];
        make(&folders, hyper).unwrap();
        let store = Store::open(&folders).unwrap();
        assert_eq!((store.hyper(), store.powers()), (hyper, hyper.powers()));
        let runs = store.series().runs;
        let mut expected: Vec<String> =
            runs.iter().flat_map(|run| [format!("{run}-0.f32"), format!("{run}-1.f32")]).collect();
        expected.extend(["lock", "manifest.toml", "state-0.toml"].map(String::from));
        expected.sort();
        assert_eq!(names(&folders[0]), expected, "{hyper:?}");
    }
}

#[test]
fn products_of_an_optimizer_without_bias_are_one() {
    let parent = tempfile::tempdir().unwrap();
    let folders = [parent.path().join("store")];
    make(&folders, Hyper::of(Optimizer::Lion)).unwrap();
    let path = folders[0].join("manifest.toml");
    let good = fs::read_to_string(&path).unwrap();
    let bad = sealed::open(good.as_bytes()).unwrap().0.replace("beta2_t = 1.0", "beta2_t = 0.5");
    fs::write(&path, sealed::seal(bad).0).unwrap();
    assert!(Store::open(&folders).unwrap_err().to_string().contains("lion corrects no bias"));
}

#[test]
fn a_loss_scale_is_kept_without_a_step() {
    let (_parent, folders) = made();
    let scale = LossScale { scale: 8192.0, good_steps: 3 };
    Store::open(&folders).unwrap().keep_loss_scale(scale).unwrap();
    assert_eq!(Store::open(&folders).unwrap().loss_scale(), scale);
}
