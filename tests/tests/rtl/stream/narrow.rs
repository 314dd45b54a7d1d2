const NAME: &str = "stream_narrow";

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

#[test]
fn survives_stalls() {
    super::survives(NAME, 512, 1, |sent| sent.iter().flat_map(|w| w.chunks(4).map(<[u32]>::to_vec)).collect());
}

#[test]
fn one_short_word_a_cycle() {
    assert_eq!(super::full_speed(NAME, 512, 500, 2000), 2000);
}
