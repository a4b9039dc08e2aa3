//! One cell, one slot, one pulse at a time (02 sections 1.6 and 2.3).

/// Response of a slow cell.
#[derive(Clone, Copy)]
pub enum Shape {
    /// `s`.
    Constant,
    /// `s (1 - y v/b)` with the relative slope `y`.
    Linear(f64),
    /// `s max(1 - A e^{+-gamma z}, 0)`, `z = 2 a v / (b+ - b-) + b`: (A, gamma, a, b).
    Exponential(f64, f64, f64, f64),
    /// `s (distance to the bound / range)^gamma`.
    Power(f64),
    /// Linear interpolation of factors between the bounds, for up and down.
    Table(&'static [f64], &'static [f64]),
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
    fn factor(&self, v: f64, up: bool) -> f64 {
        let range = self.high - self.low;
        match self.shape {
            Shape::Constant => 1.0,
            Shape::Linear(slope) => 1.0 - slope * v / if up { self.high } else { self.low },
            Shape::Exponential(amplitude, gamma, a, b) => {
                let z = 2.0 * a * v / range + b;
                (1.0 - amplitude * (if up { gamma * z } else { -gamma * z }).exp()).max(0.0)
            }
            Shape::Power(gamma) => ((if up { self.high - v } else { v - self.low }) / range).powf(gamma),
            Shape::Table(ups, downs) => {
                let table = if up { ups } else { downs };
                let position = (v - self.low) / range * (table.len() - 1) as f64;
                let segment = (position.floor() as usize).min(table.len() - 2);
                let fraction = position - segment as f64;
                table[segment] * (1.0 - fraction) + table[segment + 1] * fraction
            }
        }
    }

    /// The state after one pulse.
    pub fn pulse(&self, v: f64, up: bool, xi: f64) -> f64 {
        let step = self.step * self.factor(v, up);
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
