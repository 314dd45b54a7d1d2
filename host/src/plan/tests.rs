//! The model as a whole: against what was published, and against arithmetic by hand.

use super::*;
use crate::plan::scheme::{GRADIENTS_DOWN, READ, STATE_DOWN, STATE_UP, WRITE};

fn smartssd() -> Figures {
    Figures::of_board("smartssd").unwrap()
}

fn workload(parameters: u64, devices: u32, top_k: Option<f64>) -> Workload {
    Workload { parameters, devices, optimizer: Optimizer::AdamW, top_k, compute_seconds: None }
}

fn planned(devices: u32, top_k: f64) -> Plan {
    plan(&workload(8_400_000_000, devices, Some(top_k)), &smartssd()).unwrap()
}

fn of(plan: &Plan, scheme: Scheme) -> &Prediction {
    plan.schemes.iter().find(|prediction| prediction.scheme == scheme).unwrap()
}

#[test]
fn published_speed_ups_are_met_within_15_percent_of_either_end() {
    let compared = published::compare(&smartssd()).unwrap();
    assert_eq!(compared.len(), published::SPEED_UPS.len());
    for one in compared {
        assert!(one.worst_error.abs() <= 0.15, "{one:?}");
    }
}

/// How far the farthest published speed-up is missed, if the published machine had these figures.
fn worst(figures: Figures) -> f64 {
    let compared = published::compare(&figures).unwrap();
    compared.into_iter().map(|one| one.worst_error.abs()).fold(0.0, f64::max)
}

#[test]
fn the_cpu_that_is_assumed_decides_nothing_and_the_link_does() {
    // From what two cores do, 2.3 Gparam/s, to a CPU that takes no time.
    for cpu_update in [2.3e9, 8.0e9, 14.6e9, 1e18] {
        assert!(worst(Figures { cpu_update, ..smartssd() }) <= 0.15, "{cpu_update}");
    }
    for (host_link, met) in
        [(7.0e9, false), (7.5e9, false), (7.8e9, true), (9.0e9, true), (10.0e9, true), (11.0e9, false)]
    {
        assert_eq!(worst(Figures { host_link, ..smartssd() }) <= 0.15, met, "{host_link}");
    }
    // The slow end of what is said of a SmartSSD's drive.
    assert!(worst(Figures { read: 2.2e9, write: 1.0e9, ..smartssd() }) > 0.15);
}

#[test]
fn the_update_has_its_published_share_of_an_iteration() {
    let plan = planned(6, 0.01);
    let baseline = of(&plan, Scheme::ZeroInfinity);
    assert!((baseline.update_seconds / baseline.seconds - 0.7557).abs() < 1e-9);
    assert_eq!(baseline.speed_up, 1.0);
}

#[test]
fn raid0_stops_scaling_where_the_link_is_full() {
    let seconds = |devices| of(&planned(devices, 0.01), Scheme::ZeroInfinity).seconds;
    assert!(seconds(2) < 0.6 * seconds(1));
    assert_eq!(seconds(6), seconds(10));
    // And one device alone is slower with a kernel than without: fig. 11 has "a slight slowdown".
    let alone = of(&planned(1, 0.01), Scheme::SmartUpdateHandler).speed_up;
    assert!((0.7..1.0).contains(&alone), "{alone}");
}

#[test]
fn bytes_over_the_link_are_those_of_the_papers_and_of_the_formats() {
    let plan = planned(6, 0.01);
    for (scheme, bytes, off) in [
        (Scheme::ZeroInfinity, 32.0, 1e-9),
        (Scheme::SmartUpdate, 8.0, 1e-9),
        (Scheme::SmartUpdateHandler, 8.0, 1e-9),
        // 4 + 4c, where 1 % kept is c = 2 %.
        (Scheme::SmartComp, 4.08, 1e-6),
        (Scheme::Nearfield, 6.0, 1e-9),
        (Scheme::NearfieldTopK, 2.04, 2e-3),
    ] {
        let said = of(&plan, scheme).host_link_bytes_per_parameter;
        assert!((said - bytes).abs() <= off, "{}: {said}", scheme.name());
    }
}

#[test]
fn stages_are_bytes_over_rates() {
    let figures = Figures { read: 2.0, write: 1.0, host_link: 5.0, cpu_update: 10.0, ..smartssd() };
    // Two drives read 4 and write 2 bytes a second; the link has 5.
    let stages = Scheme::ZeroInfinity.stages(&Bytes::of(100, 2, None), 2, &figures, 0.0).unwrap();
    let seconds = |name: &str| stages.iter().find(|stage| stage.name == name).unwrap().seconds;
    assert_eq!((seconds(GRADIENTS_DOWN), seconds(STATE_UP)), (200.0, 400.0));
    assert_eq!((seconds("update"), seconds(STATE_DOWN)), (10.0, 600.0));
    // Ten drives: the link.
    let stages = Scheme::ZeroInfinity.stages(&Bytes::of(100, 2, None), 10, &figures, 0.0).unwrap();
    assert_eq!(stages.iter().map(|stage| stage.seconds).sum::<f64>(), 80.0 + 320.0 + 10.0 + 240.0);
    assert!(stages[1..].iter().all(|stage| stage.on == Resource::HostLink || stage.name == "update"));
}

