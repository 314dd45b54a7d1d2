//! A step of a store against the specification, and what happens when anything goes wrong in it.

mod checkpoints;
mod faults;

use super::*;
use crate::compress::{Amount, Compressor};
use crate::device::soft::Soft;
use crate::disk::double::Double;
use crate::disk::Disk;
use crate::source::{self, InMemory, Kept, SendError, Spool, TopK};
use crate::store::{create, Contents, Layout, Model, State, StoreError, TensorEntry};
use crate::topk::ValueFormat;
use nearfield_model::optimizer::{Hyper, Optimizer};
use std::path::PathBuf;

/// A training that is small, and whose every step is known.
struct Training {
    hyper: Hyper,
    elements: u64,
    devices: usize,
    /// How gradients are compressed, with error feedback, if they are.
    top_k: Option<TopK>,
    /// After each step, the first before any.
    states: Vec<State>,
    /// What was not sent, likewise; zeros without compression.
    residuals: Vec<Vec<f32>>,
}

fn value(seed: u64, i: u64) -> f32 {
    let z = (seed << 32 | i).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((z >> 40) as f32 / (1 << 23) as f32) - 1.0
}

impl Training {
    fn new(optimizer: Optimizer, elements: u64, devices: usize, steps: u64) -> Training {
        Training::compressed(optimizer, elements, devices, steps, None)
    }

    fn compressed(optimizer: Optimizer, elements: u64, devices: usize, steps: u64, top_k: Option<TopK>) -> Training {
        let hyper = Hyper::of(optimizer);
        let mut training = Training { hyper, elements, devices, top_k, states: Vec::new(), residuals: Vec::new() };
        let mut residual = vec![0.0; elements as usize];
        training.residuals.push(residual.clone());
        let mut state = State::new((0..elements).map(|i| value(0, i)).collect(), &hyper);
        let mut powers = hyper.powers();
        training.states.push(state.clone());
        for step in 1..=steps {
            powers = hyper.next(&powers);
            let mut grads = training.grads(step);
            if let Some(TopK { amount, format }) = top_k {
                for subgroup in training.layout().subgroups() {
                    let range = subgroup.begin as usize..subgroup.range().end as usize;
                    let (here, before) = (&mut grads[range.clone()], &mut residual[range]);
                    let sent = Compressor::default().with_feedback(here, before, amount, format).unwrap();
                    before.copy_from_slice(here);
                    here.fill(0.0);
                    sent.kept.iter().for_each(|(index, value)| here[index as usize] = value);
                }
            }
            training.residuals.push(residual.clone());
            // Two groups: the second does not decay.
            let half = (elements / 2) as usize;
            for (range, hyper) in [(0..half, hyper), (half..elements as usize, hyper.with_weight_decay(0.0))] {
                let k = hyper.coefficients(&powers).unwrap();
                let mut states: Vec<&mut [f32]> = state.states.iter_mut().map(|s| &mut s[range.clone()]).collect();
                k.step(&mut state.params[range.clone()], &mut states, &grads[range.clone()]);
            }
            training.states.push(state.clone());
        }
        training
    }

    fn grads(&self, step: u64) -> Vec<f32> {
        (0..self.elements).map(|i| value(step, i)).collect()
    }

    fn layout(&self) -> Layout {
        let half = self.elements / 2;
        Layout::new(&[half, self.elements - half], 1024, self.devices)
    }

    fn folders(&self) -> Vec<PathBuf> {
        (0..self.devices).map(|device| format!("/d{device}/store").into()).collect()
    }

    fn contents(&self) -> Contents {
        let half = self.elements / 2;
        let tensor = |name: &str, elements| TensorEntry { name: name.into(), shape: vec![elements] };
        let tensors = vec![tensor("w", half), tensor("b", self.elements - half)];
        let model = Model::with_no_decay(tensors, self.hyper, |name| name == "b");
        Contents { subgroup_elements: Some(1024), ..Contents::new(model) }
    }

    fn drives(&self) -> Double {
        Double::new(&["/d0", "/d1", "/d2"][..self.devices])
    }

