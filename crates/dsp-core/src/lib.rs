//! Resistive crossbars, stochastic pulses and symmetric-point tracking, without Python.
//!
//! Data flows one way: [`config`] -> [`device`] (population) -> [`array`] -> ([`pulse`] trains -> coincidences -> cells)
//! -> [`periphery`] (reads) -> [`algorithm`] -> [`ledger`]; [`layer`] puts
//! tiles together. Nothing below knows what is above it.
//!
//! Results are bit-identical for every number of threads and every instruction-set level; CONTRIBUTING.md lists the
//! rules that keep them so.
#![deny(unsafe_code)]
#![allow(clippy::inline_always, reason = "kernel bodies must be inlined into the clone of each level")]

pub mod algorithm;
pub mod array;
pub mod calibration;
pub mod config;
pub mod device;
pub mod error;
pub mod filter;
pub mod layer;
pub mod ledger;
pub mod par;
pub mod periphery;
pub mod pulse;
#[cfg(test)]
mod reference;
pub mod rng;
#[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "calls into target-feature clones; see the module"))]
pub mod simd;
pub mod snapshot;
pub mod vectors;

pub use error::{Error, Result};
