//! What v++ and XRT are told of a card.

use crate::Target;
use nearfield_abi::board::unit_name;
use nearfield_abi::kernel::KernelConfig;
use std::fmt::Write;

/// The file name of the link configuration in a package.
pub const FILE: &str = "link.cfg";
/// The file name of XRT's configuration in a package.
pub const XRT_FILE: &str = "xrt.ini";

/// The configuration for `v++ --link --config`: platform, kernel clock, compute units, and the bank of each of their masters.
///
/// The units' names are not given: v++ numbers them as [`unit_name`] does, and its releases differ in what separates names
/// in a list (a dot until 2023, a comma since). Where a unit is placed (`slr`) is left to v++, which knows the banks'
/// places; no master is linked to host memory, which no argument needs.
pub fn configuration(config: &KernelConfig, target: &Target) -> String {
    let Target { board, card } = target;
    let kernel = config.kernel.name();
    let units = board.compute_units;
    let mut text = format!(
        "# Links {} for {}: v++ --link --config {FILE} (build.sh)\n\
         platform={}\n\
         kernel_frequency={}\n\n\
         [connectivity]\n\
         nk={kernel}:{units}\n",
        config.name(),
        board.name,
        card.platform,
        board.clock_mhz,
    );
    for unit in 0..units {
        for (number, master) in (0..).zip(config.masters()) {
            let bank = board.bank_tag(board.bank_of(unit, number));
            // Writing to a String cannot fail.
            let _ = writeln!(text, "sp={}.{}:{bank}", unit_name(kernel, unit), master.port());
        }
    }
    text
}

/// XRT's configuration for runs on a card: it is read from the program's folder, or from where `XRT_INI_PATH` points.
pub fn xrt() -> String {
    "; Read from the folder of the program, or from where the environment variable XRT_INI_PATH points.\n\
     [Runtime]\n\
     ; Errors and warnings go to the terminal.\n\
     runtime_log=console\n\
     verbosity=4\n"
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// A configuration, read back: `(section, key)` to values in order.
    fn parse(text: &str) -> BTreeMap<(String, String), Vec<String>> {
        let (mut entries, mut section) = (BTreeMap::<_, Vec<String>>::new(), String::new());
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                Some(name) => section = name.into(),
                None => {
                    let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("no `=` in `{line}`"));
                    entries.entry((section.clone(), key.to_string())).or_default().push(value.to_string());
                }
            }
        }
        entries
    }

    #[test]
    fn every_master_of_every_unit_has_one_bank_which_the_board_has() {
        for target in Target::all() {
            for config in KernelConfig::all() {
                let entries = parse(&configuration(&config, &target));
                let of = |section: &str, key: &str| entries[&(section.to_string(), key.to_string())].clone();
                assert_eq!(of("", "platform"), [target.card.platform]);
                assert_eq!(of("", "kernel_frequency"), ["300"]);
                let units = target.board.compute_units;
                let kernel = config.kernel.name();
                assert_eq!(of("connectivity", "nk"), [format!("{kernel}:{units}")]);
                assert_eq!(entries.len(), 4, "{entries:?}");

                let tags: Vec<String> = (0..target.board.banks).map(|bank| target.board.bank_tag(bank)).collect();
                let mut linked: Vec<String> = Vec::new();
                for sp in of("connectivity", "sp") {
                    let (master, bank) = sp.split_once(':').unwrap();
                    assert!(tags.iter().any(|tag| tag == bank), "{}: {sp}", target.board.name);
                    linked.push(master.into());
                }
                let masters = config.masters().len();
                let wanted: Vec<String> = (1..=units)
                    .flat_map(|unit| (0..masters).map(move |master| format!("{kernel}_{unit}.m_axi_gmem{master}")))
                    .collect();
                assert_eq!(linked, wanted, "{}", target.board.name);
            }
        }
    }

    #[test]
    fn units_share_no_bank_where_there_are_enough() {
        for target in Target::all() {
            let owners = |bank| {
                (0..target.board.compute_units)
                    .filter(|&unit| (0..4).any(|master| target.board.bank_of(unit, master) == bank))
                    .count()
            };
            assert!((0..target.board.banks).all(|bank| owners(bank) <= 1), "{}", target.board.name);
        }
    }
}
