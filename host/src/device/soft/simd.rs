//! The optimizers' steps compiled for each vector unit of the processor.
//!
//! The arithmetic is the specification's, `nearfield_model::optimizer`, inlined into functions that may use more of
//! the processor: the compiler keeps IEEE semantics, so a wider unit changes the speed and not one bit. A test compares
//! them all. Without FMA instructions `mul_add` becomes a call into the C library, which is right and slow.

use super::convert;
use crate::gradients::{Gradients, HalfCopy};
pub use crate::vector::Level;
use crate::vector::Unit;
use nearfield_model::optimizer::Coefficients;

/// Calls a function, which is inlined, with the instructions of a level's unit. A closure would not do: it is compiled by itself.
macro_rules! on_unit {
    ($level:expr, $work:path, $($name:ident: $type:ty),* $(=> $result:ty)?) => {{
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        fn avx2($($name: $type),*) $(-> $result)? {
            $work($($name),*)
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma,avx512f,avx512vl")]
        fn avx512($($name: $type),*) $(-> $result)? {
            $work($($name),*)
        }
        match $level.unit() {
            Unit::Portable => $work($($name),*),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a level with `Unit::Avx2` comes only from detection, of avx2 and fma among others.
            Unit::Avx2 => unsafe { avx2($($name),*) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a level with `Unit::Avx512` comes only from detection, of avx2, fma, avx512f and avx512vl among others.
            Unit::Avx512 => unsafe { avx512($($name),*) },
        }
    }};
}

/// Without the look at the gradients: the compiler leaves out what nobody asks for.
#[inline(always)]
fn step(k: &Coefficients, params: &mut [f32], states: &mut [&mut [f32]], grads: &[f32]) {
    k.step(params, states, grads);
}

impl Level {
    /// One step in place, on the calling thread. The slices have one length; the states are those of the optimizer, in
    /// the order of `nearfield_model::optimizer::Hyper::states`.
    pub fn step(self, k: &Coefficients, params: &mut [f32], states: &mut [&mut [f32]], grads: &[f32]) {
        on_unit!(self, step, k: &Coefficients, params: &mut [f32], states: &mut [&mut [f32]], grads: &[f32])
    }

    /// The same; says whether a gradient was infinite or a NaN.
    pub(super) fn step_and_look(
        self,
        k: &Coefficients,
        params: &mut [f32],
        states: &mut [&mut [f32]],
        grads: &[f32],
    ) -> bool {
        on_unit!(self, Coefficients::step, k: &Coefficients, params: &mut [f32], states: &mut [&mut [f32]], grads: &[f32] => bool)
    }

    /// The run in binary32.
    pub(super) fn widen(self, grads: &Gradients<'_>, into: &mut [f32]) {
        on_unit!(self, Gradients::widen_into, grads: &Gradients<'_>, into: &mut [f32])
    }

    /// Multiplies every value.
    pub(super) fn scale(self, run: &mut [f32], by: f32) {
        on_unit!(self, convert::scale, run: &mut [f32], by: f32)
    }

    /// Whether there is an infinity or a NaN.
    pub(super) fn any_nonfinite(self, run: &[f32]) -> bool {
        on_unit!(self, convert::any_nonfinite, run: &[f32] => bool)
    }

    /// The copy of a run in half precision.
    pub fn narrow(self, run: &[f32], copy: HalfCopy<'_>) {
        on_unit!(self, convert::narrow, run: &[f32], copy: HalfCopy<'_>)
    }
}
