//! `setup/install.sh` on machines that do not exist: a PATH of its own, where `apt-get` writes down what it was asked.

use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// What `make test` needs, by package.
const PACKAGES: [&str; 9] = ["g++", "cmake", "verilator", "ccache", "zlib1g-dev", "yosys", "z3", "tcl", "libxrt1"];

/// The tool by which a package is known to be there.
fn tool_of(package: &str) -> &str {
    match package {
        "zlib1g-dev" => "c++",
        "tcl" => "tclsh",
        tool => tool,
    }
}

/// Held while a script is written and while a process is started: a process forked in between would hold the script open
/// for writing, and Linux does not run such a file.
static WRITING: Mutex<()> = Mutex::new(());

/// A machine: the folder that is its whole PATH.
struct Machine {
    folder: tempfile::TempDir,
    user: u32,
}

impl Machine {
    /// Debian with cargo and apt-get, whose package lists are up to date.
    fn debian(user: u32) -> Machine {
        let machine = Machine { folder: tempfile::tempdir().unwrap(), user };
        machine.tool("cargo", "exit 0");
        machine.tool("id", &format!("echo {user}"));
        machine.tool("apt-cache", "exit 0");
        machine.apt_get("");
        machine.tool("dpkg-query", &format!("[ -e {}/libxrt1 ] && echo installed", machine.path().display()));
        machine
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn tool(&self, name: &str, script: &str) {
        let path = self.path().join(name);
        let _writing = WRITING.lock().unwrap_or_else(|e| e.into_inner());
        fs::write(&path, format!("#!/bin/bash\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// An apt-get that runs `before`, then does what it is asked: a package's tool appears on PATH.
    fn apt_get(&self, before: &str) {
        let here = self.path().display();
        self.tool(
            "apt-get",
            &format!(
                "echo \"$*\" >> {here}/asked\n{before}\n[ \"$1\" = install ] || exit 0\n\
                 for package in \"${{@:4}}\"; do\n  case $package in zlib1g-dev) package=c++ ;; \
                 tcl) package=tclsh ;; esac\n  \
                 /bin/ln -sf /bin/true {here}/$package\ndone"
            ),
        );
    }

    fn have(&self, packages: &[&str]) {
        for package in packages {
            symlink("/bin/true", self.path().join(tool_of(package))).unwrap();
        }
    }

    fn install(&self, verb: &str, yes: bool) -> Output {
        let mut command = Command::new("/bin/bash");
        command.arg(format!("{ROOT}/setup/install.sh")).arg(verb).env_clear().env("PATH", self.path());
        if yes {
            command.env("YES", "1");
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let starting = WRITING.lock().unwrap_or_else(|e| e.into_inner());
        let child = command.spawn().unwrap();
        drop(starting);
        child.wait_with_output().unwrap()
    }

    fn asked(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path().join("asked")).unwrap_or_default();
        text.lines().map(str::to_string).collect()
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

const INSTALL: &str = "install --yes --no-install-recommends";

#[test]
fn does_nothing_where_nothing_is_missing() {
    let machine = Machine::debian(0);
    machine.have(&PACKAGES);
    let output = machine.install("test", false);
    assert_eq!((output.status.code(), text(&output).as_str()), (Some(0), ""));
    assert!(machine.asked().is_empty());
}

#[test]
fn stops_at_the_list_without_a_terminal() {
    let machine = Machine::debian(0);
    machine.have(&["g++", "cmake", "ccache", "zlib1g-dev"]);
    let output = machine.install("test", false);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("missing: verilator yosys z3 tcl libxrt1"), "{}", text(&output));
    assert!(text(&output).contains("YES=1 make test"), "{}", text(&output));
    assert!(machine.asked().is_empty());
}

#[test]
fn installs_what_is_missing_as_root() {
    let machine = Machine::debian(0);
    machine.have(&["g++", "cmake"]);
    let output = machine.install("test", true);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(machine.asked(), [format!("{INSTALL} verilator ccache zlib1g-dev yosys z3 tcl libxrt1")]);
    assert_eq!(machine.install("test", true).status.code(), Some(0));
    assert_eq!(machine.asked().len(), 1, "the second call finds everything there");
}

#[test]
fn goes_through_sudo_without_waiting_for_a_password() {
    let machine = Machine::debian(1000);
    let refused = machine.install("verilog", true);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        text(&refused).contains("As root: apt-get install --no-install-recommends g++ cmake"),
        "{}",
        text(&refused)
    );
    machine.tool("sudo", &format!("echo \"sudo $*\" >> {}/asked\nshift\nexec \"$@\"", machine.path().display()));
    let output = machine.install("verilog", true);
    assert_eq!(output.status.code(), Some(0), "user {}: {}", machine.user, text(&output));
    let command = format!("{INSTALL} g++ cmake");
    assert_eq!(machine.asked(), [format!("sudo -n apt-get {command}"), command]);
}

#[test]
fn fetches_package_lists_where_there_are_none_or_old_ones() {
    let fresh = Machine::debian(0);
    fresh.tool("apt-cache", "exit 100");
    assert_eq!(fresh.install("verilog", true).status.code(), Some(0));
    assert_eq!(fresh.asked(), ["update".to_string(), format!("{INSTALL} g++ cmake")]);

    let old = Machine::debian(0);
    let lists = old.path().join("updated");
    old.apt_get(&format!(
        "[ \"$1\" = update ] && : > {0}\n[ \"$1\" = install ] && [ ! -e {0} ] && exit 100",
        lists.display()
    ));
    let output = old.install("verilog", true);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let command = format!("{INSTALL} g++ cmake");
    assert_eq!(old.asked(), [command.clone(), "update".to_string(), command]);
}

#[test]
fn says_what_could_not_be_installed() {
    let machine = Machine::debian(0);
    machine.have(&["g++"]);
    machine.apt_get("[ \"$1\" = update ] || { echo no network; exit 100; }");
    let output = machine.install("verilog", true);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("could not install: cmake"), "{}", text(&output));
}

#[test]
fn stops_at_the_list_on_another_system() {
    let machine = Machine::debian(0);
    fs::remove_file(machine.path().join("apt-get")).unwrap();
    let output = machine.install("verilog", true);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("missing: g++ cmake"), "{}", text(&output));
    assert!(text(&output).contains("no apt-get"), "{}", text(&output));
}

#[test]
fn knows_every_verb_of_the_makefile() {
    let machine = Machine::debian(0);
    machine.have(&PACKAGES);
    let makefile = fs::read_to_string(format!("{ROOT}/Makefile")).unwrap();
    let verbs: Vec<&str> = makefile
        .split_whitespace()
        .filter_map(|w| w.strip_prefix("need-"))
        .filter(|v| v.starts_with(char::is_alphabetic))
        .collect();
    assert!(verbs.len() >= 8, "{verbs:?}");
    for verb in verbs {
        let output = machine.install(verb, false);
        assert_eq!(output.status.code(), Some(0), "{verb}: {}", text(&output));
    }
    assert_eq!(machine.install("no-such-verb", true).status.code(), Some(2));
}