    fn create(&self, disk: &Arc<dyn Disk>) -> Result<(), StoreError> {
        create(disk, &self.folders(), self.contents(), |run, begin, into| {
            let states = &self.states[0];
            let from = if run == 0 { &states.params } else { &states.states[run - 1] };
            into.copy_from_slice(&from[begin as usize..][..into.len()]);
            Ok(())
        })
    }

    fn made(&self) -> Double {
        let drives = self.drives();
        self.create(&drives.disk()).unwrap();
        drives
    }

    /// Opens the store and does its next step; gives the number of it.
    fn step(&self, disk: Arc<dyn Disk>) -> Result<u64, HandlerError> {
        let mut store = Store::open_on(disk, &self.folders())?;
        self.step_of(&mut store).map(|_| store.powers().step)
    }

    /// What was not sent, as a store has it.
    fn residual(&self, store: &Store) -> Result<Vec<f32>, StoreError> {
        let mut residual = vec![0.0; self.elements as usize];
        let mut reader = store.reader()?;
        if reader.runs() > store.series().runs.len() {
            reader.read(store.series().runs.len(), 0, &mut residual)?;
        }
        reader.verify()?;
        Ok(residual)
    }

    fn step_of(&self, store: &mut Store) -> Result<Report, HandlerError> {
        let powers = self.hyper.next(&store.powers());
        let coefficients =
            store.manifest().group_hypers().into_iter().map(|hyper| hyper.coefficients(&powers).unwrap());
        let grads: Arc<dyn Source> = Arc::new(InMemory(Arc::new(self.grads(powers.step))));
        let (source, feedback) = match self.top_k {
            None => (grads, None),
            Some(top_k) => {
                let before = Kept::residual(store)?;
                let before = before.as_ref().map(|before| before as &dyn Source);
                let mut spool = Spool::new(tempfile::tempfile().unwrap());
                let feedback = Some(source::Feedback { before, scale: 1.0 });
                let sent = source::compress(store.layout(), top_k, grads.as_ref(), feedback, |_, stream, _| {
                    Ok::<(), SendError>(spool.add(&stream)?)
                });
                match sent {
                    Err(SendError::Gradients(error)) => return Err(error.into()),
                    sent => assert!(!sent.unwrap().infinite),
                }
                (Arc::new(spool.finish()) as Arc<dyn Source>, Some(Feedback { grads, scale: 1.0 }))
            }
        };
        let work = Work {
            coefficients: coefficients.collect(),
            scale: 1.0,
            source,
            feedback,
            half: None,
            memory: DEFAULT_MEMORY,
        };
        let soft: SharedDevice = Arc::new(Mutex::new(Box::new(Soft::open(Some(1)))));
        step(store, &[soft], &work, Next::of(powers), &mut |_| ())
    }
}

#[test]
fn steps_of_every_optimizer_on_several_devices_are_those_of_the_specification() {
    for optimizer in Optimizer::ALL {
        let training = Training::new(optimizer, 5001, 3, 4);
        let drives = training.made();
        for number in 1..=4 {
            assert_eq!(training.step(drives.disk()).unwrap(), number);
            let store = Store::open_on(drives.disk(), &training.folders()).unwrap();
            assert!(store.load().unwrap() == training.states[number as usize], "{optimizer}, step {number}");
            let before = if number > 1 { vec![number, number - 1] } else { vec![1, 0] };
            assert_eq!(store.steps(), before);
        }
    }
}

/// A tenth is sent, in bf16, so that rounding leaves something too.
const TENTH: Option<TopK> = Some(TopK { amount: Amount::Ratio(0.1), format: ValueFormat::Bf16 });

#[test]
fn what_is_not_sent_is_that_of_the_compressor_and_goes_back_with_the_step() {
    let training = Training::compressed(Optimizer::AdamW, 5001, 3, 4, TENTH);
    let drives = training.made();
    let of = |store: &Store| {
        let step = store.powers().step as usize;
        assert!(
            store.load().unwrap() == training.states[step]
                && training.residual(store).unwrap() == training.residuals[step]
        );
        step
    };
    for number in [1, 2, 3] {
        assert_eq!(training.step(drives.disk()).unwrap(), number);
        assert_eq!(of(&Store::open_on(drives.disk(), &training.folders()).unwrap()) as u64, number);
    }
    let mut store = Store::open_on(drives.disk(), &training.folders()).unwrap();
    store.back_to(2).unwrap();
    assert_eq!(of(&store), 2);
    for number in [3, 4] {
        training.step_of(&mut store).unwrap();
        assert_eq!((of(&store), store.steps()), (number as usize, if number == 3 { vec![3, 2] } else { vec![4, 3] }));
    }
}

