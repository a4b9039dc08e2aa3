//! The digital factors between a tile and the layer around it.

use crate::par::stop;
use crate::simd::{Isa, Kernel, LANES};

/// The digital factors of one tile.
#[derive(Clone, Debug, PartialEq)]
pub struct Factors {
    /// Weight scaling `a`, one number an output; empty stands for 1.
    pub scale: Vec<f32>,
    /// Output scale `s`.
    pub gain: f64,
}

impl Default for Factors {
    fn default() -> Self {
        Self { scale: Vec::new(), gain: 1.0 }
    }
}

impl Factors {
    /// What takes the factor `s a` forth, a number an output; one for all outputs where they are alike.
    pub(super) fn forth(&self) -> Vec<f32> {
        self.each(|a| a)
    }

    /// The same for `s / a`.
    pub(super) fn back(&self) -> Vec<f32> {
        self.each(|a| 1.0 / a)
    }

    fn each(&self, factor: impl Fn(f32) -> f32) -> Vec<f32> {
        let gain = self.gain as f32;
        if self.scale.is_empty() { vec![gain] } else { self.scale.iter().map(|a| factor(*a) * gain).collect() }
    }
}

/// The sum of products, which a learned gain descends, in sixteen partial sums of fixed order.
pub(super) fn dot(isa: Isa, a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0.0; LANES];
    for (a, b) in stop::pieces(a, LANES).zip(stop::pieces(b, LANES)) {
        sums = isa.run(Dot { a, b, sums });
    }
    sums.iter().sum()
}

/// See [`dot`]; adds to the sums of the numbers before.
struct Dot<'a> {
    a: &'a [f32],
    b: &'a [f32],
    sums: [f64; LANES],
}

impl Kernel for Dot<'_> {
    type Output = [f64; LANES];

    #[inline(always)]
    fn run(self) -> [f64; LANES] {
        let Self { a, b, mut sums } = self;
        let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        for (a, b) in a.iter().zip(b) {
            for lane in 0..LANES {
                sums[lane] += f64::from(a[lane]) * f64::from(b[lane]);
            }
        }
        for (sum, (a, b)) in sums.iter_mut().zip(a_rest.iter().zip(b_rest)) {
            *sum += f64::from(*a) * f64::from(*b);
        }
        sums
    }
}
