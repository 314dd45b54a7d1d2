//! `nearfield gcn bench`: what is refused, and runs of a small graph on the smallest kernel.

use crate::workbench::Workbench;
use std::fs;

#[test]
fn what_cannot_be_measured_is_refused() {
    let bench = Workbench::new();
    fs::write(bench.path("graph.txt"), "0 1\n1 0\n").unwrap();
    for (line, says) in [
        ("--graph graph.txt --device soft", "nearfield bench aggregate"),
        ("--graph graph.txt --device xrt:0", "no simulated board"),
        ("--graph graph.txt --density 0.5,2", "a density is 0 to 1"),
        ("--graph graph.txt --slice 48", "slices of 48 are not built"),
        ("--graph graph.txt --strips dynamic:0", "dynamic:ROWS"),
        ("--graph graph.txt --format csr", "choose beicsr, published, learned, dense or pairs"),
        ("--graph missing.txt", "missing.txt"),
        ("--masks 0,28", "there is no layer 28"),
        ("--graph graph.txt --plot none/of/these.svg", "name another place"),
        ("--table published --device sim:ideal", "leave out --device"),
        ("--table published --graph graph.txt", "cora and pubmed"),
        ("--table layers --format dense", "cannot be used with"),
    ] {
        bench.refused(&format!("gcn bench {line}"), &[says]);
    }
}

#[cfg(feature = "sim")]
mod on_a_board {
    use super::*;
    use serde_json::{json, Value};

    const DEVICE: &str = "--device sim:ideal,engines=1,ports=1 --graph graph.txt --width 64";

    fn with_graph() -> Workbench {
        let bench = Workbench::new();
        // A ring of 24 vertices with a hub.
        let ring = (0..24).map(|u| format!("{u} {0}\n{0} {u}\n0 {u}\n{u} 0\n", (u + 1) % 24));
        fs::write(bench.path("graph.txt"), ring.collect::<String>()).unwrap();
        bench
    }

    #[test]
    fn every_combination_is_measured_and_drawn() {
        let bench = with_graph();
        let flags =
            "--format beicsr,dense --density 0.25,0.75 --slice 32 --order natural,community --bypass used --seed 5";
        let said = bench.done(&format!("gcn bench {DEVICE} {flags} --plot runs.svg --json"));
        let said: Value = serde_json::from_str(&said).unwrap();
        let runs = said["runs"].as_array().unwrap();
        // Dense features run once for both densities.
        assert_eq!(runs.len(), 2 * (2 + 1));
        for run in runs {
            assert!(run["cycles"].as_u64().unwrap() > 100, "{run}");
            assert!(run["speed_up"].as_f64().unwrap() > 0.0, "{run}");
            assert_eq!((&run["vertices"], &run["engines"], &run["ports"]), (&json!(24), &json!(1), &json!(1)));
            assert_eq!(run["lines"]["dram_written"], json!(24 * 4), "{run}");
            let cache = &run["cache"];
            assert_eq!(cache["misses"], run["lines"]["dram_read"], "{run}");
            let asked = ["graph", "lookup", "features"].map(|kind| run["lines"][kind].as_u64().unwrap());
            let met = ["hits", "misses", "merged"].map(|kind| cache[kind].as_u64().unwrap());
            assert_eq!(asked.iter().sum::<u64>(), met.iter().sum::<u64>(), "{run}");
        }
        let best = |run: &&Value| run["format"] == "dense" && run["speed_up"] == json!(1.0);
        assert!(runs.iter().any(|run| best(&run)));
        let drawn = fs::read_to_string(bench.path("runs.svg")).unwrap();
        assert!(drawn.starts_with("<svg") && drawn.contains("the best dense") && drawn.contains("beicsr 32"));
        let text = bench.done(&format!("gcn bench {DEVICE} --density 0.5 --format pairs"));
        assert!(text.contains("speed-up") && text.contains("All sums are those of soft"), "{text}");
    }

