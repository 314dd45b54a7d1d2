#[test]
fn emits_clean() {
    super::emits_clean("sgcn_engine");
}
