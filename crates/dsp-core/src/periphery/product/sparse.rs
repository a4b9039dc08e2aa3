//! The backward product of errors that are mostly zero, such as those behind a pooling: only terms that are not zero are
//! added, in the same order. A sum is the same without its zero terms: it starts at +0, and so is never -0.

use std::marker::PhantomData;
use std::ops::Range;

use super::ROWS;
use super::sums::{Halves, Lanes, Quarters, Strip, Whole};
use crate::par::stop::checkpoint;
use crate::simd::{Isa, Kernel, LANES};

/// Columns below which terms, added one after the other, would wait for each other.
const FEWEST_COLUMNS: usize = 4 * LANES;
/// A term costs more here, where nothing is laid out for it: one of so many, at most, may not be zero.
const SHARE: usize = 3;

/// Whether the product of `d` with `cols` columns is faster by single terms.
pub fn pays(d: &[f32], cols: usize) -> bool {
    // Minus zero, which counts as a term here, is none.
    cols >= FEWEST_COLUMNS && SHARE * d.iter().filter(|v| v.to_bits() != 0).count() <= d.len()
}

/// `y = d W` for `d` (batch, rows) and these columns of `w` (rows, cols), into `y` (batch, columns).
pub fn backward(isa: Isa, w: &[f32], cols: usize, columns: Range<usize>, d: &[f32], y: &mut [f32]) {
    let vectors = d.chunks(w.len() / cols * ROWS).zip(y.chunks_mut(columns.len() * ROWS));
    vectors.for_each(|(d, y)| of_block(isa, w, cols, columns.clone(), d, y));
}

/// The same for a block of vectors.
fn of_block(isa: Isa, w: &[f32], cols: usize, columns: Range<usize>, d: &[f32], y: &mut [f32]) {
    checkpoint();
    let rows = w.len() / cols;
    let mut terms = vec![Term::default(); d.len()];
    let mut ends = Vec::with_capacity(d.len() / rows);
    let mut count = 0;
    for d in d.chunks_exact(rows) {
        for (row, value) in d.iter().enumerate() {
            // Without a branch, which would be taken at random.
            terms[count] = Term { start: row * cols + columns.start, value: *value };
            count += usize::from(*value != 0.0);
        }
        ends.push(count);
    }
    let width = columns.len();
    match isa {
        Isa::Base => isa.run(Add::<Quarters> { w, width, terms: &terms, ends: &ends, most: 2, y, lanes: PhantomData }),
        Isa::V3 => isa.run(Add::<Halves> { w, width, terms: &terms, ends: &ends, most: 4, y, lanes: PhantomData }),
        Isa::V4 => isa.run(Add::<Whole> { w, width, terms: &terms, ends: &ends, most: 8, y, lanes: PhantomData }),
    }
}

/// A number that is not zero, and where in `w` the columns that it meets begin.
#[derive(Clone, Copy, Default)]
struct Term {
    start: usize,
    value: f32,
}

/// Adds up the terms of every vector, `most` strips of its sums at a time.
struct Add<'a, L> {
    w: &'a [f32],
    width: usize,
    terms: &'a [Term],
    /// Where the terms of every vector end.
    ends: &'a [usize],
    most: usize,
    y: &'a mut [f32],
    lanes: PhantomData<L>,
}

impl<L: Lanes> Kernel for Add<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { w, width, terms, ends, most, y, .. } = self;
        let mut column = 0;
        macro_rules! groups_of {
            ($($size:literal)*) => { $(
                while $size <= most && width - column >= $size * LANES {
                    let mut start = 0;
                    for (end, y) in ends.iter().zip(y.chunks_exact_mut(width)) {
                        let sums = y[column..][..$size * LANES].as_chunks_mut().0;
                        Group::<$size>::add::<L>(w, column, &terms[start..*end], sums);
                        start = *end;
                    }
                    column += $size * LANES;
                }
            )* };
        }
        groups_of!(8 4 2 1);
        let mut start = 0;
        for (end, y) in ends.iter().zip(y.chunks_exact_mut(width)) {
            for (at, y) in y.iter_mut().enumerate().skip(column) {
                *y = 0.0;
                for term in &terms[start..*end] {
                    *y += w[term.start + at] * term.value;
                }
            }
            start = *end;
        }
    }
}

/// `Group<S>::add` adds up terms for `S` strips of columns, from number `column` on.
struct Group<const S: usize>;

/// One function per size of group: its sums are separate variables, since an array of them may be left in memory.
macro_rules! group {
    ($size:literal: $($sum:ident $s:literal),+) => {
        impl Group<$size> {
            #[inline(always)]
            fn add<L: Lanes>(w: &[f32], column: usize, terms: &[Term], sums: &mut [Strip]) {
                $(let mut $sum = L::load(&[0.0; LANES]);)+
                for term in terms {
                    let strips = w[term.start + column..][..$size * LANES].as_chunks().0;
                    $($sum = $sum.add_product(L::load(&strips[$s]), term.value);)+
                }
                $($sum.store(&mut sums[$s]);)+
            }
        }
    };
}

group!(1: a 0);
group!(2: a 0, b 1);
group!(4: a 0, b 1, c 2, d 3);
group!(8: a 0, b 1, c 2, d 3, e 4, f 5, g 6, h 7);