    /// With one engine before memory without DRAM the model has the cycles and counters of RTL.
    #[test]
    fn the_cycle_model_says_what_rtl_says() {
        let bench = with_graph();
        let flags = "--density 0.4 --slice 32,64 --order natural,community --bypass used --format \
                     beicsr,published,learned,dense,pairs";
        let runs = |model: &str| {
            let said = bench.done(&format!("gcn bench {DEVICE} {flags} {model} --json"));
            let said: Value = serde_json::from_str(&said).unwrap();
            said["runs"].as_array().unwrap().clone()
        };
        let (rtl, model) = (runs(""), runs("--model"));
        assert_eq!((rtl.len(), model.len()), (20, 20));
        for (rtl, mut model) in rtl.into_iter().zip(model) {
            assert_eq!((&rtl["model"], &model["model"]), (&json!(false), &json!(true)));
            for key in ["model", "seconds", "simulated_cycles_per_second", "order_seconds"] {
                model[key] = rtl[key].clone();
            }
            assert_eq!(rtl, model);
        }
        let text = bench.done(&format!("gcn bench {DEVICE} --density 0.5 --format pairs --model"));
        assert!(text.contains("Cycles are those of the cycle model"), "{text}");
    }

    #[test]
    fn a_graph_that_rtl_is_too_slow_for() {
        let bench = Workbench::new();
        let said = bench.done("gcn bench --graph rmat:12 --model --density 0.1 --format beicsr --json");
        let said: Value = serde_json::from_str(&said).unwrap();
        let run = &said["runs"][0];
        assert_eq!((&run["vertices"], &run["engines"]), (&json!(4096), &json!(16)));
        assert!(run["cycles"].as_u64().unwrap() > run["edges"].as_u64().unwrap() / 16, "{run}");
    }

    #[test]
    fn choices_are_switched_off_one_by_one() {
        let bench = with_graph();
        let text = bench.done(&format!("gcn bench {DEVICE} --density 0.5 --table ablation"));
        for row in
            ["plain index", "static strips of 32 rows", "published layout, lengths learned", "bypass bits ignored"]
        {
            assert!(text.contains(&format!("graph.txt, 0.5: {row}")), "{text}");
        }
    }

    fn long() -> bool {
        let long = std::env::var_os("NEARFIELD_LONG").is_some();
        if !long {
            println!("skipped: NEARFIELD_LONG=1 (make test-long) runs it");
        }
        long
    }

    /// A run whose sums are not those of `soft` fails.
    #[test]
    fn published_graphs_are_summed_as_on_soft() {
        if !long() {
            return;
        }
        let bench = Workbench::new();
        for graph in ["cora", "citeseer", "pubmed"] {
            bench.done(&format!("gcn fetch {graph}"));
            let flags = "--density 0.3 --format beicsr,learned,dense,pairs --slice 128 --order community --bypass used";
            let said = bench.done(&format!("gcn bench --graph {graph} {flags} --json"));
            let said: Value = serde_json::from_str(&said).unwrap();
            assert_eq!(said["runs"].as_array().unwrap().len(), 4, "{graph}");
        }
    }

    /// On every run of the published table.
    #[test]
    fn the_cycle_model_is_within_five_percent_of_rtl() {
        if !long() {
            return;
        }
        let bench = Workbench::new();
        bench.done("gcn fetch pubmed");
        let cycles = |model: &str| -> Vec<f64> {
            let said = bench.done(&format!("gcn bench --table published --json {model}"));
            let said: Value = serde_json::from_str(&said).unwrap();
            said["runs"].as_array().unwrap().iter().map(|run| run["cycles"].as_f64().unwrap()).collect()
        };
        let (rtl, model) = (cycles(""), cycles("--model"));
        assert_eq!((rtl.len(), model.len()), (16, 16));
        for (number, (rtl, model)) in rtl.into_iter().zip(model).enumerate() {
            assert!((model / rtl - 1.0).abs() < 0.05, "run {number}: {model}, but RTL has {rtl}");
        }
    }
}
