//! A thread's share of a step: block after block, so that gradients which have to be widened or scaled are read back from the cache.

use super::simd::Level;
use crate::device::Tensors;
use crate::gradients::{Gradients, HalfCopy};
use nearfield_model::optimizer::Coefficients;

/// Elements of a block: a chunk of a Top-K stream, and 256 KiB in binary32.
const BLOCK: usize = 1 << 16;

/// One step of a share; says whether a gradient was infinite or NaN before it was scaled.
pub(super) fn step(level: Level, k: &Coefficients, scale: f32, tensors: Tensors<'_>) -> bool {
    let Tensors { params, mut states, grads, half } = tensors;
    let mut wide = Vec::new();
    let mut nonfinite = false;
    let format = half.as_ref().map(|half| half.format);
    let copy = half.map_or(&mut [][..], |half| half.into);
    for begin in (0..params.len()).step_by(BLOCK) {
        let here = begin..params.len().min(begin + BLOCK);
        let grads = grads.part(here.clone());
        let block = match grads {
            Gradients::Fp32(run) if scale == 1.0 => {
                nonfinite |= level.any_nonfinite(run);
                run
            }
            _ => {
                wide.resize(here.len(), 0.0);
                level.widen(&grads, &mut wide);
                nonfinite |= level.any_nonfinite(&wide);
                if scale != 1.0 {
                    level.scale(&mut wide, scale);
                }
                &wide
            }
        };
        let params = &mut params[here.clone()];
        let mut states: Vec<&mut [f32]> = states.iter_mut().map(|state| &mut state[here.clone()]).collect();
        level.step(k, params, &mut states, block);
        if let Some(format) = format {
            level.narrow(params, HalfCopy { format, into: &mut copy[here] });
        }
    }
    nonfinite
}