#[test]
fn progress_counts_every_element_and_buffers_stay_within_what_is_allowed() {
    let training = Training::new(Optimizer::AdamW, 9000, 2, 1);
    let drives = training.made();
    let mut store = Store::open_on(drives.disk(), &training.folders()).unwrap();
    let report = training.step_of(&mut store).unwrap();
    assert_eq!((report.step.elements, report.devices.len()), (9000, 2));
    // Two groups of 4500 elements: four whole subgroups and a short one in each.
    let bytes: u64 = Layout::new(&[4500, 4500], 1024, 2).subgroups().iter().map(|s| 3 * s.elements * 4).sum();
    let read: u64 = report.devices.iter().map(|device| device.read_bytes).sum();
    assert!((bytes..bytes + 2 * 3 * 4096).contains(&read), "{read} bytes are read of {bytes}");
    assert!(report.buffer_bytes <= DEFAULT_MEMORY && report.buffer_bytes > 0);
}

#[test]
fn too_little_memory_is_refused_before_anything_is_written() {
    let training = Training::new(Optimizer::AdamW, 2048, 1, 1);
    let drives = training.made();
    let mut store = Store::open_on(drives.disk(), &training.folders()).unwrap();
    let work = Work {
        coefficients: vec![training.hyper.coefficients(&training.hyper.next(&training.hyper.powers())).unwrap(); 2],
        scale: 1.0,
        source: Arc::new(InMemory(Arc::new(training.grads(1)))),
        feedback: None,
        half: None,
        memory: 1 << 20,
    };
    let soft: SharedDevice = Arc::new(Mutex::new(Box::new(Soft::open(Some(1)))));
    let next = Next::of(training.hyper.next(&store.powers()));
    let error = step(&mut store, &[soft], &work, next, &mut |_| ()).unwrap_err();
    assert!(error.refused() && error.to_string().contains("--memory 3M"), "{error}");
    assert_eq!(store.steps(), [0]);
}

#[test]
fn a_record_and_a_step_to_go_back_to_are_kept() {
    let training = Training::new(Optimizer::Lion, 3000, 2, 2);
    let drives = training.made();
    let record = |store: &Store| store.manifest().current().record();
    let mut store = Store::open_on(drives.disk(), &training.folders()).unwrap();
    let powers = training.hyper.next(&store.powers());
    let work = Work {
        coefficients: store.manifest().group_hypers().iter().map(|h| h.coefficients(&powers).unwrap()).collect(),
        scale: 1.0,
        source: Arc::new(InMemory(Arc::new(training.grads(1)))),
        feedback: None,
        half: None,
        memory: DEFAULT_MEMORY,
    };
    let soft: SharedDevice = Arc::new(Mutex::new(Box::new(Soft::open(Some(1)))));
    let next = Next { powers, loss_scale: None, record: Some(vec![0, 255, 7]) };
    step(&mut store, &[soft], &work, next, &mut |_| ()).unwrap();
    drop(store);
    training.step(drives.disk()).unwrap();
    let mut store = Store::open_on(drives.disk(), &training.folders()).unwrap();
    assert_eq!((store.steps(), record(&store)), (vec![2, 1], vec![0, 255, 7]));
    assert!(store.back_to(0).unwrap_err().to_string().contains("it stands at 2 and 1"));
    // Gone back to, but not on the disk.
    store.back_to(1).unwrap();
    assert!(store.load().unwrap() == training.states[1]);
    assert_eq!(store.steps(), [1]);
    drop(store);
    let mut store = Store::open_on(drives.disk(), &training.folders()).unwrap();
    assert_eq!(store.steps(), [2, 1]);
    store.back_to(1).unwrap();
    store.settle().unwrap();
    drop(store);
    assert_eq!(training.step(drives.disk()).unwrap(), 2);
    let store = Store::open_on(drives.disk(), &training.folders()).unwrap();
    assert!(store.load().unwrap() == training.states[2]);
}
