//! Distances between samples and laws.

/// Standard normal distribution function, by the continued fraction and the series of the error function.
pub fn normal_cdf(x: f64) -> f64 {
    let a = x.abs();
    let tail = if a < 3.0 {
        let mut term = a;
        let mut sum = a;
        let mut k = 1.0;
        while term.abs() > 1e-17 {
            term *= a * a / (2.0 * k + 1.0);
            sum += term;
            k += 1.0;
        }
        0.5 - sum * (-0.5 * a * a).exp() / (2.0 * std::f64::consts::PI).sqrt()
    } else {
        let fraction = (1..200).rev().fold(0.0, |f, k| f64::from(k) / (a + f));
        (-0.5 * a * a).exp() / (2.0 * std::f64::consts::PI).sqrt() / (a + fraction)
    };
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// Kolmogorov-Smirnov distance between a sample (sorted in place) and a continuous distribution function.
pub fn ks_distance(sample: &mut [f64], cdf: impl Fn(f64) -> f64) -> f64 {
    sample.sort_by(f64::total_cmp);
    let n = sample.len() as f64;
    sample.iter().enumerate().fold(0.0_f64, |worst, (i, &x)| {
        let p = cdf(x);
        worst.max((p - i as f64 / n).abs()).max(((i + 1) as f64 / n - p).abs())
    })
}

/// Kolmogorov-Smirnov distance between two samples (sorted in place).
pub fn ks_two_sample(a: &mut [f64], b: &mut [f64]) -> f64 {
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    let (mut i, mut j, mut worst) = (0, 0, 0.0_f64);
    while i < a.len() && j < b.len() {
        let x = a[i].min(b[j]);
        while i < a.len() && a[i] <= x {
            i += 1;
        }
        while j < b.len() && b[j] <= x {
            j += 1;
        }
        worst = worst.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_cdf_at_tabulated_points() {
        for (x, p) in [(0.0, 0.5), (1.0, 0.841_344_746), (1.959_963_985, 0.975), (-3.0, 0.001_349_898)] {
            assert!((normal_cdf(x) - p).abs() < 1e-9, "at {x}");
        }
        assert!((1.0 - normal_cdf(5.0) - 2.866_515_7e-7).abs() < 1e-13);
    }
}
