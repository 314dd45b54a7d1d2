//! Files of streams: subgroups by number, and nothing but them.

use super::file::{read_gradients, subgroups, write, GradientError, SUBGROUP_ELEMENTS};
use super::*;
use crate::safetensors::{self, SafetensorsError};
use crate::store::TensorEntry;
use std::collections::BTreeMap;

fn entries(elements: usize) -> [TensorEntry; 2] {
    let entry = |name: &str, elements: usize| TensorEntry { name: name.into(), shape: vec![elements as u64] };
    [entry("a", elements / 3), entry("b", elements - elements / 3)]
}

fn stream(elements: usize, kept: &[(u64, f32)]) -> Vec<u8> {
    let (indices, values) = kept.iter().copied().unzip();
    encode(elements as u64, ValueFormat::Fp32, &Kept { indices, values }).unwrap()
}

#[test]
fn a_run_is_cut_into_subgroups_without_a_gap() {
    for elements in [0, 1, SUBGROUP_ELEMENTS - 1, SUBGROUP_ELEMENTS, SUBGROUP_ELEMENTS + 1, 5 * SUBGROUP_ELEMENTS + 9] {
        let mut at = 0;
        for range in subgroups(elements) {
            assert!(range.start == at && !range.is_empty() && range.len() <= SUBGROUP_ELEMENTS);
            assert!(range.len() == SUBGROUP_ELEMENTS || range.end == elements);
            at = range.end;
        }
        assert_eq!(at, elements);
    }
}

#[test]
fn subgroups_come_back_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grads.topk");
    let elements = SUBGROUP_ELEMENTS + 5;
    let last = SUBGROUP_ELEMENTS as u64 - 1;
    write(&path, &[stream(SUBGROUP_ELEMENTS, &[(0, 1.0), (last, 2.0)]), stream(5, &[(0, 3.0), (4, 4.0)])]).unwrap();
    let run = read_gradients(&path, &entries(elements)).unwrap().widened();
    assert_eq!(run.len(), elements);
    let found: Vec<(usize, f32)> = run.iter().copied().enumerate().filter(|(_, value)| *value != 0.0).collect();
    assert_eq!(found, [(0, 1.0), (SUBGROUP_ELEMENTS - 1, 2.0), (SUBGROUP_ELEMENTS, 3.0), (elements - 1, 4.0)]);
}

#[test]
fn other_tensors_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let refused = |tensors: &[(&str, &[u8])]| {
        let tensors: BTreeMap<String, &[u8]> = tensors.iter().map(|(name, data)| (name.to_string(), *data)).collect();
        safetensors::write_bytes(&path, &tensors, &BTreeMap::new()).unwrap();
        read_gradients(&path, &entries(5)).unwrap_err().to_string()
    };
    let good = stream(5, &[(3, 1.0)]);
    assert!(refused(&[("subgroup.00", &good)]).contains("has no U8 tensor \"subgroup.0\""));
    assert!(refused(&[("subgroup.1", &good)]).contains("has no U8 tensor \"subgroup.0\""));
    assert!(
        refused(&[("subgroup.0", &good), ("subgroup.1", &good)]).contains("it has 2 tensors, but 5 elements have 1")
    );
    assert!(refused(&[("subgroup.0", &stream(6, &[]))]).contains("has 6 elements instead of 5"));
    assert!(refused(&[("subgroup.0", &good[..good.len() - 1])]).contains("subgroup 0 in"));
    assert!(refused(&[("subgroup.0", &[])]).contains("at byte 0, it ends"));
}

/// What is read as F32 elsewhere is still refused as bytes there.
#[test]
fn streams_are_no_tensors_of_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    write(&path, &[stream(5, &[])]).unwrap();
    let error = safetensors::SafetensorsFile::open(&path).unwrap_err();
    assert!(matches!(error, SafetensorsError::Type { dtype, .. } if dtype == "U8"));
    assert!(matches!(read_gradients(&folder.path().join("none"), &[]), Err(GradientError::File(_))));
}
