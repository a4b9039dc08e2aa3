//! One cell, one slot, one pulse at a time (02 sections 1.6 and 2.3).

/// Response of a slow cell.
#[derive(Clone, Copy)]
pub enum Shape {
    /// `s`.
    Constant,
    /// `s (1 - v/b)`.
    Soft,
}

/// A cell with equal up and down step scales.
#[derive(Clone, Copy)]
pub struct SlowCell {
    pub shape: Shape,
    pub low: f64,
    pub high: f64,
    pub step: f64,
    pub noise: f64,
    pub additive: bool,
}

impl SlowCell {
    /// The state after one pulse.
    pub fn pulse(&self, v: f64, up: bool, xi: f64) -> f64 {
        let bound = if up { self.high } else { self.low };
        let step = match self.shape {
            Shape::Constant => self.step,
            Shape::Soft => self.step * (1.0 - v / bound),
        };
        let size = step + self.noise * xi * if self.additive { self.step } else { step };
        (if up { v + size } else { v - size }).clamp(self.low, self.high)
    }
}

/// SplitMix64: unrelated to the streams under test.
pub struct SlowRng(pub u64);

impl SlowRng {
    /// Uniform in (0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 + f64::EPSILON / 4.0
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f64 {
        let (u, v) = (self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (2.0 * std::f64::consts::PI * v).cos()
    }
}
