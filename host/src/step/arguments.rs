//! The kernel's arguments for a step.

use crate::device::{Buffer, Value};
use nearfield_abi::kernel::smartupdate as argument;
use nearfield_model::optimizer::Coefficients;

/// The pointer arguments of an optimizer's states, in the order in which a step takes them.
pub(crate) fn state_arguments(k: &Coefficients) -> &'static [usize] {
    match k {
        Coefficients::AdamW(_) | Coefficients::Adam(_) => &[argument::EXP_AVG, argument::EXP_AVG_SQ],
        Coefficients::Adagrad(_) => &[argument::EXP_AVG_SQ],
        Coefficients::Lion(_) => &[argument::EXP_AVG],
        Coefficients::Sgd(k) if k.has_buffer() => &[argument::EXP_AVG],
        Coefficients::Sgd(_) => &[],
    }
}

/// The pointer arguments of all tensors: parameters, states, gradients.
pub(crate) fn tensor_arguments(k: &Coefficients) -> Vec<usize> {
    [&[argument::PARAMS], state_arguments(k), &[argument::GRADS]].concat()
}

/// The kernel's arguments for a step of `elements` elements with gradients in binary32, a scale of 1 and no half copy; the buffers
/// are those of the parameters, of the states in the order in which a step takes them, and of the gradients.
///
/// # Panics
///
/// If there are more or fewer states than the optimizer has.
pub fn arguments(buffers: &[Buffer], k: &Coefficients, elements: u32) -> Vec<Value> {
    use argument::{flag, optimizer};
    let tensors = tensor_arguments(k);
    assert_eq!(tensors.len(), buffers.len(), "every tensor has its buffer");
    let mut list = vec![Value::F32(0.0); argument::DECAY + 1];
    list[..argument::ELEMENTS].fill(Value::Null);
    for (id, buffer) in tensors.into_iter().zip(buffers) {
        list[id] = Value::Pointer(*buffer);
    }
    let set = |on: bool, flag: u32| if on { flag } else { 0 };
    let (code, flags, words) = match k {
        Coefficients::AdamW(k) => (
            optimizer::ADAMW,
            set(k.weight_decay, flag::WEIGHT_DECAY),
            [k.beta1, k.c1, k.beta2, k.c2, k.bias2, k.eps, k.step_size, k.decay],
        ),
        Coefficients::Adam(k) => (
            optimizer::ADAM,
            set(k.weight_decay, flag::WEIGHT_DECAY),
            [k.beta1, k.c1, k.beta2, k.c2, k.bias2, k.eps, k.step_size, k.decay],
        ),
        Coefficients::Adagrad(k) => (
            optimizer::ADAGRAD,
            set(k.weight_decay, flag::WEIGHT_DECAY),
            [0.0, 0.0, 0.0, 0.0, 1.0, k.eps, k.step_size, k.decay],
        ),
        Coefficients::Lion(k) => (
            optimizer::LION,
            set(k.weight_decay, flag::WEIGHT_DECAY),
            [k.beta1, k.c1, k.beta2, k.c2, 1.0, 0.0, k.step_size, k.decay],
        ),
        Coefficients::Sgd(k) => (
            optimizer::SGD,
            set(k.weight_decay, flag::WEIGHT_DECAY)
                | set(k.has_buffer(), flag::MOMENTUM)
                | set(k.first, flag::FIRST_STEP)
                | set(k.nesterov, flag::NESTEROV),
            [k.momentum, k.c1, 0.0, 0.0, 1.0, 0.0, k.step_size, k.decay],
        ),
    };
    list[argument::ELEMENTS] = Value::U32(elements);
    list[argument::FLAGS] = Value::U32(flags);
    list[argument::OPTIMIZER] = Value::U32(code);
    list[argument::GRAD_FORMAT] = Value::U32(argument::grad_format::FP32);
    list[argument::GRAD_BYTES] = Value::U32(0);
    list[argument::HALF_FORMAT] = Value::U32(argument::half_format::NONE);
    list[argument::GRAD_SCALE] = Value::F32(1.0);
    for (value, word) in list[argument::BETA1..].iter_mut().zip(words) {
        *value = Value::F32(word);
    }
    list
}