#[test]
fn a_state_less_is_so_much_less_to_move() {
    for (optimizer, read, written) in [(Optimizer::Lion, 12, 8), (Optimizer::Sgd, 8, 4), (Optimizer::Adam, 16, 12)] {
        let plan = plan(&Workload { optimizer, ..workload(1000, 4, None) }, &smartssd()).unwrap();
        let stages = &of(&plan, Scheme::SmartUpdate).stages;
        let bytes = |name: &str| stages.iter().find(|stage| stage.name == name).unwrap().bytes;
        assert_eq!((bytes(READ), bytes(WRITE)), (1000 * read, 1000 * written), "{}", optimizer.name());
        assert_eq!(plan.bytes.store, 2000 * written);
        assert_eq!((plan.schemes.len(), plan.compression.len()), (4, 0));
    }
}

#[test]
fn compression_pays_at_one_percent_and_not_when_most_is_kept() {
    let judged = |devices, top_k| planned(devices, top_k).compression.into_iter().map(|c| c.pays).collect::<Vec<_>>();
    assert_eq!(judged(10, 0.01), [true, true]);
    // Half of the elements with u32 indices is the dense volume, which is then decompressed; with u16 it is half.
    assert_eq!(judged(10, 0.5), [false, true]);
    assert_eq!(judged(10, 1.0), [false, false]);
}

#[test]
fn compression_does_not_pay_where_the_decompressor_is_slower_than_what_it_saves() {
    let slow = Figures { published_decompress: 1e7, ..smartssd() };
    let plan = plan(&workload(8_400_000_000, 2, Some(0.01)), &slow).unwrap();
    assert!(!plan.compression[0].pays && plan.compression[0].saved_seconds < 0.0);
    assert!(plan.compression[0].why.contains("decompressing them"), "{}", plan.compression[0].why);
    assert!(plan.compression[1].pays);
}

#[test]
fn what_binds_is_not_hidden() {
    // A kernel so slow that it hides the drives.
    let slow = Figures { nearfield_update: 1e7, ..smartssd() };
    let plan = plan(&workload(1_000_000_000, 2, None), &slow).unwrap();
    let ours = of(&plan, Scheme::Nearfield);
    assert_eq!((ours.binds, ours.binds_on, ours.update_seconds), ("update", Resource::Kernel, 50.0));
    assert_eq!(of(&planned(6, 0.01), Scheme::ZeroInfinity).binds, STATE_UP);
    assert_eq!(of(&planned(6, 0.01), Scheme::Nearfield).binds, WRITE);
}

#[test]
fn a_gpu_of_ones_own() {
    let own = Workload { compute_seconds: Some(2.0), ..workload(1_000_000_000, 8, None) };
    let plan = plan(&own, &smartssd()).unwrap();
    // 4 bytes a parameter over a link of 8 GB/s.
    assert_eq!(plan.schemes[0].forward_backward_seconds, 2.5);
}

#[test]
fn what_is_out_of_range_is_refused() {
    let refused = |workload: Workload| plan(&workload, &smartssd()).unwrap_err().to_string();
    assert!(refused(workload(0, 6, None)).contains("0 parameters"));
    assert!(refused(workload(u64::MAX, 6, None)).contains("name 1 to 1000000000000000"));
    assert!(refused(workload(7, 0, None)).contains("0 devices"));
    assert!(refused(workload(7, 5000, None)).contains("name 1 to 4096"));
    for ratio in [0.0, -0.1, 1.5, f64::NAN] {
        assert!(refused(workload(7, 6, Some(ratio))).contains("above 0 and at most 1"), "{ratio}");
    }
    for seconds in [-1.0, f64::NAN, f64::INFINITY] {
        let workload = Workload { compute_seconds: Some(seconds), ..workload(7, 6, None) };
        assert!(refused(workload).contains("forward and backward"), "{seconds}");
    }
    // The largest that is taken does not overflow.
    let most = Workload { compute_seconds: Some(0.0), ..workload(MOST_PARAMETERS, 1, Some(1.0)) };
    assert!(plan(&most, &smartssd()).unwrap().schemes.iter().all(|p| p.seconds.is_finite()));
}
