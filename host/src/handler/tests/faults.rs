//! Everything goes wrong that can, at every operation in turn: never a wrong byte, never a step lost but the one in flight.

use super::*;
use crate::disk::double::Fault;
use crate::store::{check, repair};

const STEPS: u64 = 3;

fn training() -> Training {
    Training::new(Optimizer::AdamW, 3001, 2, STEPS)
}

/// The same, and one whose steps also keep what they do not send: smaller, for it has more operations.
fn trainings() -> [Training; 2] {
    [training(), Training::compressed(Optimizer::Lion, 1201, 2, STEPS, TENTH)]
}

/// Does the steps that are left; gives how many the store has been told to have, and the error that ended it.
fn run(training: &Training, drives: &Double) -> (u64, Option<HandlerError>) {
    for done in 0..STEPS {
        match training.step(drives.disk()) {
            Ok(number) => assert_eq!(number, done + 1),
            Err(error) => return (done, Some(error)),
        }
    }
    (STEPS, None)
}

/// The step at which a store stands, its every byte being right. `None` if it says that it is damaged.
fn stands(training: &Training, drives: &Double, what: &str) -> Option<u64> {
    let store = match Store::open_on(drives.disk(), &training.folders()) {
        Ok(store) => store,
        Err(StoreError::Damaged { .. } | StoreError::Folders { .. } | StoreError::Missing { .. }) => return None,
        Err(error) => panic!("{what}: {error}"),
    };
    let step = store.powers().step;
    match store.load().and_then(|state| Ok((state, training.residual(&store)?))) {
        Ok((state, residual)) => {
            assert!(state == training.states[step as usize], "{what}: wrong bytes at step {step}");
            assert!(residual == training.residuals[step as usize], "{what}: a wrong residual at step {step}");
        }
        Err(StoreError::Damaged { .. }) => return None,
        Err(error) => panic!("{what}: {error}"),
    }
    Some(step)
}

/// Goes on from where a store stands to the last step.
fn goes_on(training: &Training, drives: &Double, from: u64, what: &str) {
    for number in from + 1..=STEPS {
        assert_eq!(training.step(drives.disk()).unwrap_or_else(|error| panic!("{what}: {error}")), number, "{what}");
    }
    assert_eq!(stands(training, drives, what), Some(STEPS), "{what}");
}

fn operations(training: &Training) -> u64 {
    let drives = training.made().copy();
    assert_eq!(run(training, &drives).0, STEPS);
    drives.operations()
}

/// Every which operation fails: each one, with compression every third, unless there is time.
fn every(training: &Training) -> u64 {
    let all = training.top_k.is_none() || std::env::var_os("NEARFIELD_LONG").is_some();
    if all {
        1
    } else {
        3
    }
}

fn operations_to_fail(training: &Training) -> impl Iterator<Item = u64> {
    (0..operations(training)).step_by(every(training) as usize)
}

#[test]
fn an_error_or_a_short_transfer_at_any_operation_costs_at_most_the_step_in_flight() {
    for training in trainings() {
        let made = training.made();
        let mut failed = 0;
        for fault in [Fault::Error(5), Fault::Error(28), Fault::Short] {
            for operation in operations_to_fail(&training) {
                let what = format!("{fault:?} at operation {operation}");
                let drives = made.with_fault(operation, fault);
                let (done, error) = run(&training, &drives);
                if fault == Fault::Short {
                    assert!(error.is_none(), "{what}: {error:?}");
                }
                failed += u64::from(error.is_some());
                let after = drives.copy();
                let step = stands(&training, &after, &what).unwrap_or_else(|| panic!("{what}: damaged, {error:?}"));
                // Of the last operation, syncing the manifest's folder, the store says that the step may be there.
                let told = matches!(error, Some(HandlerError::Store(StoreError::Unsynced { .. })));
                assert!(step == done || told && step == done + 1, "{what}: at {step} after {done}, {error:?}");
                goes_on(&training, &after, step, &what);
            }
        }
        let failed = failed * every(&training);
        assert!(failed > 100, "only {failed} runs failed, of all operations");
    }
}

