//! A second writer, which shares nothing with the first: offsets are literal, and every field can be chosen.

/// A section: kind, tag, content.
pub type Part = (u32, &'static str, Vec<u8>);

/// A file to be.
pub struct Handmade {
    pub mode: u16,
    pub platform: &'static str,
    pub created: u64,
    /// A signature after the sections.
    pub signature: Option<Vec<u8>>,
    pub sections: Vec<Part>,
}

impl Handmade {
    pub fn bytes(&self) -> Vec<u8> {
        let mut file = b"xclbin2\0".to_vec();
        file.extend(self.signature.as_ref().map_or(-1, |s| s.len() as i32).to_le_bytes());
        file.resize(296, 0xff);
        file.extend(0x0102_0304_0506_0708u64.to_le_bytes());
        file.extend([0; 8]);
        file.extend(self.created.to_le_bytes());
        file.extend([0; 8]);
        file.extend([0xd2, 0x01, 2, 13]);
        file.extend(self.mode.to_le_bytes());
        file.extend([0; 2 + 16]);
        file.extend(padded(self.platform, 64));
        file.extend(0x10..0x20u8);
        file.extend([0; 16]);
        file.extend((self.sections.len() as u32).to_le_bytes());
        file.extend([0; 4]);
        assert_eq!(file.len(), 456);
        let mut at = 456 + 40 * self.sections.len();
        for (kind, tag, content) in &self.sections {
            file.extend(kind.to_le_bytes());
            file.extend(padded(tag, 16));
            file.extend([0; 4]);
            file.extend((at as u64).to_le_bytes());
            file.extend((content.len() as u64).to_le_bytes());
            at = (at + content.len()).next_multiple_of(8);
        }
        for (_, _, content) in &self.sections {
            file.extend(content);
            file.resize(file.len().next_multiple_of(8), 0);
        }
        file.extend(self.signature.iter().flatten());
        let length = file.len() as u64;
        file[304..312].copy_from_slice(&length.to_le_bytes());
        file
    }
}

pub fn padded(text: &str, bytes: usize) -> Vec<u8> {
    let mut field = text.as_bytes().to_vec();
    field.resize(bytes, 0);
    field
}

/// A table whose entries begin at byte `entries`.
pub fn table(entries: usize, list: &[Vec<u8>]) -> Vec<u8> {
    let mut section = (list.len() as i32).to_le_bytes().to_vec();
    section.resize(entries, 0);
    section.extend(list.iter().flatten());
    section
}

/// An entry of MEM_TOPOLOGY or GROUP_TOPOLOGY.
pub fn memory(kind: u8, used: u8, kib: u64, base: u64, tag: &str) -> Vec<u8> {
    let mut entry = vec![kind, used, 0, 0, 0, 0, 0, 0];
    entry.extend(kib.to_le_bytes());
    entry.extend(base.to_le_bytes());
    entry.extend(padded(tag, 16));
    entry
}

/// An entry of IP_LAYOUT.
pub fn unit(kind: u32, properties: u32, base: u64, name: &str) -> Vec<u8> {
    let mut entry = kind.to_le_bytes().to_vec();
    entry.extend(properties.to_le_bytes());
    entry.extend(base.to_le_bytes());
    entry.extend(padded(name, 64));
    entry
}

/// An entry of CONNECTIVITY: argument, unit, memory.
pub fn connection(argument: i32, unit: i32, memory: i32) -> Vec<u8> {
    [argument, unit, memory].iter().flat_map(|word| word.to_le_bytes()).collect()
}
