//! A file as a vendor's tools write one: groups, sections of other kinds, ap_ctrl_chain, a signature, XML with more in it
//! than is read.

use super::super::*;
use super::handmade::{connection, memory, table, unit, Handmade};

const XML: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<!-- linked -->
<project name="vadd.link">
  <platform vendor="xilinx" boardid="u280" name="gen3x16">
    <version major="0" minor="0"/>
    <device name="fpga0" fpgaDevice="virtexuplusHBM:xcu280">
      <core name="OCL_REGION_0" target="hw" type="clc_region" clockFreq="300MHz">
        <kernelClocks><clock port="DATA_CLK" frequency="300.000000MHz"/></kernelClocks>
        <kernel name="vadd" language="c" hwControlProtocol="ap_ctrl_chain">
          <module name="vadd"><arg name="not this one"/></module>
          <port name="M_AXI_GMEM" mode="master" range="0xFFFFFFFF" dataWidth="512"/>
          <port name="S_AXIS" mode="read_only" dataWidth=""/>
          <arg name="in&amp;1" addressQualifier="1" id="0" port="M_AXI_GMEM" size="0x8" offset="0x1C" hostSize="0x8" type="void*"/>
          <arg name="size" addressQualifier="0" id="1" port="S_AXI_CONTROL" size="4" offset="034" hostSize="0x4" type="unsigned int"/>
          <arg name="__rtinfo" addressQualifier="9" id="" size="0x8" offset="0x40"/>
          <instance name="vadd_1"><addrRemap base="0x80000" range="0x10000" port="S_AXI_CONTROL"/></instance>
          <FIFOInformation/>
        </kernel>
        <kernel name="other"/>
      </core>
      <core name="second"><kernel name="unseen"/></core>
    </device>
  </platform>
</project>
"#;

/// The file, signed or not.
pub fn vendor(signature: Option<Vec<u8>>) -> Handmade {
    let mut xml = XML.as_bytes().to_vec();
    // Zero bytes at the end are common.
    xml.push(0);
    let banks = [
        memory(6, 1, 256 << 10, 0, "HBM[0]"),
        memory(6, 0, 256 << 10, 256 << 20, "HBM[1]"),
        memory(3, 1, 7, 9, "dc_0"),
        // Not used, so its numbers need not mean anything.
        memory(1, 0, u64::MAX, u64::MAX, "DDR[0]"),
    ];
    let mut groups = banks.to_vec();
    groups.push(memory(2, 1, 512 << 10, 0, "MBG[0:1]"));
    let units = [
        unit(1, 0x0103, 0x80000, "vadd:vadd_1"),
        unit(4, 0x0102, 0x1000, "HBM_0"),
        unit(1, 0x0200, u64::MAX, "free:free_1"),
    ];
    Handmade {
        mode: 1,
        platform: "xilinx_u280_gen3x16_xdma_1_202211_1",
        created: 1_660_000_000,
        signature,
        sections: vec![
            (0, "", b"bits of a board".to_vec()),
            (9, "", vec![1, 2, 3]),
            (2, "", xml),
            (6, "", table(8, &banks)),
            (26, "", table(8, &groups)),
            (7, "", table(4, &[connection(0, 0, 0)])),
            (27, "", table(4, &[connection(0, 0, 0), connection(0, 0, 4), connection(0, 0, 2), connection(1, 0, 1)])),
            (8, "", table(8, &units)),
            (23, "sk_a", b"soft".to_vec()),
            (23, "sk_b", b"kernels".to_vec()),
            (77, "of a later XRT", vec![0; 9]),
            (16, "", Vec::new()),
        ],
    }
}

