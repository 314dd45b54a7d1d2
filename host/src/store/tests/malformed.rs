//! Manifests and parts that somebody changed and sealed again: nothing panics, no change asks for memory without end, and what is accepted
//! is a store's.

use super::part::Part;
use super::*;
use crate::topk::tests::Draw;

/// What stands where a number stood: ends of types, ends of what is allowed, and no numbers.
const NUMBERS: [&str; 20] = [
    "0",
    "1",
    "2",
    "-1",
    "255",
    "256",
    "257",
    "1023",
    "1024",
    "1048576",
    "2147483648",
    "4294967296",
    "1152921504606846975",
    "1152921504606846976",
    "9223372036854775807",
    "9223372036854775808",
    "1e308",
    "nan",
    "inf",
    "\"1\"",
];

/// The text with one of its numbers replaced, or a line doubled, left out or moved, or a character changed.
fn changed(text: &str, draw: &mut Draw) -> String {
    let mut below = |bound: usize| draw.next() as usize % bound.max(1);
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    let at = below(lines.len());
    match below(8) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, lines[below(lines.len())].clone()),
        2 => lines.swap(at, below(text.lines().count())),
        3 => {
            let mut bytes = lines[at].clone().into_bytes();
            if !bytes.is_empty() {
                let place = below(bytes.len());
                bytes[place] = b"0123456789[]=\"., abcdefx"[below(24)];
            }
            lines[at] = String::from_utf8_lossy(&bytes).into_owned();
        }
        _ => {
            let numbers: Vec<(usize, usize)> = lines[at]
                .match_indices(|c: char| c.is_ascii_digit())
                .map(|(begin, _)| (begin, lines[at][begin..].bytes().take_while(|c| c.is_ascii_digit()).count()))
                .collect();
            if let Some(&(begin, length)) = numbers.get(below(numbers.len())) {
                lines[at].replace_range(begin..begin + length, NUMBERS[below(NUMBERS.len())]);
            }
        }
    }
    lines.join("\n") + "\n"
}

/// Changes a sealed text up to three times, and seals it.
fn mutant(text: &str, draw: &mut Draw) -> String {
    let (inside, _) = sealed::open(text.as_bytes()).unwrap();
    let changes = 1 + draw.next() % 3;
    sealed::seal((0..changes).fold(inside.to_string(), |text, _| changed(&text, draw))).0
}

/// A store on two devices with accumulated gradients, several subgroups and groups; its manifest, and the part of its first device.
fn texts() -> (String, Manifest, String) {
    let parent = tempfile::tempdir().unwrap();
    let folders = [parent.path().join("a"), parent.path().join("b")];
    let tensor = |name: &str, shape: &[u64]| TensorEntry { name: name.into(), shape: shape.to_vec() };
    let tensors = vec![tensor("w", &[100, 70]), tensor("bias", &[33]), tensor("v", &[3000])];
    let model = Model::with_no_decay(tensors, hyper(), |name| name == "bias");
    let contents = Contents { subgroup_elements: Some(1024), ..Contents::new(model) };
    create::<StoreError>(&system(), &folders, contents, |_, _, into| {
        into.fill(1.0);
        Ok(())
    })
    .unwrap();
    let manifest = fs::read_to_string(folders[0].join("manifest.toml")).unwrap();
    let part = fs::read_to_string(folders[0].join("state-0.toml")).unwrap();
    let parsed = Manifest::parse(manifest.as_bytes()).unwrap();
    let squares = nearfield_model::gradient_norm::sum_of_squares(&[1.5, 2.0]);
    let with = Manifest { accumulated: Some(Accumulated::new(1, vec![7, 8], 3, &squares)), ..parsed };
    (with.text().unwrap(), with, part)
}

#[test]
fn changed_manifests_are_refused_or_describe_a_store() {
    let (text, manifest, _) = texts();
    assert_eq!(Manifest::parse(text.as_bytes()).as_ref(), Ok(&manifest));
    let (mut refused, mut accepted) = (0, 0);
    let mut draw = Draw(4);
    for _ in 0..20_000 {
        let text = mutant(&text, &mut draw);
        let Ok(manifest) = Manifest::parse(text.as_bytes()) else {
            refused += 1;
            continue;
        };
        accepted += 1;
        let layout = manifest.layout();
        let elements: u64 = layout.subgroups().iter().map(|subgroup| subgroup.elements).sum();
        assert_eq!(Some(elements), manifest.elements(), "{text}");
        assert!(
            layout.subgroups().len() as u64 <= layout::MOST_SUBGROUPS && layout.devices() == manifest.devices,
            "{text}"
        );
        for generation in &manifest.generations {
            assert!(generation.record().len() <= RECORD_BYTES && generation.set < 2, "{text}");
        }
        assert!(manifest.accumulated.as_ref().is_none_or(|accumulated| accumulated.squares().is_some()), "{text}");
        // Numbers keep their bits, NaN and all; so the second text is the first.
        let again = Manifest::parse(manifest.text().unwrap().as_bytes()).unwrap();
        assert_eq!(again.text().unwrap(), manifest.text().unwrap());
    }
    assert!(refused > 2000 && accepted > 500, "mutants of both kinds: {refused} and {accepted}");
}

#[test]
fn changed_parts_are_refused_or_fit_no_other_files() {
    let (_, manifest, text) = texts();
    let (layout, series) = (manifest.layout(), state_series(&hyper()));
    let sums = |text: &str| {
        Part::parse(text.as_bytes()).map(|(part, _)| part.sums(&series.runs, layout.of_device(0))).map_err(|_| ())
    };
    let right = sums(&text).unwrap().unwrap();
    let (mut refused, mut misfits, mut accepted) = (0, 0, 0);
    let mut draw = Draw(5);
    for _ in 0..20_000 {
        match sums(&mutant(&text, &mut draw)) {
            Err(()) => refused += 1,
            Ok(None) => misfits += 1,
            Ok(Some(sums)) => {
                accepted += 1;
                assert!(sums.iter().map(Vec::len).eq(right.iter().map(Vec::len)));
            }
        }
    }
    assert!(
        refused > 2000 && misfits > 500 && accepted > 500,
        "mutants of all kinds: {refused}, {misfits}, {accepted}"
    );
}

#[test]
fn more_subgroups_than_memory_should_be_taken_for_are_refused() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("store");
    let shape = vec![layout::MOST_SUBGROUPS << 10, 2];
    let contents = Contents {
        subgroup_elements: Some(1024),
        ..Contents::new(Model::new(vec![TensorEntry { name: "w".into(), shape }], hyper()))
    };
    let error =
        create::<StoreError>(&system(), std::slice::from_ref(&folder), contents, |_, _, _| unreachable!()).unwrap_err();
    let said = "subgroups of 1024 elements would be 2097152, but 1048576 are the most; choose 4096 or more";
    assert_eq!(error.to_string(), said);
    assert!(!folder.exists());
}
