//! The program `package`, with stand-ins for vivado and v++ (`fake/`) on PATH and without.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const FAKE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/package/fake");
const SYSTEM: &str = "/usr/bin:/bin";

fn run(arguments: &[&str], path: &str, fails: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_package"));
    command.args(arguments).env_clear().env("PATH", path).env("FAILS", fails).output().unwrap()
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// Every file below a folder, by relative path.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_path_buf()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_path_buf(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn without_the_tools_it_writes_the_folder_and_says_so() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().canonicalize().unwrap().join("out/smartssd/smartupdate_l2");
    let out = root.path().join("out");
    let arguments = ["xclbin", "--board", "smartssd", "-o", out.to_str().unwrap()];
    let (code, stdout, stderr) = said(&run(&arguments, SYSTEM, ""));
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.starts_with(folder.to_str().unwrap()), "{stdout}");
    assert!(stdout.contains("vivado and v++ are not on PATH"), "{stdout}");

    let first = files(&folder);
    let verilog = first.keys().filter(|path| path.starts_with("rtl")).count();
    let list = String::from_utf8(first[Path::new("smartupdate_l2.f")].clone()).unwrap();
    assert_eq!((list.lines().count(), first.len()), (verilog, verilog + 6));
    assert!(list.lines().all(|line| first.contains_key(Path::new(line))), "{list}");
    assert!(String::from_utf8_lossy(&first[Path::new("README.txt")]).contains("UNTESTED ON A BOARD"));

    // A second run gives the same bytes, and Verilog that is no longer part of the kernel goes.
    fs::write(folder.join("rtl/smartupdate_old.v"), "module old; endmodule\n").unwrap();
    assert_eq!(said(&run(&arguments, SYSTEM, "")).0, 0);
    assert_eq!(files(&folder), first);
}

#[test]
fn with_the_tools_it_ends_with_the_path_of_the_xclbin() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().canonicalize().unwrap();
    let arguments = ["xclbin", "--board", "u250", "--kernel", "smartupdate_l1", "-o", out.to_str().unwrap()];
    let (code, stdout, stderr) = said(&run(&arguments, &format!("{FAKE}:{SYSTEM}"), ""));
    assert_eq!(code, 0, "{stderr}");
    let folder = out.join("u250/smartupdate_l1");
    let xclbin = folder.join("smartupdate_l1.xclbin");
    assert_eq!(stdout, format!("{}\n", xclbin.display()));
    let text = fs::read_to_string(&xclbin).unwrap();
    assert!(text.contains("sp=smartupdate_4.m_axi_gmem3:DDR[3]"), "{text}");
    assert_eq!(
        fs::read_to_string(folder.join("calls")).unwrap(),
        "vivado -mode batch -nolog -nojournal -notrace -source package_xo.tcl\n\
         v++ --link --target hw --config link.cfg --temp_dir _link --output smartupdate_l1.xclbin smartupdate_l1.xo\n"
    );
    // What was built stays as long as it is what these sources give, and no longer.
    assert_eq!(said(&run(&arguments, SYSTEM, "")).0, 0);
    assert!(xclbin.exists() && folder.join("smartupdate_l1.xo").exists());
    fs::write(folder.join("rtl/smartupdate.v"), "// of other sources").unwrap();
    assert_eq!(said(&run(&arguments, SYSTEM, "")).0, 0);
    assert!(!xclbin.exists() && !folder.join("smartupdate_l1.xo").exists());
}

#[test]
fn a_tool_that_fails_is_named_with_its_log() {
    for (fails, log, says) in [
        ("vivado", "vivado.log", "told to fail"),
        ("v++", "v++.log", "told to fail"),
        ("silently", "v++.log", "wrote no smartupdate_l1.xclbin"),
    ] {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().canonicalize().unwrap();
        let arguments = ["xclbin", "--board", "u250", "--kernel", "smartupdate_l1", "-o", out.to_str().unwrap()];
        let (code, stdout, stderr) = said(&run(&arguments, &format!("{FAKE}:{SYSTEM}"), fails));
        assert_eq!((code, stdout.as_str()), (1, ""), "{fails}: {stderr}");
        let log = out.join("u250/smartupdate_l1").join(log);
        assert!(log.is_file() && stderr.contains(log.to_str().unwrap()) && stderr.contains(says), "{fails}: {stderr}");
        assert!(!out.join("u250/smartupdate_l1/smartupdate_l1.xclbin").exists());
    }
}

#[test]
fn what_does_not_exist_is_refused_with_what_does() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    for (board, kernel, says) in [
        ("vcu128", "smartupdate_l2", "there is no card `vcu128`; there are smartssd, u250, u280, u55c"),
        ("ideal", "smartupdate_l2", "there is no card `ideal`"),
        ("u55c", "smartupdate_l3", "there is no kernel `smartupdate_l3`; there are smartupdate_l1, smartupdate_l2,"),
    ] {
        let arguments = ["xclbin", "--board", board, "--kernel", kernel, "-o", out.to_str().unwrap()];
        let (code, stdout, stderr) = said(&run(&arguments, SYSTEM, ""));
        assert_eq!((code, stdout.as_str()), (2, ""), "{board} {kernel}: {stderr}");
        assert!(stderr.contains(says), "{stderr}");
    }
    assert!(!out.exists(), "nothing is written where a name is wrong");

    fs::write(&out, "a file").unwrap();
    let arguments = ["xclbin", "--board", "smartssd", "-o", out.to_str().unwrap()];
    let (code, _, stderr) = said(&run(&arguments, SYSTEM, ""));
    assert_eq!(code, 1);
    assert!(stderr.contains("cannot write") && stderr.contains("name a folder"), "{stderr}");
}

#[test]
fn two_archives_are_the_same_and_hold_every_card() {
    let root = tempfile::tempdir().unwrap();
    let archive = |name: &str| {
        let folder = root.path().join(name);
        let (code, stdout, stderr) = said(&run(&["release", "-o", folder.to_str().unwrap()], SYSTEM, ""));
        assert_eq!(code, 0, "{stderr}");
        fs::read(stdout.trim()).unwrap()
    };
    let bytes = archive("one");
    assert_eq!(bytes, archive("two"));

    // Read by the system's tar, not by what wrote it.
    let path = root.path().join("one").join(format!("nearfield-bitstreams-{}.tar.gz", env!("CARGO_PKG_VERSION")));
    let tar = |arguments: &[&str]| {
        let output = Command::new("tar").args(arguments).arg("-f").arg(&path).current_dir(&root).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let list = tar(&["-tvz", "--numeric-owner"]);
    assert!(list.lines().all(|line| line.contains(" 0/0 ")), "{list}");
    let names = tar(&["-tz"]);
    let names: Vec<&str> = names.lines().collect();
    assert!(names.is_sorted(), "{names:?}");
    tar(&["-xz"]);
    let unpacked = root.path().join(format!("nearfield-bitstreams-{}", env!("CARGO_PKG_VERSION")));
    for top in ["README.txt", "LICENSE-MIT", "LICENSE-APACHE"] {
        assert!(unpacked.join(top).is_file(), "{top}");
    }
    for package in ["smartssd/smartupdate_l2", "u250/smartupdate_l2", "u280/smartupdate_l4", "u55c/smartupdate_l4"] {
        let script = unpacked.join(package).join("build.sh");
        let output = Command::new(&script).env_clear().env("PATH", SYSTEM).output().unwrap();
        let (code, _, stderr) = said(&output);
        assert!(code == 2 && stderr.contains("no vivado on PATH"), "{package}: {stderr}");
    }
}
