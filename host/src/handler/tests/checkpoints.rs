//! Stores made of stores: on other devices, and while steps go on.

use super::*;
use crate::disk::double::Fault;
use crate::disk::{DiskFile, Open};
use crate::store::{reshard, snapshot, Progress, Snapshot};
use nearfield_model::scale::LossScale;
use std::any::Any;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicU64;

fn others(names: &[&str]) -> Vec<PathBuf> {
    names.iter().map(|name| format!("/d0/{name}").into()).collect()
}

fn state_at(disk: Arc<dyn Disk>, folders: &[PathBuf]) -> (u64, State) {
    let store = Store::open_on(disk, folders).unwrap();
    (store.powers().step, store.load().unwrap())
}

fn names(disk: &Arc<dyn Disk>, folder: &str) -> Vec<PathBuf> {
    disk.list(Path::new(folder)).unwrap()
}

#[test]
fn a_resharded_store_goes_on_as_the_first_one_would_have() {
    for (top_k, runs) in [(None, 3), (TENTH, 4)] {
        goes_on_resharded(&Training::compressed(Optimizer::AdamW, 9001, 3, 4, top_k), runs);
    }
}

fn goes_on_resharded(training: &Training, runs: u64) {
    let drives = training.made();
    for _ in 0..3 {
        training.step(drives.disk()).unwrap();
    }
    let mut store = Store::open_on(drives.disk(), &training.folders()).unwrap();
    store.keep_loss_scale(LossScale { scale: 4096.0, good_steps: 7 }).unwrap();
    let before = (store.manifest().current().clone(), store.load().unwrap());
    assert_ne!(
        before.0.progress,
        Progress::at(3, &training.hyper),
        "or the test could not see that they were recomputed"
    );
    let places = [(vec!["x", "y"], Some(2048)), (vec!["z"], None), (vec!["v", "w"], Some(1024))];
    for (number, (to, subgroup)) in places.into_iter().enumerate() {
        let to = others(&to);
        let mut heard = 0;
        reshard(&store, &to, subgroup, &mut |done| heard = done).unwrap();
        assert_eq!(heard, runs * 9001);
        let mut made = Store::open_on(drives.disk(), &to).unwrap();
        assert_eq!(made.manifest().current().residual.is_some(), training.top_k.is_some());
        let (manifest, old) = (made.manifest(), store.manifest());
        assert_eq!((&manifest.tensors, &manifest.groups), (&old.tensors, &old.groups));
        assert_eq!((manifest.optimizer, manifest.current().progress), (old.optimizer, before.0.progress));
        assert_eq!(made.loss_scale(), LossScale { scale: 4096.0, good_steps: 7 });
        assert_ne!(manifest.id, old.id);
        assert!(made.load().unwrap() == training.states[3], "{number}");
        assert!(training.residual(&made).unwrap() == training.residuals[3], "{number}");
        // Of subgroups of another size other elements are sent.
        if training.top_k.is_none() || subgroup == Some(1024) {
            training.step_of(&mut made).unwrap();
            assert!(made.load().unwrap() == training.states[4], "{number}");
        }
    }
    assert_eq!((store.manifest().current(), store.load().unwrap()), (&before.0, before.1));
}

#[test]
fn a_damaged_store_is_not_resharded_and_not_copied() {
    let training = Training::new(Optimizer::Adam, 5000, 2, 1);
    let drives = training.made();
    training.step(drives.disk()).unwrap();
    drives.change(&training.folders()[1].join("exp_avg-1.f32"), |bytes| bytes[17] ^= 4);
    let disk = drives.disk();
    let store = Store::open_on(drives.disk(), &training.folders()).unwrap();
    let error = reshard(&store, &others(&["x"]), None, &mut |_| ()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    let error = snapshot(&disk, &training.folders(), &others(&["x", "y"]), &mut |_| ()).unwrap_err();
    assert!(error.to_string().contains("the copy/exp_avg-0.f32: subgroup"), "{error}");
    assert_eq!(names(&disk, "/d0"), [PathBuf::from("store")]);
}

#[test]
fn whatever_goes_wrong_in_a_reshard_or_a_snapshot_nothing_is_left_and_the_store_is_what_it_was() {
    let training = Training::new(Optimizer::Lion, 2500, 2, 1);
    let made = training.made();
    training.step(made.disk()).unwrap();
    let to = others(&["x", "y"]);
    let run = |drives: &Double, kind: usize| match kind {
        0 => snapshot(&drives.disk(), &training.folders(), &to, &mut |_| ()).map(|made| made.attempts),
        _ => reshard(&Store::open_on(drives.disk(), &training.folders())?, &to, None, &mut |_| ()).map(|()| 1),
    };
    let (mut failed, mut again) = (0, 0);
    for kind in 0..2 {
        let whole = made.copy();
        run(&whole, kind).unwrap();
        for operation in 0..whole.operations() {
            for fault in [Fault::Error(28), Fault::Flip, Fault::Stop] {
                let what = format!("{fault:?} at operation {operation} of {kind}");
                let drives = made.with_fault(operation, fault);
                let done = run(&drives, kind);
                again += u32::from(matches!(done, Ok(2)));
                let after = drives.copy();
                assert!(state_at(after.disk(), &training.folders()) == (1, training.states[1].clone()), "{what}");
                match Store::open_on(after.disk(), &to) {
                    Ok(store) => {
                        // A flipped bit of what is written is found when the store is read, or already by the snapshot.
                        match store.load() {
                            Ok(state) => assert!(state == training.states[1], "{what}"),
                            Err(error) => assert!(fault == Fault::Flip && kind == 1, "{what}: {error}"),
                        }
                    }
                    Err(_) if fault == Fault::Stop => {}
                    Err(error) => {
                        assert!(done.is_err() || fault == Fault::Flip, "{what}: {error}");
                        failed += 1;
                    }
                }
            }
        }
    }
    assert!(failed > 50, "only {failed} runs failed");
    assert!(again > 5, "only {again} copies with a flipped bit were made again");
}

/// Steps that another process does meanwhile, each time a file is opened whose turn it is.
#[derive(Clone)]
struct Meddled {
    disk: Double,
    opened: Arc<AtomicU64>,
    meddles: Arc<dyn Fn(u64) + Send + Sync>,
}

impl std::fmt::Debug for Meddled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meddled")
    }
}

