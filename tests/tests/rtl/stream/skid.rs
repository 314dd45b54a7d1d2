const NAME: &str = "stream_skid";

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

#[test]
fn survives_stalls() {
    super::survives(NAME, 32, 1, |sent| sent.to_vec());
}

#[test]
fn one_word_a_cycle() {
    assert_eq!(super::full_speed(NAME, 32, 1000, 1000), 1001);
}

#[test]
fn forgets_at_reset() {
    super::resets(NAME);
}

#[test]
fn ready_is_a_register() {
    let mut cell = super::cell(NAME);
    cell.set("s_valid", 1);
    cell.set("m_ready", 0);
    for _ in 0..2 {
        cell.tick();
    }
    for ready in [0, 1] {
        cell.set("m_ready", ready);
        cell.settle();
        assert_eq!(cell.get("s_ready"), 0, "s_ready follows m_ready in the same cycle");
    }
}
