const NAME: &str = "stream_widen";

#[test]
fn emits_clean() {
    super::emits_clean(NAME);
}

#[test]
fn survives_stalls() {
    super::survives(NAME, 128, 4, |sent| sent.chunks(4).map(<[Vec<u32>]>::concat).collect());
}

#[test]
fn one_short_word_a_cycle() {
    assert_eq!(super::full_speed(NAME, 128, 2000, 500), 2001);
}
