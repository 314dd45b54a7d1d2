//! Every obstacle, made by one change to a file that can be driven.

use super::super::*;
use super::vendor::vendor;
use nearfield_abi::board::Board;
use nearfield_abi::kernel::KernelConfig;

fn file() -> Xclbin {
    let config = KernelConfig::smartupdate(4).unwrap();
    Xclbin::parse(&write(&config, Board::from_name("u250").unwrap()).unwrap()).unwrap()
}

/// The verdict on the file after a change: how many units, and the reasons as text.
fn after(change: impl FnOnce(&mut Xclbin)) -> (usize, Vec<String>) {
    let mut file = file();
    change(&mut file);
    let verdict = drivable(&file);
    (verdict.units.len(), verdict.reasons.iter().map(ToString::to_string).collect())
}

/// Expects no unit and this one reason about the kernel.
fn spoils(change: impl FnOnce(&mut KernelMetadata), says: &str) {
    let (units, reasons) = after(|file| change(&mut file.kernels[0]));
    assert_eq!(units, 0, "{reasons:?}");
    let [reason] = &reasons[..] else { panic!("{reasons:?}") };
    assert!(reason.starts_with("smartupdate: ") && reason.contains(says), "{reason}");
}

#[test]
fn arguments_that_are_not_those_of_the_register_map() {
    assert_eq!(after(|_| ()), (4, vec![]));
    spoils(|k| drop(k.arguments.remove(19)), "the argument `decay` (id 19) is missing");
    spoils(|k| k.arguments[3].offset += 4, "`grads` lies at 0x38 instead of 0x34");
    spoils(|k| k.arguments[5].bytes = 8, "`elements` has 8 bytes instead of 4");
    spoils(|k| k.arguments[5].id = None, "`elements` has no id instead of the id 5");
    spoils(|k| k.arguments[0].qualifier = Qualifier::Scalar, "`params` is a scalar instead of a pointer");
    spoils(|k| k.arguments[19].qualifier = Qualifier::Stream, "`decay` is a stream instead of a scalar");
    let extra = |name: &str| {
        let name = name.to_string();
        move |k: &mut KernelMetadata| {
            let argument = ArgumentMetadata { name, id: Some(20), offset: 0x200, ..k.arguments[19].clone() };
            k.arguments.push(argument);
        }
    };
    spoils(extra("momentum"), "`momentum` is not in the register map");
    spoils(extra("decay"), "`decay` is not in the register map");
    // Two that changed places: each is reported with both ids.
    let (units, reasons) = after(|file| {
        let arguments = &mut file.kernels[0].arguments;
        (arguments[11].id, arguments[13].id) = (Some(13), Some(11));
    });
    assert_eq!((units, reasons.len()), (0, 2), "{reasons:?}");
    assert!(reasons[0].contains("`grad_scale` has the id 13 instead of the id 11"), "{reasons:?}");
}

#[test]
fn units_that_cannot_be_driven() {
    let spoils = |change: fn(&mut Xclbin), about: &str, says: &str| {
        let (units, reasons) = after(change);
        assert_eq!(units, 3, "{reasons:?}");
        let [reason] = &reasons[..] else { panic!("{reasons:?}") };
        assert!(reason.starts_with(about) && reason.contains(says), "{reason}");
    };
    let second = "smartupdate:smartupdate_2: ";
    spoils(|f| f.units[1].control = Some(Control::Chain), second, "ap_ctrl_chain instead of ap_ctrl_hs");
    spoils(|f| f.units[1].control = Some(Control::Other(4)), second, "control protocol 4 instead of ap_ctrl_hs");
    spoils(|f| f.units[1].base = None, second, "has no address");
    spoils(|f| f.units[1].instance = None, "smartupdate: ", "no `kernel:instance`");
    spoils(|f| f.units[1].instance = Some("a,b".into()), "smartupdate:a,b: ", "no `kernel:instance`");
    spoils(|f| f.connections.retain(|c| (c.unit, c.argument) != (1, 3)), second, "`grads` is connected to no memory");
    // Not every master of the unit, so that one argument alone is cut off.
    spoils(
        |f| {
            let unused = Memory { used: false, tag: "DDR[9]".into(), ..f.banks[0].clone() };
            f.banks.push(unused);
            let last = f.banks.len() as u32 - 1;
            f.connections.iter_mut().filter(|c| (c.unit, c.argument) == (1, 2)).for_each(|c| c.memory = last);
        },
        second,
        "`exp_avg_sq` is connected to no memory that is in use",
    );
    let (units, reasons) = after(|file| file.units[2].instance = file.units[3].instance.clone());
    assert_eq!((units, reasons.len()), (2, 2), "{reasons:?}");
    assert!(reasons.iter().all(|r| r.contains("two units have this name")), "{reasons:?}");
}

#[test]
fn files_that_have_nothing_for_us() {
    let of = |mode, says: &str| {
        let (units, reasons) = after(|file| file.mode = mode);
        assert_eq!((units, reasons.len()), (0, 1));
        assert!(reasons[0].contains(says), "{reasons:?}");
    };
    of(Mode::SwEmu, "the file: it is built for sw_emu; build it for hw or hw_emu");
    of(Mode::Other(9), "it is built for mode 9");
    assert_eq!(after(|file| file.mode = Mode::Hw), (4, vec![]));
    let (units, reasons) = after(|file| file.units.clear());
    assert_eq!((units, reasons.len()), (0, 1));
    assert!(reasons[0].contains("smartupdate: it has no compute unit"), "{reasons:?}");
    let verdict = drivable(&Xclbin::parse(&vendor(None).bytes()).unwrap());
    assert_eq!(verdict.units, []);
    assert_eq!(verdict.reasons.len(), 1);
    assert!(verdict.reasons[0].to_string().contains("no kernel of this version, which are smartupdate"));
    // Units of others beside ours are no obstacle.
    let (units, reasons) = after(|file| {
        file.kernels.push(KernelMetadata { name: "vadd".into(), ..file.kernels[0].clone() });
        file.units.push(Unit { kernel: "vadd".into(), control: Some(Control::Chain), ..file.units[0].clone() });
    });
    assert_eq!((units, reasons), (4, vec![]));
}
