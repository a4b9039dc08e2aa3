//! Prefetching: a hint to the memory system, without any effect on results.

/// Asks for the cache line that holds `values[index]`; does nothing where there is no such element.
///
/// A sparse update touches cells all over an array; without the hint each waits for the last-level cache in turn.
#[inline(always)]
pub fn prefetch<T>(values: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(value) = values.get(index) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: SSE belongs to the target's baseline, and a prefetch of any address neither reads nor faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, index);
}
