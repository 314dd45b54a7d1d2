//! The store's promises: exact, private, held by one, whole after a failure, and no trust in its files.

use super::*;
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

fn state() -> State {
    State::new(vec![1.0, f32::NAN, -0.0, f32::INFINITY, 1e-45, 6.0, 7.0], &hyper())
}

fn made() -> (tempfile::TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("store");
    Store::create(&folder, tensors(), &hyper(), &state()).unwrap();
    (parent, folder)
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn keeps_every_bit_and_every_product() {
    let (parent, folder) = made();
    let mut powers = hyper().powers();
    for step in 1..=12 {
        let mut store = Store::open(&folder).unwrap();
        assert_eq!(store.powers(), powers);
        powers = powers.next(0.9, 0.999);
        let mut next = store.load().unwrap();
        next.params[5] = step as f32;
        next.states[1][0] = 0.1 / step as f32;
        store.commit(&next, &powers, None).unwrap();
        assert_eq!(store.load().unwrap().states, next.states);
    }
    let store = Store::open(&folder).unwrap();
    assert_eq!(store.manifest().progress.step, 12);
    let mut expected = state().params;
    expected[5] = 12.0;
    assert_eq!(bits(&store.load().unwrap().params), bits(&expected));
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 5, "one set of runs, the manifest and the lock");
}

#[test]
fn belongs_to_its_owner() {
    let (_parent, folder) = made();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for entry in fs::read_dir(&folder).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(Store::open(&folder).unwrap_err().to_string().contains("chmod 700"));
}

#[test]
fn one_process_at_a_time() {
    let (_parent, folder) = made();
    let first = Store::open(&folder).unwrap();
    assert!(matches!(Store::open(&folder), Err(StoreError::Held { .. })));
    drop(first);
    Store::open(&folder).unwrap();
}

#[test]
fn is_not_made_over_something() {
    let (_parent, folder) = made();
    let again = Store::create(&folder, tensors(), &hyper(), &state());
    assert!(matches!(again, Err(StoreError::Exists { .. })));
    let file = folder.join("lock");
    assert!(matches!(Store::create(&file, tensors(), &hyper(), &state()), Err(StoreError::Exists { .. })));
    let nowhere = Path::new("/no/such/folder/store");
    assert!(matches!(Store::create(nowhere, tensors(), &hyper(), &state()), Err(StoreError::NoParent { .. })));
    assert!(matches!(Store::open(nowhere), Err(StoreError::Missing { .. })));
}

#[test]
fn a_failed_commit_changes_nothing() {
    let (_parent, folder) = made();
    let mut store = Store::open(&folder).unwrap();
    // A folder where a flat run should go: renaming onto it fails after the first run has been written.
    fs::create_dir(folder.join("exp_avg-1.f32")).unwrap();
    let error = store.commit(&State::new(vec![0.0; 7], &hyper()), &store.powers().next(0.9, 0.999), None).unwrap_err();
    assert!(!error.refused());
    drop(store);
    fs::remove_dir(folder.join("exp_avg-1.f32")).unwrap();
    let store = Store::open(&folder).unwrap();
    assert_eq!(store.manifest().progress.step, 0);
    assert_eq!(bits(&store.load().unwrap().params), bits(&state().params));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 5, "three runs, the manifest and the lock");
}

#[test]
fn a_commit_that_may_have_happened_does_not_deny_it() {
    let (_parent, folder) = made();
    let mut store = Store::open(&folder).unwrap();
    // A folder in the manifest's place: it can be neither replaced nor read.
    fs::rename(folder.join("manifest.toml"), folder.join("aside")).unwrap();
    fs::create_dir(folder.join("manifest.toml")).unwrap();
    let error = store.commit(&State::new(vec![0.0; 7], &hyper()), &store.powers().next(0.9, 0.999), None).unwrap_err();
    assert!(matches!(error, StoreError::Unknown { .. }), "{error}");
    assert!(!error.refused() && !error.to_string().contains("nothing was changed"), "{error}");
    assert!(folder.join("params-0.f32").exists() && folder.join("params-1.f32").exists(), "either set may count");
    let unsynced = StoreError::Unsynced { folder, source: std::io::ErrorKind::Other.into() };
    assert!(!unsynced.refused() && unsynced.to_string().contains("was changed"), "{unsynced}");
}

#[test]
fn what_a_killed_process_left_is_removed() {
    let (_parent, folder) = made();
    for left in [".nearfield-a1B2c3", "params-1.f32", "exp_avg_sq-1.f32"] {
        fs::write(folder.join(left), "left").unwrap();
    }
    fs::write(folder.join("notes"), "the owner's").unwrap();
    let held = Store::open(&folder).unwrap();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 6, "three runs, the manifest, the lock and the notes");
    // Who does not hold the store removes nothing.
    fs::write(folder.join(".nearfield-x"), "being written").unwrap();
    assert!(matches!(Store::open(&folder), Err(StoreError::Held { .. })));
    assert!(folder.join(".nearfield-x").exists());
    assert_eq!(bits(&held.load().unwrap().params), bits(&state().params));
}

