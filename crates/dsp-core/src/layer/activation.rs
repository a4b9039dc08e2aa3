//! Activations, element by element, with the same bits on every machine (libm's functions have none such).

use crate::par::stop::{pieces, pieces_mut};
use crate::simd::math::{exp, ln};
use crate::simd::{Isa, Kernel};

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `e^x`, limited to `[e^-87, e^88]`.
    Exp,
    /// `1 / (1 + e^-x)`.
    Sigmoid,
    /// `tanh x`.
    Tanh,
}

/// `f(x)` in the place of `x`.
#[must_use]
pub fn apply(isa: Isa, function: Function, mut out: Vec<f32>) -> Vec<f32> {
    for out in pieces_mut(&mut out, 1) {
        match function {
            Function::Exp => isa.run(Map(out, Exp)),
            Function::Sigmoid => isa.run(Map(out, Sigmoid)),
            Function::Tanh => isa.run(Map(out, Tanh)),
        }
    }
    out
}

/// `dL/dx` in the place of `dL/dy`, from `y = f(x)`: the slope is `y`, `y (1 - y)` or `1 - y^2`.
#[must_use]
pub fn backward(isa: Isa, function: Function, y: &[f32], mut out: Vec<f32>) -> Vec<f32> {
    for (y, out) in pieces(y, 1).zip(pieces_mut(&mut out, 1)) {
        match function {
            Function::Exp => isa.run(Chain(y, out, Exp)),
            Function::Sigmoid => isa.run(Chain(y, out, Sigmoid)),
            Function::Tanh => isa.run(Chain(y, out, Tanh)),
        }
    }
    out
}

/// `x - ln(sum of e^x)` for every row of `width` numbers; the largest is taken out first, so that nothing overflows.
#[must_use]
pub fn log_softmax(isa: Isa, mut out: Vec<f32>, width: usize) -> Vec<f32> {
    pieces_mut(&mut out, width).for_each(|rows| isa.run(LogSoftmax(rows, width)));
    out
}

trait Scalar: Copy {
    fn value(self, x: f32) -> f32;
    fn slope(self, y: f32) -> f32;
}

#[derive(Clone, Copy)]
struct Exp;
#[derive(Clone, Copy)]
struct Sigmoid;
#[derive(Clone, Copy)]
struct Tanh;

impl Scalar for Exp {
    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        exp(x)
    }
    #[inline(always)]
    fn slope(self, y: f32) -> f32 {
        y
    }
}

impl Scalar for Sigmoid {
    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        1.0 / (1.0 + exp(-x))
    }
    #[inline(always)]
    fn slope(self, y: f32) -> f32 {
        y * (1.0 - y)
    }
}

impl Scalar for Tanh {
    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        let size = x.abs();
        let e = exp(-2.0 * size);
        let far = (1.0 - e) / (1.0 + e);
        // Near 0 the difference above cancels: x (1 + x^2 p(x^2)), a fit with relative error below 2e-7 there.
        let q = x * x;
        let mut p = -0.005_679_307_f32;
        p = p * q + 0.020_618_126;
        p = p * q - 0.053_734;
        p = p * q + 0.133_313_84;
        p = p * q - 0.333_332_8;
        let near = size + size * q * p;
        (if size < 0.625 { near } else { far }).copysign(x)
    }
    #[inline(always)]
    fn slope(self, y: f32) -> f32 {
        1.0 - y * y
    }
}

struct Map<'a, S>(&'a mut [f32], S);

impl<S: Scalar> Kernel for Map<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for v in self.0 {
            *v = self.1.value(*v);
        }
    }
}

struct Chain<'a, S>(&'a [f32], &'a mut [f32], S);

impl<S: Scalar> Kernel for Chain<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (y, g) in self.0.iter().zip(self.1) {
            *g *= self.2.slope(*y);
        }
    }
}

struct LogSoftmax<'a>(&'a mut [f32], usize);

impl Kernel for LogSoftmax<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for row in self.0.chunks_exact_mut(self.1) {
            let largest = row.iter().fold(f32::NEG_INFINITY, |most, v| if *v > most { *v } else { most });
            let mut sum = 0.0;
            for v in row.iter_mut() {
                *v -= largest;
                sum += exp(*v);
            }
            let log = ln(sum);
            row.iter_mut().for_each(|v| *v -= log);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Vec<f32> {
        (-200_001..=200_001).map(|i| i as f32 * 1e-4).collect()
    }

    #[test]
    fn values_are_exact_to_a_few_units_in_the_last_place() {
        let x = grid();
        let isa = Isa::machine();
        for (x, (s, t)) in x.iter().zip(apply(isa, Function::Sigmoid, x.clone()).into_iter().zip(apply(
            isa,
            Function::Tanh,
            x.clone(),
        ))) {
            let exact = f64::from(*x);
            let sigmoid = 1.0 / (1.0 + (-exact).exp());
            assert!((f64::from(s) / sigmoid - 1.0).abs() < 4e-7, "sigmoid({x}) = {s}");
            let tanh = exact.tanh();
            assert!((f64::from(t) - tanh).abs() <= 3e-7 * tanh.abs(), "tanh({x}) = {t}");
        }
        for (x, s, t) in [(f32::MAX, 1.0, 1.0), (f32::MIN, 0.0, -1.0)] {
            assert!((apply(isa, Function::Sigmoid, vec![x])[0] - s).abs() < 1e-30);
            assert_eq!(apply(isa, Function::Tanh, vec![x])[0], t);
        }
    }

    #[test]
    fn every_level_returns_the_same_bits() {
        let x = grid();
        for function in [Function::Exp, Function::Sigmoid, Function::Tanh] {
            let y = apply(Isa::Base, function, x.clone());
            let slope = backward(Isa::Base, function, &y, x.clone());
            let log = log_softmax(Isa::Base, x.clone(), 9);
            for isa in Isa::available() {
                assert!(apply(isa, function, x.clone()) == y && backward(isa, function, &y, x.clone()) == slope);
                assert!(log_softmax(isa, x.clone(), 9) == log);
            }
        }
    }

    #[test]
    fn softmax_sums_to_one_and_survives_large_numbers() {
        for row in [vec![1e4_f32, 1e4, -1e4], vec![0.0; 5], vec![3.0]] {
            let log = log_softmax(Isa::machine(), row.clone(), row.len());
            let sum: f64 = log.iter().map(|v| f64::from(*v).exp()).sum();
            assert!((sum - 1.0).abs() < 1e-6 && log.iter().all(|v| v.is_finite()));
        }
    }
}
