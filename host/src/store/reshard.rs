//! The same state on another number of devices.

use super::create::create;
use super::{Contents, Model, Store, StoreError};
use nearfield_model::scale::LossScale;
use std::path::PathBuf;

/// Makes a store in `to`, a device each, with the tensors, groups, optimizer, progress, loss scale, record and residual of `from`, which stays as
/// it is. Every byte that is read is compared with its checksum before the new store takes its place. `progress` hears how many elements
/// were read, of all runs together.
///
/// # Errors
///
/// [`StoreError::Accumulated`], what [`create`] says, [`StoreError::Read`] and [`StoreError::Damaged`]; nothing is left then.
pub fn reshard(
    from: &Store,
    to: &[PathBuf],
    subgroup_elements: Option<u64>,
    progress: &mut dyn FnMut(u64),
) -> Result<(), StoreError> {
    let manifest = from.manifest();
    if let Some(accumulated) = &manifest.accumulated {
        return Err(StoreError::Accumulated { store: from.name(), count: accumulated.count });
    }
    let current = manifest.current();
    let contents = Contents {
        model: Model { tensors: manifest.tensors.clone(), groups: manifest.groups.clone(), hyper: from.hyper() },
        subgroup_elements,
        // As it is: recomputed products would not be those of the steps that were done.
        progress: current.progress,
        loss_scale: current.loss_scale.map(LossScale::from),
        record: current.record(),
        residual: current.residual.as_ref().map(|residual| residual.scale),
    };
    let mut reader = from.reader()?;
    let all = from.elements() * reader.runs() as u64;
    let mut done = 0;
    create(from.disk(), to, contents, |run, begin, into| {
        reader.read(run, begin, into)?;
        done += into.len() as u64;
        progress(done);
        // `create` asks for every element once, and renames after the last.
        match done == all {
            true => reader.verify(),
            false => Ok(()),
        }
    })
}
