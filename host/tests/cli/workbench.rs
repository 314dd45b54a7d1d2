//! A folder to work in, and the program.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program under test.
pub const NEARFIELD: &str = env!("CARGO_BIN_EXE_nearfield");

/// A tensor: name, shape, elements.
pub type Tensor = (&'static str, Vec<u64>, Vec<f32>);

/// A temporary folder in which the program runs.
pub struct Workbench {
    folder: tempfile::TempDir,
}

/// What a run of the program came to.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Ended {
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Workbench {
    pub fn new() -> Workbench {
        Workbench { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(NEARFIELD);
        command.args(line.split_whitespace()).current_dir(self.folder.path());
        command
    }

    /// Runs `nearfield` with the words of `line`.
    pub fn run(&self, line: &str) -> Ended {
        self.command(line).output().unwrap().into()
    }

    /// Runs it and expects success; gives standard output.
    pub fn done(&self, line: &str) -> String {
        let ended = self.run(line);
        assert_eq!(ended.code, 0, "nearfield {line}: {}", ended.stderr);
        ended.stdout
    }

    pub fn write(&self, name: &str, tensors: &[Tensor]) {
        let named: BTreeMap<String, (&[u64], &[f32])> =
            tensors.iter().map(|(n, shape, data)| (n.to_string(), (&shape[..], &data[..]))).collect();
        nearfield::safetensors::write(&self.path(name), &named, &BTreeMap::new()).unwrap();
    }

    /// Every file below the folder with its content.
    pub fn everything(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.folder.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    files.insert(path.clone(), Vec::new());
                    folders.push(path);
                } else {
                    files.insert(path.clone(), fs::read(&path).unwrap());
                }
            }
        }
        files
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs it and expects that it is refused with a message that has all of `says`, and that nothing changed.
    pub fn refused(&self, line: &str, says: &[&str]) {
        let before = self.everything();
        let ended = self.run(line);
        assert_eq!(ended.code, 2, "nearfield {line}: {ended:?}");
        for part in says {
            assert!(ended.stderr.contains(part), "nearfield {line}: `{part}` is not in: {}", ended.stderr);
        }
        assert_eq!(ended.stdout, "", "nearfield {line}: a refusal has no result");
        assert!(self.everything() == before, "nearfield {line}: something was written");
    }
}
