//! The vector units a processor may have, and which it has.

/// Which vector unit is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(Unit);

/// A [`Level`] can only be had from detection: the SAFETY of every call of code that is compiled for a unit rests on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// None.
    Portable,
    /// avx2, fma, popcnt.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Those, and avx512f, avx512vl, bmi2.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// Every level this processor has, narrowest first.
    pub fn available() -> Vec<Level> {
        #[allow(unused_mut)]
        let mut levels = vec![Level(Unit::Portable)];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("popcnt")
            {
                levels.push(Level(Unit::Avx2));
                let wide = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl");
                if wide && is_x86_feature_detected!("bmi2") {
                    levels.push(Level(Unit::Avx512));
                }
            }
        }
        levels
    }

    /// The widest level this processor has.
    pub fn detect() -> Level {
        Level::available().pop().unwrap_or(Level(Unit::Portable))
    }

    /// The level's name.
    pub fn name(self) -> &'static str {
        match self.0 {
            Unit::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Unit::Avx2 => "AVX2 and FMA",
            #[cfg(target_arch = "x86_64")]
            Unit::Avx512 => "AVX-512",
        }
    }

    /// The unit, for whoever calls code that is compiled for it.
    pub(crate) fn unit(self) -> Unit {
        self.0
    }
}