#[test]
fn damage_is_named() {
    let (_parent, folder) = made();
    let path = folder.join("manifest.toml");
    let good = fs::read_to_string(&path).unwrap();
    let refused = |from: &str, to: &str| {
        assert!(good.contains(from), "{good}");
        fs::write(&path, good.replacen(from, to, 1)).unwrap();
        Store::open(&folder).unwrap_err().to_string()
    };
    assert!(refused("version = 3", "version = 4").contains("knows versions 1 to 3"));
    assert!(refused("version = 3", "version = 0").contains("knows versions 1 to 3"));
    // A later version may have what this one does not know, and is still refused as what it is.
    assert!(refused("version = 3", "version = 4\nlater = true").contains("has version 4"));
    assert!(refused("name = \"adamw\"", "name = \"lamb\"").contains("unknown variant `lamb`"));
    assert!(refused("name = \"adamw\"", "name = \"adagrad\"").contains("unknown field `beta1`"));
    assert!(refused("eps = 0.00000001\n", "").contains("missing field `eps`"));
    assert!(refused("nearfield-store", "other").contains("format"));
    assert!(refused("generation = 0", "generation = 2").contains("generation"));
    assert!(refused("step = 0", "step = 0\nextra = 1").contains("unknown field"));
    assert!(refused("step = 0", "step = 9007199254740992").contains("less than 9007199254740992"));
    assert!(refused("beta1 = 0.9", "beta1 = nan").contains("beta1"));
    assert!(refused("beta1_t = 1.0", "beta1_t = 1.5").contains("product"));
    assert!(refused("\"b\"", "\"../w\"").contains("twice"));
    assert!(refused("shape = [2, 3]", "shape = [2, 4]").contains("manifest says"));
    assert!(refused("shape = [2, 3]", "shape = [9223372036854775807, 3]").contains("more elements"));
    assert!(refused("format", "{{{").contains("damaged"));
    fs::write(&path, &good).unwrap();
    fs::write(folder.join("exp_avg-0.f32"), [0; 27]).unwrap();
    let error = Store::open(&folder).unwrap_err();
    assert!(error.refused() && error.to_string().contains("27 bytes, but the manifest says 28"), "{error}");
}

#[test]
fn every_optimizer_has_its_own_runs() {
    let momentum = Hyper::Sgd(sgd::Hyper { momentum: 0.9, nesterov: true, ..sgd::Hyper::default() });
    for hyper in Optimizer::ALL.map(Hyper::of).into_iter().chain([momentum]) {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("store");
        let state = State::new(vec![1.0; 7], &hyper);
        Store::create(&folder, tensors(), &hyper, &state).unwrap();
        let mut store = Store::open(&folder).unwrap();
        assert_eq!((store.hyper(), store.powers()), (hyper, hyper.powers()));
        let mut next = store.load().unwrap();
        assert_eq!(next, state);
        (1..).zip(&mut next.states).for_each(|(i, state)| state[3] = i as f32);
        store.commit(&next, &hyper.next(&store.powers()), None).unwrap();
        drop(store);
        fs::write(folder.join("params-0.f32"), "left by a killed process").unwrap();
        let store = Store::open(&folder).unwrap();
        assert_eq!((store.load().unwrap(), store.powers()), (next, hyper.next(&hyper.powers())));
        let mut files: Vec<String> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        let mut expected: Vec<String> = run_names(&hyper).map(|run| format!("{run}-1.f32")).collect();
        expected.extend(["lock", "manifest.toml"].map(String::from));
        expected.sort();
        assert_eq!(files, expected, "{hyper:?}");
    }
}

#[test]
fn a_store_of_version_1_is_read_and_goes_on_as_version_2() {
    let (_parent, folder) = made();
    let path = folder.join("manifest.toml");
    let old = fs::read_to_string(&path).unwrap().replace("version = 3", "version = 1");
    fs::write(&path, &old).unwrap();
    let mut store = Store::open(&folder).unwrap();
    assert_eq!(store.hyper(), hyper());
    let state = store.load().unwrap();
    store.commit(&state, &hyper().next(&store.powers()), None).unwrap();
    assert!(fs::read_to_string(&path).unwrap().contains("version = 3"));
}

#[test]
fn products_of_an_optimizer_without_bias_are_one() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("store");
    let lion = Hyper::of(Optimizer::Lion);
    Store::create(&folder, tensors(), &lion, &State::new(vec![1.0; 7], &lion)).unwrap();
    let path = folder.join("manifest.toml");
    let good = fs::read_to_string(&path).unwrap();
    fs::write(&path, good.replace("beta2_t = 1.0", "beta2_t = 0.5")).unwrap();
    assert!(Store::open(&folder).unwrap_err().to_string().contains("lion corrects no bias"));
    fs::write(&path, good.replace("version = 3", "version = 1")).unwrap();
    assert!(Store::open(&folder).unwrap_err().to_string().contains("version 1, which had no optimizer lion"));
}

#[test]
#[should_panic(expected = "that of another store")]
fn a_state_of_another_optimizer_is_not_stored() {
    let (_parent, folder) = made();
    let mut store = Store::open(&folder).unwrap();
    let other = State::new(vec![0.0; 7], &Hyper::of(Optimizer::Lion));
    let _ = store.commit(&other, &store.powers().next(0.9, 0.999), None);
}
