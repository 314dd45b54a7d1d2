//! Parameters and state in a store: a run goes on where it was interrupted.

use super::{Optimize, OptimizeError, Plan, Update};
use crate::disk;
use crate::handler::{self, SharedDevice, Work};
use crate::source::InMemory as Gradients;
use crate::step::StepReport;
use crate::store::{create, Contents, Model, Next, Store, StoreError};
use nearfield_model::optimizer::Hyper;
use std::path::PathBuf;
use std::sync::Arc;

/// A model whose every step is on drives before the next begins. Its parameters are in memory too, for forward and backward.
pub struct InStore {
    store: Store,
    devices: Vec<SharedDevice>,
    hyper: Hyper,
    memory: u64,
    params: Vec<f32>,
    record: Vec<u8>,
    report: StepReport,
}

impl InStore {
    /// Opens the store in `folders`, or makes it with the plan's initial parameters if nothing is there. `devices` are one a folder, or one
    /// for all; a step's buffers take at most `memory` bytes.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; a store of another optimizer is refused.
    pub fn open(
        folders: &[PathBuf],
        plan: &Plan<'_>,
        devices: Vec<SharedDevice>,
        memory: u64,
    ) -> Result<InStore, StoreError> {
        let hyper = plan.options().hyper;
        let tensors = plan.options().shape.tensors();
        if !folders.iter().any(|folder| Store::is_at(folder)) {
            let params = plan.initial_parameters();
            let contents = Contents { record: plan.record(0), ..Contents::new(Model::new(tensors.clone(), hyper)) };
            create(&disk::system(), folders, contents, |run, begin, into| {
                if run == 0 {
                    into.copy_from_slice(&params[begin as usize..][..into.len()]);
                }
                Ok::<_, StoreError>(())
            })?;
        }
        let store = Store::open(folders)?;
        if store.manifest().tensors != tensors || store.hyper() != hyper {
            let what = format!(
                "{} is the store of another model or of other hyper-parameters; give those it was made with, or name another store",
                store.name()
            );
            return Err(StoreError::Folders { what });
        }
        let (record, params) = (store.manifest().current().record(), Vec::new());
        let mut opened = InStore { store, devices, hyper, memory, params, record, report: StepReport::default() };
        opened.params = opened.read()?;
        Ok(opened)
    }

    /// The parameters as the store has them.
    fn read(&self) -> Result<Vec<f32>, StoreError> {
        let mut params = vec![0.0; self.store.elements() as usize];
        let mut reader = self.store.reader()?;
        reader.read(0, 0, &mut params)?;
        reader.verify()?;
        Ok(params)
    }
}

impl Optimize for InStore {
    fn params(&self) -> &[f32] {
        &self.params
    }

    fn steps(&self) -> u64 {
        self.store.powers().step
    }

    fn record(&self) -> &[u8] {
        &self.record
    }

    fn step(&mut self, update: Update<'_>) -> Result<(), OptimizeError> {
        let hyper = self.hyper.with_lr(update.lr);
        let powers = hyper.next(&self.store.powers());
        let work = Work {
            coefficients: vec![hyper.coefficients(&powers)?],
            scale: update.grad_scale,
            source: Arc::new(Gradients(Arc::new(update.gradients.to_vec()))),
            feedback: None,
            half: None,
            memory: self.memory,
        };
        let next = Next { record: Some(update.record.to_vec()), ..Next::of(powers) };
        let report = handler::step(&mut self.store, &self.devices, &work, next, &mut |_| ())?;
        self.report.add(&report.step);
        self.params = self.read()?;
        self.record = update.record.to_vec();
        Ok(())
    }

    fn report(&self) -> &StepReport {
        &self.report
    }
}
