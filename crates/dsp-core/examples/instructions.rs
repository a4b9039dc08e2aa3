//! Runs one kernel a number of times, for `benches/instructions.py` to count instructions.
//!
//!     instructions              prints the names of the kernels
//!     instructions NAME COUNT   runs that kernel COUNT times

use std::io::Write;
use std::process::ExitCode;

use dsp_core::simd::Isa;

#[path = "../benches/cases.rs"]
mod cases;

fn main() -> ExitCode {
    let isa = Isa::current().expect("a level of this machine");
    let scale = cases::Scale { rows: 96, cols: 112, batch: 8, draws: 1 << 14, pulses: 20 };
    let mut all = cases::cases(scale, isa);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() {
        let names: Vec<&str> = all.iter().map(|case| case.name).collect();
        return match writeln!(std::io::stdout(), "{}", names.join("\n")) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    let count = arguments.get(1).and_then(|text| text.parse::<u32>().ok());
    match (all.iter_mut().find(|case| case.name == arguments[0]), count) {
        (Some(case), Some(count)) => {
            for _ in 0..count {
                (case.run)();
            }
            ExitCode::SUCCESS
        }
        _ => ExitCode::FAILURE,
    }
}
