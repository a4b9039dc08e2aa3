//! The voltage that is lost along the input wires (02 section 3.6).

use super::Periphery;

/// Inputs by their distance from the first: times `1 - (1 - j/n)^2`.
pub fn weigh(v: &[f32], inputs: usize) -> Vec<f32> {
    let weigh = |(j, v): (usize, &f32)| {
        let rest = 1.0 - (j % inputs) as f32 / inputs as f32;
        v * (1.0 - rest * rest)
    };
    v.iter().enumerate().map(weigh).collect()
}

/// Takes the drop off the outputs, from the currents `|W| |v|` and the products with the weighed inputs.
pub fn apply(periphery: &Periphery, inputs: usize, currents: &[f32], weighed: &[f32], y: &mut [f32]) {
    let (drop, load) = (periphery.ir_drop as f32, (inputs as f64 / periphery.ir_drop_g_ratio) as f32);
    for ((y, current), weighed) in y.iter_mut().zip(currents).zip(weighed) {
        let a = current * load;
        *y -= a * (a * (0.05 * a - 0.2) + 0.5) * drop * weighed;
    }
}
