//! Where the `nearfield` program is, which runs as helper and as emulated board.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The variable that names the program.
pub const VARIABLE: &str = "NEARFIELD_BIN";
const NAME: &str = "nearfield";

/// The program: what `NEARFIELD_BIN` names, this program itself if it is `nearfield`, one beside it, or one on PATH.
///
/// # Errors
///
/// A sentence that says where it was looked for.
pub fn find() -> Result<PathBuf, String> {
    let me = env::current_exe().ok();
    search(env::var_os(VARIABLE).as_deref(), me.as_deref(), env::var_os("PATH").as_deref())
}

fn search(named: Option<&OsStr>, me: Option<&Path>, path: Option<&OsStr>) -> Result<PathBuf, String> {
    if let Some(named) = named.filter(|name| !name.is_empty()) {
        let named = PathBuf::from(named);
        return match named.is_file() {
            true => Ok(named),
            false => Err(format!("{VARIABLE} names {}, which is no file; correct or unset it", named.display())),
        };
    }
    if let Some(me) = me.filter(|me| me.file_name() == Some(OsStr::new(NAME))) {
        return Ok(me.to_path_buf());
    }
    let folder = me.and_then(Path::parent);
    // Cargo puts tests and examples one folder below the programs of a build.
    let above = folder.filter(|f| f.ends_with("deps") || f.ends_with("examples")).and_then(Path::parent);
    let on_path = path.map(|path| env::split_paths(path).collect::<Vec<_>>()).unwrap_or_default();
    let folders = folder.into_iter().chain(above).map(Path::to_path_buf).chain(on_path);
    folders.map(|folder| folder.join(NAME)).find(|program| program.is_file()).ok_or_else(|| {
        format!(
            "XRT runs in a process of its own, the program `{NAME}`, which lies neither beside this program nor on PATH; \
             build it with cargo build -p nearfield, and name it in {VARIABLE} if it lies elsewhere"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_program_is_found_where_it_may_be() {
        let root = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            path
        };
        let (build, path, mine) = (make("debug/nearfield"), make("bin/nearfield"), make("mine"));
        let test = root.path().join("debug/deps/rtl-1234");
        let folders = env::join_paths([root.path().join("none"), root.path().join("bin")]).unwrap();
        let found = |named: Option<&Path>, me: &Path| search(named.map(Path::as_os_str), Some(me), Some(&folders));
        assert_eq!(found(Some(&mine), &test), Ok(mine.clone()));
        assert_eq!(found(None, &test), Ok(build.clone()));
        assert_eq!(found(None, &root.path().join("debug/tool")), Ok(build));
        assert_eq!(found(None, &root.path().join("other/tool")), Ok(path.clone()));
        assert_eq!(found(Some(Path::new("")), Path::new("/x/nearfield")), Ok(PathBuf::from("/x/nearfield")));
        let gone = found(Some(&root.path().join("gone")), &test).unwrap_err();
        assert!(gone.contains("no file; correct or unset it"), "{gone}");
        let nowhere = search(None, Some(&root.path().join("other/tool")), None).unwrap_err();
        assert!(nowhere.contains("cargo build -p nearfield"), "{nowhere}");
    }
}