#[test]
fn killed_at_any_operation_the_store_stands_at_the_step_before_or_after() {
    for training in trainings() {
        let made = training.made();
        for operation in operations_to_fail(&training) {
            let drives = made.with_fault(operation, Fault::Stop);
            let (done, error) = run(&training, &drives);
            assert!(error.is_some(), "operation {operation} did not stop the run");
            let after_power = (0..3).map(|seed| drives.after_power_failure(operation * 3 + seed));
            for (number, after) in [drives.copy()].into_iter().chain(after_power).enumerate() {
                let what = format!("stopped at operation {operation} in step {}, way {number}", done + 1);
                let step = stands(&training, &after, &what).unwrap_or_else(|| panic!("{what}: damaged"));
                assert!(step == done || step == done + 1, "{what}: at {step} after {done}");
                goes_on(&training, &after, step, &what);
            }
        }
    }
}

#[test]
fn flipped_bits_cut_files_and_swapped_ones_are_found_and_never_become_parameters() {
    for training in trainings() {
        let made = training.made();
        let (mut found, mut repaired) = (0, 0);
        for fault in [Fault::Flip, Fault::Cut, Fault::Swap] {
            for operation in operations_to_fail(&training) {
                let what = format!("{fault:?} at operation {operation}");
                let drives = made.with_fault(operation, fault);
                let (done, error) = run(&training, &drives);
                found += u64::from(error.is_some());
                let after = drives.copy();
                match stands(&training, &after, &what) {
                    Some(step) => {
                        assert!(step == done, "{what}: at {step} after {done}, {error:?}");
                        goes_on(&training, &after, step, &what);
                    }
                    // The damage is on the drives. The step before may still be whole.
                    None => match repair(&after.disk(), &training.folders(), &mut |_| ()) {
                        Ok(step) => {
                            repaired += 1;
                            assert!(step + 1 >= done && step <= done, "{what}: repaired to {step} after {done}");
                            goes_on(&training, &after, step, &what);
                        }
                        Err(StoreError::NoWayBack { .. }) => {}
                        Err(error) => panic!("{what}: {error}"),
                    },
                }
            }
        }
        let (found, repaired) = (found * every(&training), repaired * every(&training));
        assert!(found > 50 && repaired > 5, "{found} were found, {repaired} repaired, of all operations");
    }
}

#[test]
fn a_store_that_is_made_is_there_whole_or_not_at_all() {
    let training = training();
    let drives = training.drives();
    training.create(&drives.disk()).unwrap();
    for operation in 0..drives.operations() {
        for fault in [Fault::Error(28), Fault::Short, Fault::Stop] {
            let what = format!("{fault:?} at operation {operation}");
            let drives = training.drives().with_fault(operation, fault);
            let made = training.create(&drives.disk());
            let after = drives.copy();
            let there = Store::open_on(after.disk(), &training.folders());
            match &made {
                Ok(()) | Err(StoreError::Unsynced { .. }) => assert!(there.is_ok(), "{what}: {there:?}"),
                Err(_) if fault == Fault::Stop => {
                    let whole = matches!(there, Ok(_) | Err(StoreError::Missing { .. }));
                    assert!(whole, "{what}: {there:?}");
                }
                Err(error) => {
                    assert!(matches!(there, Err(StoreError::Missing { .. })), "{what}: {error}, {there:?}");
                    training.create(&after.disk()).unwrap();
                }
            }
        }
    }
}

#[test]
fn check_says_what_is_wrong_and_repair_goes_back() {
    let training = training();
    let drives = training.made();
    assert_eq!(run(&training, &drives).0, STEPS);
    let folders = training.folders();
    let found = check(&drives.disk(), &folders, &mut |_| ()).unwrap().generations;
    assert_eq!(
        found.iter().map(|f| (f.step, f.current, f.damage.len())).collect::<Vec<_>>(),
        [(3, true, 0), (2, false, 0)]
    );
    // The third step is in set 1.
    let path = folders[1].join("exp_avg_sq-1.f32");
    drives.change(&path, |bytes| bytes[4100] ^= 1);
    let found = check(&drives.disk(), &folders, &mut |_| ()).unwrap().generations;
    let damage = &found[0].damage;
    assert_eq!((damage.len(), damage[0].device, found[1].damage.len()), (1, 1, 0));
    assert!(damage[0].what.contains("exp_avg_sq-1.f32"), "{damage:?}");
    let error = training.step(drives.disk()).unwrap_err();
    assert!(matches!(error, HandlerError::Store(StoreError::Damaged { .. })), "{error}");
    // The failed step has begun to write over the second one: nothing is left to go back to.
    assert!(repair(&drives.disk(), &folders, &mut |_| ()).unwrap_err().to_string().contains("no older generation"));
}
