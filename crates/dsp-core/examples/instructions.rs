//! Runs one kernel on little work, for `benches/instructions.py` to count its instructions.
//!
//!     instructions              prints the names of the kernels
//!     instructions NAME         runs that kernel

use std::io::{Error, Result, Write, stdout};

use dsp_core::simd::Isa;

#[path = "../benches/cases/mod.rs"]
mod cases;

/// A run that counts: callgrind collects within this function alone.
#[inline(never)]
fn counted(run: &mut dyn FnMut()) {
    run();
}

fn main() -> Result<()> {
    let isa = Isa::current().map_err(Error::other)?;
    let mut all = cases::kernels(cases::SMALL, isa);
    let Some(name) = std::env::args().nth(1) else {
        return all.iter().try_for_each(|case| writeln!(stdout(), "{}", case.name));
    };
    let case = all.iter_mut().find(|case| case.name == name);
    let case = case.ok_or_else(|| Error::other(format!("no kernel {name}")))?;
    // What is made once, at the first call, does not count.
    (case.run)();
    counted(&mut case.run);
    Ok(())
}
