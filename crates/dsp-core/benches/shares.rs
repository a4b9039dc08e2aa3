//! Pulses per second as a share of the rate of normals: `make bench`.
//!
//! A pulse with noise needs a normal, so pulse by pulse nothing can be faster than the normals alone. Both are timed in
//! turns, so that whatever else the machine does meets both.

use std::io::{Result, Write, stdout};
use std::time::Instant;

use dsp_core::simd::Isa;

use cases::Case;

mod cases;

/// Turns of each kernel with the normals.
const TURNS: usize = 15;
/// Seconds of a turn, at least.
const SLICE: f64 = 0.02;

/// Elements a second.
fn rate(case: &mut Case) -> f64 {
    let start = Instant::now();
    let mut elements = 0;
    loop {
        (case.run)();
        elements += case.elements;
        let seconds = start.elapsed().as_secs_f64();
        if seconds > SLICE {
            return elements as f64 / seconds;
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<()> {
    let isa = Isa::current().expect("a level of this machine");
    let (mut normals, others): (Vec<Case>, Vec<Case>) =
        cases::kernels(cases::TABLE, isa).into_iter().partition(|case| case.name == "normals");
    let mut out = stdout().lock();
    writeln!(out, "one thread, level {}, medians of {TURNS} turns\n", isa.name())?;
    writeln!(out, "| pulse by pulse | pulses, G/s | normals, G/s | share |\n| --- | ---: | ---: | ---: |")?;
    let noisy = |case: &Case| case.name.contains("_pulse_") && !case.name.ends_with("_quiet");
    for mut case in others.into_iter().filter(noisy) {
        let (mut pulses, mut draws, mut shares) = (vec![], vec![], vec![]);
        for turn in 0..=TURNS {
            let (of_pulses, of_normals) = (rate(&mut case), rate(&mut normals[0]));
            // The first turn warms up.
            if turn > 0 {
                pulses.push(of_pulses / 1e9);
                draws.push(of_normals / 1e9);
                shares.push(of_pulses / of_normals);
            }
        }
        let (pulses, draws, share) = (median(pulses), median(draws), 100.0 * median(shares));
        writeln!(out, "| {} | {pulses:.3} | {draws:.3} | {share:.0} % |", case.name)?;
    }
    Ok(())
}