impl Meddled {
    fn turn(&self) {
        (self.meddles)(self.opened.fetch_add(1, Ordering::Relaxed));
    }
}

impl Disk for Meddled {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        self.turn();
        self.disk.open(path, how)
    }
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        self.disk.make_folder(folder)
    }
    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        self.disk.remove_folder(folder)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.disk.sync_folder(folder)
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        self.disk.list(folder)
    }
    fn share(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.turn();
        self.disk.share(from, to)
    }
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Any + Send + Sync>>> {
        self.disk.lock(path)
    }
    fn mode(&self, path: &Path) -> io::Result<u32> {
        self.disk.mode(path)
    }
}

fn taken(
    training: &Arc<Training>,
    drives: &Double,
    meddles: impl Fn(u64) -> u64 + Send + Sync + 'static,
) -> (Result<Snapshot, StoreError>, u64) {
    let (of, on) = (training.clone(), drives.clone());
    let meddled = Meddled {
        disk: drives.clone(),
        opened: Arc::default(),
        meddles: Arc::new(move |turn| {
            for _ in 0..meddles(turn) {
                of.step(on.disk()).unwrap();
            }
        }),
    };
    let disk: Arc<dyn Disk> = Arc::new(meddled.clone());
    let made = snapshot(&disk, &training.folders(), &others(&["x", "y"]), &mut |_| ());
    (made, meddled.opened.load(Ordering::Relaxed))
}

/// One step and two, at every moment: one leaves the state that is being copied whole, the second writes over it.
#[test]
fn a_snapshot_is_whole_whenever_steps_are_done_meanwhile() {
    let mut again = 0;
    let trainings = [(Optimizer::AdamW, None), (Optimizer::Lion, TENTH)];
    for ((optimizer, top_k), shares) in trainings.into_iter().flat_map(|how| [(how, false), (how, true)]) {
        let training = Arc::new(Training::compressed(optimizer, 3001, 2, 4, top_k));
        let made = if shares { training.made().that_shares() } else { training.made() };
        training.step(made.disk()).unwrap();
        let (first, turns) = taken(&training, &made.copy(), |_| 0);
        let first = first.unwrap();
        assert_eq!((first.step, first.attempts), (1, 1));
        assert_eq!((first.shared_files, first.copied_files), if shares { (6, 0) } else { (0, 6) });
        for turn in 0..turns {
            for steps in 1..=2 {
                let what = format!("{steps} steps at turn {turn}, shares: {shares}");
                let drives = made.copy();
                let (done, _) = taken(&training, &drives, move |now| if now == turn { steps } else { 0 });
                let done = done.unwrap_or_else(|error| panic!("{what}: {error}"));
                again += u32::from(done.attempts > 1);
                let folders = others(&["x", "y"]);
                let (step, state) = state_at(drives.disk(), &folders);
                assert!(step == done.step && state == training.states[step as usize], "{what}");
                // It is a store like any other: its second set of files is made by its first step.
                let mut copy = Store::open_on(drives.disk(), &folders).unwrap();
                training.step_of(&mut copy).unwrap();
                assert!(copy.load().unwrap() == training.states[step as usize + 1], "{what}");
                assert!(training.residual(&copy).unwrap() == training.residuals[step as usize + 1], "{what}");
                assert_eq!(copy.steps(), [step + 1, step], "{what}");
                assert_eq!(state_at(drives.disk(), &training.folders()).0, 1 + steps, "{what}");
            }
        }
    }
    assert!(again > 20, "only {again} copies were begun again");
}

#[test]
fn steps_that_are_too_fast_for_a_snapshot_end_it() {
    let training = Arc::new(Training::new(Optimizer::Lion, 2000, 2, 40));
    let drives = training.made();
    // Every third file that is opened: no copy is ever finished.
    let (done, _) = taken(&training, &drives, |turn| u64::from(turn % 3 == 2));
    let error = done.unwrap_err();
    assert!(matches!(error, StoreError::Overtaken { .. }) && !error.refused(), "{error}");
    assert_eq!(names(&drives.disk(), "/d0"), [PathBuf::from("store")]);
}

#[test]
fn a_snapshot_is_known_from_its_store() {
    let training = Training::new(Optimizer::AdamW, 3001, 2, 1);
    let drives = training.made();
    let (disk, from, to) = (drives.disk(), training.folders(), others(&["x", "y"]));
    let held = Store::open_on(drives.disk(), &from).unwrap();
    snapshot(&disk, &from, &to, &mut |_| ()).unwrap();
    drop(held);
    let mixed = Store::open_on(drives.disk(), &[from[0].clone(), to[1].clone()]).unwrap_err().to_string();
    assert!(mixed.contains("of another store"), "{mixed}");
    let one = snapshot(&disk, &from, &others(&["z"]), &mut |_| ()).unwrap_err().to_string();
    assert!(one.contains("has 2 folders, but 1 are named"), "{one}");
    let there = snapshot(&disk, &from, &to, &mut |_| ()).unwrap_err();
    assert!(matches!(there, StoreError::Exists { .. }), "{there}");
}
