//! Times of the kernels on one thread: `make bench`, which then prints rates and their shares of the limits.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dsp_core::simd::Isa;

mod cases;

fn kernels(criterion: &mut Criterion) {
    let isa = Isa::current().expect("a level of this machine");
    let scale = cases::Scale { rows: 512, cols: 512, batch: 64, draws: 1 << 20, pulses: 100 };
    let mut group = criterion.benchmark_group(isa.name());
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for mut case in cases::cases(scale, isa) {
        group.throughput(Throughput::Elements(case.elements));
        group.bench_function(format!("{} ({})", case.name, case.unit), |bencher| bencher.iter(&mut case.run));
    }
    group.finish();
}

criterion_group!(benches, kernels);
criterion_main!(benches);
