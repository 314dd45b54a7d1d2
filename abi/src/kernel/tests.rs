use super::*;

#[test]
fn offsets_follow_vitis() {
    let arguments = KernelConfig::smartupdate(4).unwrap().arguments();
    assert_eq!(arguments[smartupdate::PARAMS].offset, 0x10);
    assert_eq!(arguments[smartupdate::EXP_AVG].offset, 0x1c);
    assert_eq!(arguments[smartupdate::ELEMENTS].offset, 0x10 + 5 * 12);
    assert_eq!(arguments[smartupdate::DECAY].name, "decay");
    assert!(arguments.last().unwrap().offset + 8 <= register::KERNEL_ID);
    let arguments = KernelConfig::gradient_norm(4).unwrap().arguments();
    assert_eq!((arguments[gradient_norm::GRADS].offset, arguments[gradient_norm::ELEMENTS].offset), (0x10, 0x1c));
    assert_eq!((arguments[gradient_norm::GRAD_BYTES].name, arguments.len()), ("grad_bytes", 4));
}

#[test]
fn a_kernel_for_one_optimizer_has_only_its_states() {
    let of = |one| KernelConfig::new(Kernel::SmartUpdateOf(one), 2).unwrap();
    for (one, states) in [(Optimizer::AdamW, 2), (Optimizer::Adam, 2), (Optimizer::Adagrad, 1), (Optimizer::Lion, 1)] {
        assert_eq!((of(one).masters().len(), of(one).streams().len()), (states + 2, 2 * states + 4));
    }
    let lion = of(Optimizer::Lion);
    let names: Vec<&str> = lion.arguments().iter().take(5).map(|argument| argument.name).collect();
    assert_eq!(
        (lion.name().as_str(), names.join(" ")),
        ("smartupdate_lion_l2", "params exp_avg grads half elements".into())
    );
    assert_eq!((lion.id_of(smartupdate::EXP_AVG_SQ), lion.id_of(smartupdate::GRADS)), (None, Some(2)));
    assert_eq!(lion.arguments()[3].kind, ArgumentKind::Pointer { master: 2 });
    for (code, one) in (0..).zip(Optimizer::ALL) {
        assert_eq!(one.code(), code);
    }
}

#[test]
fn blocks_of_registers_do_not_meet() {
    for config in KernelConfig::all() {
        assert!(register::STREAMS + config.streams().len() as u32 * register::STREAM_STRIDE <= register::SUMS);
        assert!(register::SUMS + config.sums() * register::SUM_STRIDE <= register::SPACE_BYTES);
    }
    const { assert!(4 * register::SUM_LIMBS <= register::SUM_STRIDE) };
}

#[test]
fn hashes_change_only_with_the_contract() {
    // A board's bitstream carries its hash: a change here means that every kernel has to be built again, and that
    // `ABI_VERSION` has to be raised.
    let hashes: Vec<u64> = KernelConfig::all().iter().map(KernelConfig::hash).collect();
    let known = [
        0xfc94_c622_5e1b_2690,
        0x0c78_2d60_ab02_775d,
        0xc266_6402_5570_4c6b,
        0xccee_8f90_7892_e88f,
        0x4931_d876_8403_473a,
        0x34f3_4cad_881e_6dea,
        0xce40_6738_006c_11be,
        0xb5bb_f8b2_783a_5a76,
        0xa084_3c1a_d6fa_ab7d,
        0x414f_20a9_8ec1_72b0,
        0xb722_84e9_6f7e_db12,
        0x4c74_b4df_60f2_15a6,
        0x466c_885e_a8dd_726a,
        0xfa66_b97e_106e_baa3,
        0x3c68_b22c_7a98_0a55,
        0x5c2a_58e7_8442_a721,
        0x15c6_db55_e76e_543f,
        0x0357_801c_02ab_7ed8,
        0x989c_328c_762a_6ce2,
        0xea84_952e_8188_5906,
        0xad8c_f68a_07c5_695e,
        0x1daf_6a34_e39a_a8df,
        0xe45d_37b0_f326_a5ad,
        0xe847_a0da_62e2_8c19,
        0xc2a0_3928_af01_9e20,
        0x7822_adf1_cf96_9cfd,
        0xe5de_ee9d_a738_15af,
        0x724d_b78e_3539_4f03,
        0x73c6_6a6c_395e_83a9,
        0xccbc_b64a_7b66_5659,
        0x62e1_09c4_9a5a_2f8e,
        0x933b_9fc1_95f4_ed5b,
        0x7775_227a_5c84_a3c5,
        0x9d4b_8099_b45a_04d3,
        0x3ebe_531f_b087_ddf5,
        0x6718_d23b_4b20_728c,
        0xe24d_8fd9_0a1d_a128,
        0x5cdf_144d_9e9f_328e,
    ];
    assert_eq!(hashes, known, "{hashes:#x?}");
}
