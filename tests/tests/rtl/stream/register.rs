const NAME: &str = "stream_register";

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
