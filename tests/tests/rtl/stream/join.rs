use super::cell;

const NAME: &str = "stream_join";

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

/// It holds nothing, so every input there is can be tried.
#[test]
fn matches_reference() {
    let mut cell = cell(NAME);
    for case in 0..32u64 {
        for i in 0..4 {
            cell.set(&format!("s_valid_{i}"), case >> i & 1);
        }
        cell.set("m_ready", case >> 4);
        cell.settle();
        let all = u64::from(case & 15 == 15);
        assert_eq!(cell.get("m_valid"), all, "case {case:05b}");
        for i in 0..4 {
            assert_eq!(cell.get(&format!("s_ready_{i}")), all & case >> 4, "case {case:05b}");
        }
    }
}
