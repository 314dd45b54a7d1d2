//! What is printed where.

use super::failure::Failure;
use indicatif::{ProgressBar, ProgressStyle};
use nearfield::device::{self, Device, DeviceSpec};
use serde::Serialize;
use std::io::{IsTerminal, Write};
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

    /// Prints the result: `value` as JSON, or `text`.
    pub fn result<T: Serialize>(&self, value: &T, text: impl FnOnce() -> String) -> Result<(), Failure> {
        let line = if self.json { serde_json::to_string(value).map_err(Failure::failed)? } else { text() };
        writeln!(std::io::stdout(), "{}", line.trim_end()).map_err(Failure::failed)
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
        let spinner = if self.quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        spinner.set_message(format!("opening {spec}; a kernel that is not built yet is built"));
        spinner.enable_steady_tick(Duration::from_millis(200));
        let device = device::open(spec);
        spinner.finish_and_clear();
        Ok(device?)
    }

    /// A line on standard error while something takes long.
    pub fn say(&self, line: &str) {
        if !self.quiet {
            eprintln!("{line}");
        }
    }

    /// Prints why a command failed, on standard error, and gives its exit code.
    pub fn failure(&self, failure: &Failure) -> ExitCode {
        let message = format!("{:#}", failure.error);
        if self.json {
            eprintln!("{}", serde_json::json!({ "error": message, "exit_code": failure.code }));
        } else {
            eprintln!("error: {message}");
        }
        ExitCode::from(failure.code)
    }
}
