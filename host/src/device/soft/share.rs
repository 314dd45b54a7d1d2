//! A thread's share of a step: in one loop, or block after block where gradients have to be widened or scaled, or parameters narrowed, so that they
//! are read back from the cache.

use super::simd::Level;
use crate::device::Tensors;
use crate::gradients::{Gradients, HalfCopy};
use nearfield_model::optimizer::Coefficients;

/// Elements of a block of dense gradients: 32 KiB in binary32, which the nearest cache holds from one pass to the next.
const BLOCK: usize = 1 << 13;

/// One step of a share; says whether a gradient was infinite or NaN before it was scaled.
pub(super) fn step(level: Level, k: &Coefficients, scale: f32, tensors: Tensors<'_>) -> bool {
    let Tensors { params, mut states, grads, half } = tensors;
    let mut wide = Vec::new();
    let mut nonfinite = false;
    let format = half.as_ref().map(|half| half.format);
    let copy = half.map_or(&mut [][..], |half| half.into);
    let as_is = matches!(grads, Gradients::Fp32(_)) && scale == 1.0 && format.is_none();
    // A stream is cut into chunks.
    let block = if as_is { params.len().max(1) } else { grads.granule().max(BLOCK) };
    for begin in (0..params.len()).step_by(block) {
        let here = begin..params.len().min(begin + block);
        let grads = grads.part(here.clone());
        let run = match grads {
            Gradients::Fp32(run) if scale == 1.0 => run,
            _ => {
                wide.resize(here.len(), 0.0);
                level.widen(&grads, &mut wide);
                if scale != 1.0 {
                    nonfinite |= level.any_nonfinite(&wide);
                    level.scale(&mut wide, scale);
                }
                &wide
            }
        };
        let params = &mut params[here.clone()];
        let mut states: Vec<&mut [f32]> = states.iter_mut().map(|state| &mut state[here.clone()]).collect();
        // What the scale made infinite does not count.
        nonfinite |= level.step_and_look(k, params, &mut states, run) && scale == 1.0;
        if let Some(format) = format {
            level.narrow(params, HalfCopy { format, into: &mut copy[here] });
        }
    }
    nonfinite
}
