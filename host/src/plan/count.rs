//! Numbers of parameters as people write them.

/// Why a text is no number of parameters.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CountError {
    /// It does not read as a number.
    #[error("this is no number of parameters; write for example 7000000000, 7e9, 8.4B or 350M")]
    Malformed,
    /// It is not whole, or too large to be exact.
    #[error("this is {0} parameters; name a whole number of at most 1e15")]
    NotWhole(f64),
}

/// Reads a number of parameters: digits with an optional point, an optional power of ten, or one of the suffixes K, M, B (or
/// G) and T for 10^3, 10^6, 10^9 and 10^12, in either case. A power of ten and a suffix together are taken too.
///
/// # Errors
///
/// [`CountError`]: signs, spaces, separators and what is not a whole number are refused. 0 is a number.
pub fn parse_count(text: &str) -> Result<u64, CountError> {
    let (digits, unit) = match text.char_indices().next_back() {
        Some((at, 'k' | 'K')) => (&text[..at], 1e3),
        Some((at, 'm' | 'M')) => (&text[..at], 1e6),
        Some((at, 'b' | 'B' | 'g' | 'G')) => (&text[..at], 1e9),
        Some((at, 't' | 'T')) => (&text[..at], 1e12),
        _ => (text, 1.0),
    };
    // What `f64` reads besides numbers (inf, nan, a sign in front) begins with something else.
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(CountError::Malformed);
    }
    let count = digits.parse::<f64>().map_err(|_| CountError::Malformed)? * unit;
    // 8.4 and 10^9 round, and so does their product: by less than a thousandth below 10^12, by an eighth below 10^15.
    let noise = (count * 2.0 * f64::EPSILON).max(1e-6);
    if count > 1e15 || (count - count.round()).abs() > noise {
        return Err(CountError::NotWhole(count));
    }
    Ok(count.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write() {
        for (text, count) in [
            ("0", 0),
            ("1", 1),
            ("7000000001", 7_000_000_001),
            ("7e9", 7_000_000_000),
            ("7E9", 7_000_000_000),
            ("2.5e3", 2500),
            ("8.4B", 8_400_000_000),
            ("8.4b", 8_400_000_000),
            ("33.0G", 33_000_000_000),
            ("350M", 350_000_000),
            ("0.34B", 340_000_000),
            ("12k", 12_000),
            ("1.1T", 1_100_000_000_000),
            ("1e15", 1_000_000_000_000_000),
        ] {
            assert_eq!(parse_count(text), Ok(count), "{text}");
        }
    }

    #[test]
    fn what_is_no_number() {
        for text in ["", "B", "-7e9", "+7e9", "7 B", "7_000", "7,000", "inf", "NaN", "seven", "7e", "7BB", "0x10", "7ä"]
        {
            assert_eq!(parse_count(text), Err(CountError::Malformed), "{text}");
        }
        for text in ["1.5", "0.0001K", "2e15", "1e300T"] {
            assert!(matches!(parse_count(text), Err(CountError::NotWhole(_))), "{text}");
        }
    }
}
