//! Making a store.

use super::folder::{self, write_part, Files};
use super::layout::LEAST_SUBGROUP_ELEMENTS;
use super::manifest::elements;
use super::part::{Origin, Part};
use super::reader::add;
use super::site::Site;
use super::{
    padded_bytes, state_series, Generation, Layout, LossScaleEntry, Manifest, Model, Progress, ResidualEntry, Series,
    StoreError, Sums,
};
use crate::disk::{write_all, Disk};
use nearfield_abi::checksum::Checksum;
use nearfield_model::scale::LossScale;
use std::path::PathBuf;
use std::sync::Arc;

/// Elements that are filled and written at once.
const PIECE: u64 = 1 << 20;

/// What a new store is to be.
#[derive(Clone, Debug)]
pub struct Contents {
    /// Tensors, groups, optimizer.
    pub model: Model,
    /// Elements of a subgroup; `None` for [`Layout::default_elements`].
    pub subgroup_elements: Option<u64>,
    /// How far training has come.
    pub progress: Progress,
    /// The dynamic loss scale, if one is used.
    pub loss_scale: Option<LossScale>,
    /// A caller's record.
    pub record: Vec<u8>,
    /// The scale of the residual, if there is one.
    pub residual: Option<f32>,
}

impl Contents {
    /// Of a model before its first step.
    pub fn new(model: Model) -> Contents {
        let progress = Progress::of(&model.hyper.powers());
        Contents { model, subgroup_elements: None, progress, loss_scale: None, record: Vec::new(), residual: None }
    }
}

/// Makes a store in `folders`, a device each, which must not exist yet or be empty. `fill` gives the elements of a run (0 the parameters,
/// then the optimizer's states, then the residual if there is one) from an element on. Room is made for both sets of files: a step does not find a disk full.
///
/// # Errors
///
/// [`StoreError::Exists`], [`StoreError::NoParent`], [`StoreError::Folders`], [`StoreError::Write`] when a disk is full or a folder cannot
/// be written, and what `fill` says; nothing is left then. [`StoreError::Unsynced`] if the store is made and only the last sync failed.
pub fn create<E: From<StoreError>>(
    disk: &Arc<dyn Disk>,
    folders: &[PathBuf],
    contents: Contents,
    fill: impl FnMut(usize, u64, &mut [f32]) -> Result<(), E>,
) -> Result<(), E> {
    refuse(&contents)?;
    Site::new(disk, folders)?.build(|site| make(site, contents, fill))
}

fn refuse(contents: &Contents) -> Result<(), StoreError> {
    let wrong = |what: String| Err(StoreError::Folders { what });
    if let Some(elements) = contents.subgroup_elements.filter(|&elements| elements < LEAST_SUBGROUP_ELEMENTS) {
        return wrong(format!(
            "a subgroup of {elements} elements is too small; {LEAST_SUBGROUP_ELEMENTS} is the least"
        ));
    }
    if elements(&contents.model.tensors).is_none() {
        return wrong("the tensors have more elements than a file can hold; leave some out".into());
    }
    Ok(())
}

fn make<E: From<StoreError>>(
    site: &Site<'_>,
    contents: Contents,
    mut fill: impl FnMut(usize, u64, &mut [f32]) -> Result<(), E>,
) -> Result<(), E> {
    let Contents { model, subgroup_elements, progress, loss_scale, record, residual } = contents;
    let mut all_series = vec![state_series(&model.hyper)];
    all_series.extend(residual.map(|_| Series::residual()));
    let devices = site.places.len();
    let mut manifest = Manifest::new(model, site.id.clone(), devices, 0);
    let each = subgroup_elements.unwrap_or_else(|| Layout::default_elements(&manifest.group_elements(), devices));
    manifest.subgroup_elements = each;
    manifest.check_subgroups().map_err(|what| StoreError::Folders { what })?;
    let layout = manifest.layout();
    // Room first, so that a full disk is found before hours of copying.
    let mut runs: Vec<Files> = Vec::new();
    for set in 0..2 {
        for (series, run) in all_series.iter().flat_map(|series| (0..series.runs.len()).map(move |run| (series, run))) {
            let places = site.places.iter().enumerate();
            let files = places.map(|(device, place)| {
                let path = series.run_path(place, run, set);
                let file = site.empty(&path, layout.file_bytes(device))?;
                Ok((path, file))
            });
            let files = files.collect::<Result<Files, StoreError>>()?;
            if set == 0 {
                runs.push(files);
            }
        }
    }
    let mut sums: Vec<Sums> = vec![Vec::new(); devices];
    for subgroup in layout.subgroups() {
        sums[subgroup.device].push(vec![Checksum::default(); runs.len()]);
    }
    let mut memory = vec![0.0; PIECE as usize];
    for (run, files) in runs.iter().enumerate() {
        let mut places = vec![0; devices];
        for subgroup in layout.subgroups() {
            let (path, file) = &files[subgroup.device];
            let place = places[subgroup.device];
            places[subgroup.device] += 1;
            for first in (0..subgroup.elements).step_by(PIECE as usize) {
                let here = (subgroup.elements - first).min(PIECE);
                // The padding behind a subgroup is written too, as zeros.
                let data = &mut memory[..(padded_bytes(here) / 4) as usize];
                data.fill(0.0);
                fill(run, subgroup.begin + first, &mut data[..here as usize])?;
                let sum = Checksum::of(bytemuck::cast_slice(&data[..here as usize]));
                let total = &mut sums[subgroup.device][place][run];
                *total = add(*total, sum, first);
                write_all(file.as_ref(), bytemuck::cast_slice(data), subgroup.offset + 4 * first)
                    .map_err(|source| StoreError::Write { path: path.clone(), source })?;
            }
        }
    }
    let step = progress.step;
    let mut parts: Vec<Vec<u32>> = vec![Vec::new(); all_series.len()];
    for device in 0..devices {
        for files in &runs {
            let (path, file) = &files[device];
            file.sync().map_err(|source| StoreError::Write { path: path.clone(), source })?;
        }
        let origin = Origin { store: &site.id, device, set: 0, step };
        let mut first = 0;
        for (series, parts) in all_series.iter().zip(&mut parts) {
            let end = first + series.runs.len();
            let sums: Sums = sums[device].iter().map(|sums| sums[first..end].to_vec()).collect();
            let part = Part::new(origin, &series.runs, layout.of_device(device), &sums);
            parts.push(write_part(site.disk.as_ref(), &series.part_path(&site.places[device], 0), &part)?);
            first = end;
        }
    }
    let loss_scale = loss_scale.map(LossScaleEntry::from);
    let record = hexadecimal(&record);
    let mut parts = parts.into_iter();
    let of_state = parts.next().unwrap_or_default();
    let residual = residual.zip(parts.next()).map(|(scale, parts)| ResidualEntry { set: 0, parts, step, scale });
    manifest.generations = vec![Generation { set: 0, parts: of_state, record, progress, loss_scale, residual }];
    folder::write_manifest(site.disk.as_ref(), &site.places[0], &manifest)
        .map_err(|source| StoreError::Write { path: folder::manifest_path(&site.folders[0]), source })?;
    Ok(())
}

/// Bytes as digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
