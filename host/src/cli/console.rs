//! What is printed where.

use super::failure::Failure;
use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use nearfield::device::{self, Device, DeviceSpec};
use nearfield_abi::kernel::Kernel;
use serde::Serialize;
use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

/// Standard output for results, standard error for the rest.
pub struct Console {
    json: bool,
    quiet: bool,
}

impl Console {
    /// Sets up logging by the number of `-v`.
    pub fn new(json: bool, verbose: u8, quiet: bool) -> Console {
        let level = match (quiet, verbose) {
            (true, _) => tracing::Level::ERROR,
            (false, 0) => tracing::Level::WARN,
            (false, 1) => tracing::Level::INFO,
            (false, _) => tracing::Level::DEBUG,
        };
        let ansi = std::io::stderr().is_terminal();
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_ansi(ansi)
            .with_max_level(level)
            .without_time()
            .init();
        Console { json, quiet }
    }

    /// Prints the result: `value` as JSON, or `text`. A reader that has gone away wanted no more of it; that is no failure.
    pub fn result<T: Serialize>(&self, value: &T, text: impl FnOnce() -> String) -> Result<(), Failure> {
        let line = if self.json { serde_json::to_string(value).map_err(Failure::failed)? } else { text() };
        match writeln!(std::io::stdout(), "{}", line.trim_end()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(error).context("the work is done, but its result could not be printed").map_err(Failure::failed)
            }
            _ => Ok(()),
        }
    }

    /// A progress bar on standard error; nothing is drawn unless that is a terminal.
    pub fn progress(&self, what: &'static str, length: u64) -> ProgressBar {
        if self.quiet {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(length).with_message(what);
        match ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {eta}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    /// Opens a device. A simulated kernel that is not built yet is built meanwhile, which takes up to a minute.
    pub fn open(&self, spec: &DeviceSpec) -> Result<Box<dyn Device>, Failure> {
        self.open_kernel(spec, spec.kernel())
    }

    /// The same with another kernel. Large ones take minutes to build.
    pub fn open_kernel(&self, spec: &DeviceSpec, kernel: Kernel) -> Result<Box<dyn Device>, Failure> {
        let spinner = if self.quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        spinner.set_message(format!("opening {spec}; a kernel that is not built yet is built"));
        spinner.enable_steady_tick(Duration::from_millis(200));
        let device = device::open_kernel(spec, kernel);
        spinner.finish_and_clear();
        Ok(device?)
    }

    /// A line on standard error while something takes long.
    pub fn say(&self, line: &str) {
        if !self.quiet {
            complain(line);
        }
    }

    /// Prints why a command failed, on standard error, and gives its exit code.
    pub fn failure(&self, failure: &Failure) -> ExitCode {
        let message = harmless(&told_once(&failure.error));
        if self.json {
            complain(&serde_json::json!({ "error": message, "exit_code": failure.code }).to_string());
        } else {
            complain(&format!("error: {message}"));
        }
        ExitCode::from(failure.code)
    }
}

/// An error and its causes in one line. Many say their cause themselves; it is not said again.
fn told_once(error: &anyhow::Error) -> String {
    error.chain().skip(1).fold(error.to_string(), |message, cause| {
        let cause = cause.to_string();
        match message.contains(&cause) {
            true => message,
            false => format!("{message}: {cause}"),
        }
    })
}

/// A line on standard error. If that is closed there is nowhere to say so, and the exit code must still be the right one;
/// `eprintln!` would panic.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// `text` with control characters escaped, so that what a file says in an error cannot steer the terminal. Line ends and
/// tabs stay: messages of several lines have them.
fn harmless(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if c.is_control() && c != '\n' && c != '\t' {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot read x: {source}")]
        struct Read {
            source: std::io::Error,
        }
        let error =
            anyhow::Error::from(Read { source: std::io::Error::other("no such file") }).context("nothing was done");
        assert_eq!(told_once(&error), "nothing was done: cannot read x: no such file");
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(harmless("a\u{1b}[2Jb\u{9b}1m\r\n\tä"), "a\\u{1b}[2Jb\\u{9b}1m\\r\n\tä");
    }
}