#[test]
fn a_signed_file_is_read_whole() {
    let bytes = vendor(Some(vec![0x30; 71])).bytes();
    let file = Xclbin::parse(&bytes).unwrap();
    assert_eq!(file.mode, Mode::Hw);
    assert_eq!(file.uuid.to_string(), "10111213-1415-1617-1819-1a1b1c1d1e1f");
    assert_eq!((file.created, file.version), (1_660_000_000, (2, 13, 466)));
    assert_eq!(file.platform, "xilinx_u280_gen3x16_xdma_1_202211_1");
    let length = bytes.len() as u64;
    assert_eq!(file.signature, Some(Span { offset: length - 71, bytes: 71 }));
    let names: Vec<String> = file.sections.iter().map(|s| s.kind.to_string()).collect();
    assert_eq!(names[..3], ["BITSTREAM", "DEBUG_IP_LAYOUT", "EMBEDDED_METADATA"]);
    assert_eq!(names[8..], ["SOFT_KERNEL", "SOFT_KERNEL", "section kind 77", "USER_METADATA"]);
    assert_eq!((file.sections[10].tag.as_str(), file.sections[10].span.bytes), ("of a later XRT", 9));
    for section in &file.sections {
        let Span { offset, bytes: count } = section.span;
        let (_, _, content) = &vendor(None).sections[file.sections.iter().position(|s| s == section).unwrap()];
        assert_eq!(&bytes[offset as usize..(offset + count) as usize], &content[..], "{}", section.kind);
    }
}

#[test]
fn groups_stand_before_banks() {
    let file = Xclbin::parse(&vendor(None).bytes()).unwrap();
    assert_eq!((file.banks.len(), file.memories().len()), (4, 5));
    assert_eq!(file.memories()[4].tag, "MBG[0:1]");
    assert_eq!(file.memories()[4].bytes, 512 << 20);
    assert_eq!((file.banks[2].kind, file.banks[2].base, file.banks[2].bytes), (MemoryType::Stream, 0, 0));
    // The largest index that is used and no stream; argument 1 reaches only a bank that is not used.
    assert_eq!(file.links(), [((0, 0), Some(4)), ((0, 1), None)].into());
    assert_eq!(file.connections, [Connection { argument: 0, unit: 0, memory: 0 }]);
}

#[test]
fn units_of_every_kind() {
    let file = Xclbin::parse(&vendor(None).bytes()).unwrap();
    let [vadd, hbm, free] = &file.units[..] else { panic!() };
    assert_eq!((vadd.control, vadd.base, vadd.is_compute()), (Some(Control::Chain), Some(0x80000), true));
    assert_eq!((vadd.kernel.as_str(), vadd.instance.as_deref()), ("vadd", Some("vadd_1")));
    assert_eq!((hbm.kind, hbm.control, hbm.name().as_str(), &hbm.instance), (4, None, "HBM_0", &None));
    assert_eq!((free.control, free.base), (Some(Control::None), None));
}

#[test]
fn kernels_of_the_first_core() {
    let file = Xclbin::parse(&vendor(None).bytes()).unwrap();
    let names: Vec<&str> = file.kernels.iter().map(|k| k.name.as_str()).collect();
    assert_eq!(names, ["vadd", "other"]);
    let vadd = &file.kernels[0];
    assert_eq!(vadd.instances, ["vadd_1"]);
    assert_eq!(vadd.ports[0].data_bits, Some(512));
    assert_eq!((vadd.ports[1].mode.as_deref(), vadd.ports[1].data_bits), (Some("read_only"), None));
    let [input, size, info] = &vadd.arguments[..] else { panic!("{:?}", vadd.arguments) };
    assert_eq!((input.name.as_str(), input.id, input.offset, input.bytes), ("in&1", Some(0), 0x1c, 8));
    assert_eq!((input.qualifier, input.port.as_deref()), (Qualifier::Global, Some("M_AXI_GMEM")));
    // An octal number, as C reads it.
    assert_eq!((size.offset, size.bytes, size.kind.as_deref()), (28, 4, Some("unsigned int")));
    assert_eq!((info.id, info.qualifier, &info.port), (None, Qualifier::Other(9), &None));
}

#[test]
fn a_file_without_tables_is_read() {
    let bytes = Handmade { sections: vec![(18, "", vec![1; 5])], ..vendor(None) }.bytes();
    let file = Xclbin::parse(&bytes).unwrap();
    assert!(file.kernels.is_empty() && file.units.is_empty() && file.banks.is_empty() && file.groups.is_none());
    let none = Xclbin::parse(&Handmade { sections: vec![], ..vendor(None) }.bytes()).unwrap();
    assert!(none.sections.is_empty());
    // Software emulation has connections but no IP_LAYOUT.
    let sections = vec![(7, "", table(4, &[connection(0, 3, 5)]))];
    let emulated = Xclbin::parse(&Handmade { mode: 5, sections, ..vendor(None) }.bytes()).unwrap();
    assert_eq!((emulated.mode, emulated.links()), (Mode::SwEmu, [((3, 0), None)].into()));
}
