//! Texts that tell whether they are whole: the last line has a checksum of all that stands before it.

/// How the last line begins.
const SEAL: &str = "# crc32 ";

/// `text` with its seal, and the checksum in it.
pub(super) fn seal(mut text: String) -> (String, u32) {
    let sum = crc32fast::hash(text.as_bytes());
    text += &format!("{SEAL}{sum:08x}\n");
    (text, sum)
}

/// What was sealed, and the checksum; an error says what is wrong.
pub(super) fn open(bytes: &[u8]) -> Result<(&str, u32), String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_string())?;
    let whole = text.rfind(SEAL).and_then(|at| {
        let sum = u32::from_str_radix(text[at + SEAL.len()..].strip_suffix('\n')?, 16).ok()?;
        Some((&text[..at], sum))
    });
    let Some((inside, said)) = whole else {
        return Err("it does not end with the line of its checksum".into());
    };
    match crc32fast::hash(inside.as_bytes()) {
        found if found == said => Ok((inside, said)),
        found => Err(format!("its checksum is {found:08x}, but its last line says {said:08x}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_flipped_bit_and_any_cut_is_seen() {
        let (text, sum) = seal("a = 1\n# crc32 b\n".into());
        assert_eq!(open(text.as_bytes()), Ok(("a = 1\n# crc32 b\n", sum)));
        for bit in 0..8 * text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            // An upper-case digit of the checksum is the same number.
            let same = open(&bytes).is_ok_and(|(inside, _)| inside == "a = 1\n# crc32 b\n");
            assert!(open(&bytes).is_err() || same, "bit {bit}");
        }
        for length in 0..text.len() {
            assert!(open(&text.as_bytes()[..length]).is_err(), "{length} bytes");
        }
    }
}
