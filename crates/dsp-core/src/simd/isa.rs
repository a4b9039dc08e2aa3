//! The levels and the one place where a body is cloned for them.

use std::sync::OnceLock;

use crate::error::{Error, Result};

/// The environment variable that forces a level at or below the machine's.
const VARIABLE: &str = "DSPTRACK_ISA";

/// An instruction-set level; higher levels include the lower ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// The target's baseline (SSE2 on x86-64, NEON on aarch64).
    Base,
    /// AVX2 with BMI and POPCNT (x86-64-v3 without its fused multiply-add).
    V3,
    /// AVX-512 F, BW, DQ, VL and VPOPCNTDQ.
    V4,
}

/// A computation written once and compiled for every level.
pub trait Kernel {
    /// What the kernel returns.
    type Output;
    /// The body; implementations and all they call must be `#[inline(always)]`.
    fn run(self) -> Self::Output;
}

impl Isa {
    /// The levels from lowest to highest, with the names that `DSPTRACK_ISA` takes.
    pub const ALL: [(Isa, &'static str); 3] = [(Isa::Base, "base"), (Isa::V3, "v3"), (Isa::V4, "v4")];

    /// The level's name as in `DSPTRACK_ISA`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The highest level of this machine.
    #[must_use]
    pub fn machine() -> Self {
        static MACHINE: OnceLock<Isa> = OnceLock::new();
        *MACHINE.get_or_init(detect)
    }

    /// All levels that this machine can run, lowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.iter().map(|&(isa, _)| isa).filter(|&isa| isa <= Self::machine())
    }

    /// The level in force: the machine's, or a lower one named by `DSPTRACK_ISA`.
    ///
    /// # Errors
    /// [`Error::Parameter`] if the variable names no level or one above the machine's.
    pub fn current() -> Result<Self> {
        static CURRENT: OnceLock<std::result::Result<Isa, String>> = OnceLock::new();
        CURRENT.get_or_init(|| from_variable(std::env::var(VARIABLE).ok())).clone().map_err(|value| Error::Parameter {
            name: VARIABLE.into(),
            value,
            allowed: format!("one of base, v3, v4, at most this machine's {}", Self::machine().name()),
        })
    }

    /// The level in force, the lowest where the variable names none that can be had: for those who have no error to give, since
    /// their answer is the same at every level.
    #[must_use]
    pub fn at_hand() -> Self {
        Self::current().unwrap_or(Self::Base)
    }

    /// Runs `kernel` compiled for this level (or for the machine's, if that is lower).
    #[inline]
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.min(Self::machine()) {
            Isa::Base => kernel.run(),
            // SAFETY: `machine()` reported every feature that `run_v3` enables.
            #[cfg(target_arch = "x86_64")]
            Isa::V3 => unsafe { run_v3(kernel) },
            // SAFETY: `machine()` reported every feature that `run_v4` enables.
            #[cfg(target_arch = "x86_64")]
            Isa::V4 => unsafe { run_v4(kernel) },
            #[cfg(not(target_arch = "x86_64"))]
            Isa::V3 | Isa::V4 => kernel.run(),
        }
    }
}

fn from_variable(value: Option<String>) -> std::result::Result<Isa, String> {
    match value {
        None => Ok(Isa::machine()),
        Some(value) => Isa::available().find(|isa| isa.name() == value).ok_or_else(|| format!("{value:?}")),
    }
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Isa {
    let v3 = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt");
    let v4 = v3
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vpopcntdq");
    if v4 {
        Isa::V4
    } else if v3 {
        Isa::V3
    } else {
        Isa::Base
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Isa {
    Isa::Base
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn run_v3<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq")]
fn run_v4<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_forces_downwards_only() {
        assert_eq!(from_variable(None), Ok(Isa::machine()));
        assert_eq!(from_variable(Some("base".into())), Ok(Isa::Base));
        assert!(from_variable(Some("v5".into())).is_err());
        for (isa, name) in Isa::ALL {
            assert_eq!(from_variable(Some(name.into())).is_ok(), isa <= Isa::machine());
        }
    }

    #[test]
    fn every_level_runs_the_same_body() {
        struct Sum([u32; 64]);
        impl Kernel for Sum {
            type Output = u32;
            #[inline(always)]
            fn run(self) -> u32 {
                self.0.iter().map(|w| w.count_ones()).sum()
            }
        }
        let words = std::array::from_fn(|i| 0x9e37_79b9_u32.wrapping_mul(i as u32 + 1));
        let expected = Isa::Base.run(Sum(words));
        assert!(Isa::available().all(|isa| isa.run(Sum(words)) == expected));
    }
}
