use super::*;
use crate::disk::{read, replace};

#[test]
fn what_is_synced_survives_and_what_is_not_may_not() {
    let path = Path::new("/a/x");
    let double = Double::new(&["/a"]);
    let disk = double.disk();
    replace(disk.as_ref(), path, b"old").unwrap();
    assert_eq!(read(double.after_power_failure(1).disk().as_ref(), path, 9).unwrap(), b"old");
    disk.open(path, Open::WriteDirect).unwrap().write_at(b"newer", 0).unwrap();
    let after = |seed| read(double.after_power_failure(seed).disk().as_ref(), path, 9).unwrap();
    let seen: std::collections::BTreeSet<Vec<u8>> = (0..50).map(after).collect();
    assert_eq!(seen.len(), 3, "none of it, half of it, all of it");
    disk.remove(path).unwrap();
    let there = |seed| disk_of(seed, &double).open(path, Open::Read).is_ok();
    assert!((0..50).any(there) && !(0..50).all(there));
}

fn disk_of(seed: u64, double: &Double) -> Arc<dyn Disk> {
    double.after_power_failure(seed).disk()
}

#[test]
fn a_fault_is_where_it_is_asked_for() {
    let path = Path::new("/a/x");
    let double = Double::new(&["/a"]);
    replace(double.disk().as_ref(), path, b"12345678").unwrap();
    let reading = |operation, fault| {
        let double = double.with_fault(operation, fault);
        read(double.disk().as_ref(), path, 9).map_err(|error| error.raw_os_error())
    };
    // Opened, measured, read.
    assert_eq!(reading(0, Fault::Error(5)), Err(Some(5)));
    assert_eq!(reading(2, Fault::Error(5)), Err(Some(5)));
    assert_eq!(reading(2, Fault::Short), Ok(b"12345678".to_vec()));
    assert_eq!(reading(2, Fault::Flip), Ok(b"1234%678".to_vec()));
    assert!(reading(2, Fault::Cut).is_err() && reading(1, Fault::Stop).is_err());
    assert_eq!(reading(3, Fault::Stop), Ok(b"12345678".to_vec()));
}
