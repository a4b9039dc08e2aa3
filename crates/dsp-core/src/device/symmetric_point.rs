//! The symmetric point of a cell without a closed form: bracketed search on the response itself.

use super::{Cell, Response};

/// Intervals that the bounds are cut into to bracket a root.
const INTERVALS: usize = 256;
/// Halvings of one of them.
const HALVINGS: usize = 30;
/// Halvings of the whole range, to the same width.
const HALVINGS_OF_RANGE: usize = 38;

/// The state within the bounds at which up and down steps are equal and towards which alternating pulses drift (the up
/// step larger below it, the down step larger above); the one nearest 0 if there are several, NaN if there is none.
///
/// The root is bracketed on a grid of 256 intervals (on the whole range where the response is monotone) and halved until
/// the bracket is 2^-38 of the range, which leaves the rounding of the f32 response: about 1e-6 of the range.
#[must_use]
pub fn search(response: impl Response, cell: Cell) -> f64 {
    let (low, high) = (f64::from(cell.min_bound), f64::from(cell.max_bound));
    let c = response.prepare(cell);
    let drift = |v: f64| {
        let v = v as f32;
        f64::from(response.step(&c, v, true)) - f64::from(response.step(&c, v, false))
    };
    if response.is_monotone(&c) {
        // Where no pulse moves the cell the drift is zero over a stretch; its ends are roots of their own.
        let first = bracketed(drift(low), drift(high), low, high, HALVINGS_OF_RANGE, |v| drift(v) > 0.0);
        let last = bracketed(drift(low), drift(high), low, high, HALVINGS_OF_RANGE, |v| drift(v) >= 0.0);
        return if last.abs() < first.abs() { last } else { first };
    }
    let at = |i: usize| low + (high - low) * i as f64 / INTERVALS as f64;
    let mut best = f64::NAN;
    for i in 0..INTERVALS {
        let (below, above) = (at(i), at(i + 1));
        let root = bracketed(drift(below), drift(above), below, above, HALVINGS, |v| drift(v) > 0.0);
        if best.is_nan() || root.abs() < best.abs() {
            best = root;
        }
    }
    best
}

/// Halves the bracket from `below` to `above` towards where `up` turns false; NaN unless the drift leads from both ends
/// inwards. A drift of zero on both is no root.
fn bracketed(first: f64, last: f64, mut below: f64, mut above: f64, halvings: usize, up: impl Fn(f64) -> bool) -> f64 {
    if first < 0.0 || last > 0.0 || first == last {
        return f64::NAN;
    }
    for _ in 0..halvings {
        let middle = 0.5 * (below + above);
        if up(middle) {
            below = middle;
        } else {
            above = middle;
        }
    }
    0.5 * (below + above)
}

/// `point` if it lies within the cell's bounds, else NaN.
#[must_use]
pub fn within(cell: Cell, point: f64) -> f64 {
    let inside = point >= f64::from(cell.min_bound) && point <= f64::from(cell.max_bound);
    if inside { point } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{CellParameters, Device, ExpStep, Exponents, Model, Population, PowStep};
    use crate::rng::Key;
    use crate::simd::Isa;

    fn cells(device: Device) -> CellParameters {
        device.sample(Isa::machine(), Key::from_seed([3; 4]), 500)
    }

    /// On random cells the closed forms end where the search on the response ends.
    fn assert_closed_form(model: &impl Model, cells: &CellParameters) {
        let mut found = 0;
        for i in 0..cells.len() {
            let cell = cells.cell(i);
            let (closed, searched) = (model.symmetric_point(cells, cell), search(model.response(cells), cell));
            let range = f64::from(cell.max_bound - cell.min_bound);
            assert!(closed.is_nan() == searched.is_nan(), "{closed} {searched} {cell:?}");
            assert!(closed.is_nan() || (closed - searched).abs() < 2e-6 * range, "{closed} {searched} {cell:?}");
            found += u32::from(!closed.is_nan());
        }
        assert!(found > 400, "only {found} cells have a symmetric point");
    }

    #[test]
    fn power_laws_with_equal_exponents() {
        for pow_gamma in [0.5, 1.0, 2.7] {
            let exponents = Exponents { pow_gamma, pow_gamma_dtod: 0.0, ..Exponents::default() };
            let population = Population { up_down: 0.3, up_down_dtod: 0.1, ..Population::default() };
            let model = PowStep { exponents, population, ..PowStep::default() };
            assert_closed_form(&model, &cells(Device::PowStep(model.clone())));
        }
    }

    #[test]
    fn exponentials_with_equal_rates() {
        for (amplitude, rate) in [(0.1, 4.0), (0.02, 9.0), (-0.5, -3.0)] {
            let population = Population { up_down: 0.1, up_down_dtod: 0.05, ..Population::default() };
            let model = ExpStep {
                A_up: amplitude,
                A_down: 1.5 * amplitude,
                gamma_up: rate,
                gamma_down: rate,
                a: 0.4,
                b: 0.1,
                population,
                ..ExpStep::default()
            };
            assert_closed_form(&model, &cells(Device::ExpStep(model.clone())));
        }
    }

    /// A monotone response is searched in one bracket; the grid finds the same point.
    #[test]
    fn one_bracket_and_the_grid_agree() {
        #[derive(Clone, Copy)]
        struct OnGrid<R>(R);
        impl<R: Response> Response for OnGrid<R> {
            fn prepare(self, cell: Cell) -> [f32; crate::device::COEFFICIENTS] {
                self.0.prepare(cell)
            }
            fn step(self, c: &[f32; crate::device::COEFFICIENTS], v: f32, up: bool) -> f32 {
                self.0.step(c, v, up)
            }
            fn spread(self, c: &[f32; crate::device::COEFFICIENTS], v: f32, step: f32, up: bool) -> f32 {
                self.0.spread(c, v, step, up)
            }
            fn is_noisy(self) -> bool {
                self.0.is_noisy()
            }
        }
        let model = PowStep { exponents: Exponents { pow_up_down: 0.4, ..Exponents::default() }, ..PowStep::default() };
        let cells = cells(Device::PowStep(model.clone()));
        for i in 0..cells.len() {
            let (cell, response) = (cells.cell(i), model.response(&cells));
            let (one, grid) = (search(response, cell), search(OnGrid(response), cell));
            assert!((one - grid).abs() < 4e-6 * f64::from(cell.max_bound - cell.min_bound), "{one} {grid}");
        }
    }
}
