//! Against the `safetensors` crate as a second witness, and against files that mean harm.

use super::*;
use ::safetensors::tensor::{Dtype, TensorView};
use ::safetensors::SafeTensors;
use serde_json::json;

fn temporary(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

fn with_header(header: &str, data_bytes: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + data_bytes, 0);
    bytes
}

fn refusal(bytes: &[u8]) -> String {
    SafetensorsFile::open(temporary(bytes).path()).unwrap_err().to_string()
}

#[test]
fn reads_what_the_library_writes() {
    let a: Vec<u8> = [1.0f32, f32::NAN, -0.0, 1e-45, 5.0, 6.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let tensors = [
        ("w/../é", TensorView::new(Dtype::F32, vec![2, 3], &a).unwrap()),
        ("scalar", TensorView::new(Dtype::F32, vec![], &a[..4]).unwrap()),
        ("empty", TensorView::new(Dtype::F32, vec![0, 7], &[]).unwrap()),
    ];
    let bytes = ::safetensors::serialize(tensors, Some([("step".to_string(), "3".to_string())].into())).unwrap();
    let file = temporary(&bytes);
    let open = SafetensorsFile::open(file.path()).unwrap();
    assert_eq!(open.metadata()["step"], "3");
    assert_eq!(open.tensors().len(), 3);
    let info = open.tensors()["w/../é"].clone();
    assert_eq!(info.shape, [2, 3]);
    let mut data = vec![0f32; 6];
    open.read_into(&info, &mut data).unwrap();
    assert_eq!(bytemuck::cast_slice::<f32, u8>(&data), a);
}

#[test]
fn the_library_reads_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("y.safetensors");
    let (w, b) = ([1.5f32, -2.5], [f32::INFINITY]);
    let tensors =
        BTreeMap::from([("w\"\n".to_string(), (&[2u64, 1][..], &w[..])), ("b".to_string(), (&[][..], &b[..]))]);
    write(&path, &tensors, &BTreeMap::from([("step".to_string(), "12".to_string())])).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let read = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(read.tensor("w\"\n").unwrap().data(), bytemuck::cast_slice::<f32, u8>(&w));
    assert_eq!(read.tensor("b").unwrap().shape(), [0usize; 0]);
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(metadata.metadata().as_ref().unwrap()["step"], "12");
    assert!(SafetensorsFile::open(&path).is_ok());
}

#[test]
fn broken_files_are_refused_with_the_rule() {
    let entry = |shape: &str, begin: u64, end: u64| {
        format!(r#"{{"dtype":"F32","shape":{shape},"data_offsets":[{begin},{end}]}}"#)
    };
    let one = |e: String| format!(r#"{{"a":{e}}}"#);
    let two = |a: String, b: String| format!(r#"{{"a":{a},"b":{b}}}"#);
    for (header, data, says) in [
        (one(entry("[2]", 0, 8)), 4, "take 8 bytes, but the file has 4"),
        (one(entry("[2]", 0, 8)), 12, "take 8 bytes, but the file has 12"),
        (one(entry("[3]", 0, 8)), 8, "does not have the bytes"),
        (one(entry("[2]", 8, 0)), 8, "does not have the bytes"),
        (one(entry("[4294967296,4294967296]", 0, 0)), 0, "does not have the bytes"),
        (one(entry("[4611686018427387905]", 0, 4)), 4, "does not have the bytes"),
        (one(entry("[-1]", 0, 4)), 4, "entry for \"a\""),
        (one(entry("[1.5]", 0, 4)), 4, "entry for \"a\""),
        (two(entry("[2]", 0, 8), entry("[1]", 4, 8)), 8, "overlaps another"),
        (two(entry("[1]", 0, 4), entry("[1]", 8, 12)), 12, "leaves a hole"),
        (two(entry("[1]", 0, 4), entry("[1]", 0, 4)), 4, "overlaps another"),
        (format!(r#"{{"a":{e},"a":{e}}}"#, e = entry("[1]", 0, 4)), 4, "occurs twice"),
        (r#"{"__metadata__":{"x":1}}"#.into(), 0, "metadata"),
        (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}"#.into(), 4, "unknown field"),
        (r#"{"a":{"shape":[1],"data_offsets":[0,4]}}"#.into(), 4, "dtype"),
        (one(entry("[1]", 0, 4)).replace('F', "B"), 4, "is B32, but only F32"),
        (one(entry("[1]", 0, 4)).replace("F32", "\\u001b[2J"), 4, r#"is "\u{1b}[2J", but only F32"#),
        ("[]".into(), 0, "does not begin with"),
        ("{".into(), 0, "no JSON"),
        (format!("{{\"a\":{}", "[".repeat(100_000)), 0, "no JSON"),
        (String::new(), 0, "does not begin with"),
    ] {
        let message = refusal(&with_header(&header, data));
        assert!(message.contains(says), "{header}: {message}");
    }
    assert!(refusal(b"").contains("too few"));
    assert!(refusal(b"\x01\0\0\0\0\0\0").contains("too few"));
    assert!(refusal(&u64::MAX.to_le_bytes()).contains("said to have 18446744073709551615 bytes"));
    assert!(refusal(&9u64.to_le_bytes()).contains("said to have 9 bytes"));
    assert!(SafetensorsFile::open(Path::new("/")).unwrap_err().to_string().contains("not a regular file"));
    assert!(SafetensorsFile::open(Path::new("/no/such")).unwrap_err().to_string().contains("cannot read /no/such"));
}

/// Any change of a valid file is refused or gives tensors that lie within the file; nothing panics.
#[test]
fn mutations_never_panic_and_never_read_outside() {
    let header = json!({
        "__metadata__": { "step": "1" },
        "a": { "dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24] },
        "bias": { "dtype": "F32", "shape": [], "data_offsets": [24, 28] },
    });
    let valid = with_header(&header.to_string(), 28);
    assert!(SafetensorsFile::open(temporary(&valid).path()).is_ok());
    let mut state = 0x6e66_u64;
    let mut draw = |n: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % n
    };
    let (mut refused, mut accepted) = (0, 0);
    for _ in 0..20_000 {
        let mut bytes = valid.clone();
        for _ in 0..=draw(3) {
            // Everything may have been cut away.
            if bytes.is_empty() {
                break;
            }
            let at = draw(bytes.len());
            match draw(5) {
                0 => bytes[at] = draw(256) as u8,
                1 => bytes[at] = b"0123456789{}[],:\"-e."[draw(20)],
                2 => drop(bytes.remove(at)),
                3 => bytes.insert(at, b"0123456789{}[],:\"-e."[draw(20)]),
                _ => bytes.truncate(at + 1),
            }
        }
        // From memory: twenty thousand small files would measure the disk.
        match read_header(Path::new("mutated"), &mut bytes.as_slice(), bytes.len() as u64) {
            Err(_) => refused += 1,
            Ok((data_start, header)) => {
                accepted += 1;
                let mut total = 0;
                for info in header.tensors.values() {
                    assert!(data_start + info.end <= bytes.len() as u64);
                    assert_eq!(info.elements() as u64 * 4, info.end - info.begin);
                    total += info.elements() * 4;
                }
                assert!(total <= bytes.len(), "no two tensors share a byte");
            }
        }
    }
    assert!(refused > 1000 && accepted > 100, "the mutations are of both kinds: {refused} and {accepted}");
}
