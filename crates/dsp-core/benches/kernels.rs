//! Times of the kernels on one thread, with their rates: `make bench`.

use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput};
use dsp_core::simd::Isa;

mod cases;

fn main() {
    let isa = Isa::current().expect("a level of this machine");
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group(isa.name());
    group.sampling_mode(SamplingMode::Flat);
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for mut case in cases::limits(cases::TABLE, isa).into_iter().chain(cases::kernels(cases::TABLE, isa)) {
        group.throughput(Throughput::Elements(case.elements));
        group.bench_function(format!("{} ({})", case.name, case.unit), |bencher| bencher.iter(&mut case.run));
    }
    group.finish();
    criterion.final_summary();
}
