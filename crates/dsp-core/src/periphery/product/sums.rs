//! The sums of products: strips times scalars, as many at a time as there are registers for.

use std::marker::PhantomData;
use std::ops::Range;

use crate::par::stop::checkpoint;
use crate::simd::{Isa, Kernel, LANES};

/// Sixteen numbers side by side: of a panel, or sums.
pub type Strip = [f32; LANES];

/// Rows of scalars, `stride` numbers apart.
#[derive(Clone, Copy)]
pub struct Scalars<'a> {
    pub values: &'a [f32],
    pub stride: usize,
    pub rows: usize,
}

/// Panels of `depth` strips each, and the rows of scalars that each of them meets: strip `k` of a panel belongs to the
/// `k`-th number in `runs` of a row.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    pub panels: &'a [Strip],
    pub runs: &'a [Range<usize>],
    pub depth: usize,
    pub scalars: Scalars<'a>,
}

/// The sums of every panel with every row of scalars, panel by panel, in the beginning of `sums`.
pub fn add_up<'s>(isa: Isa, block: Block<'_>, sums: &'s mut [Strip]) -> &'s [Strip] {
    checkpoint();
    let sums = &mut sums[..block.panels.len() / block.depth * block.scalars.rows];
    sums.fill([0.0; LANES]);
    // As many sums at a time as there are registers for, of 4, 8 and 16 numbers.
    match isa {
        Isa::Base => isa.run(AddUp::<Quarters> { block, sums, most: 2, lanes: PhantomData }),
        Isa::V3 => isa.run(AddUp::<Halves> { block, sums, most: 6, lanes: PhantomData }),
        Isa::V4 => isa.run(AddUp::<Whole> { block, sums, most: 6, lanes: PhantomData }),
    }
    sums
}

/// A strip in registers, passed by value: an array updated in place might live in memory.
pub trait Lanes: Copy {
    fn load(strip: &Strip) -> Self;
    fn store(self, strip: &mut Strip);
    /// `self + a * b` lane by lane, rounded twice: fused multiply-add would give other bits where there is none.
    fn add_product(self, a: Self, b: f32) -> Self;
}

/// A strip as so many registers of `$width` numbers: left to itself the compiler may take wider ones than there are, and
/// move their halves in and out of memory.
macro_rules! lanes {
    ($name:ident $width:literal: $($part:ident $start:literal),+) => {
        #[derive(Clone, Copy)]
        pub struct $name { $($part: [f32; $width]),+ }

        impl Lanes for $name {
            #[inline(always)]
            fn load(strip: &Strip) -> Self {
                $(let mut $part = [0.0; $width];
                for lane in 0..$width {
                    $part[lane] = strip[$start + lane];
                })+
                Self { $($part),+ }
            }

            #[inline(always)]
            fn store(self, strip: &mut Strip) {
                $(for lane in 0..$width {
                    strip[$start + lane] = self.$part[lane];
                })+
            }

            #[inline(always)]
            fn add_product(self, a: Self, b: f32) -> Self {
                $(let mut $part = [0.0; $width];
                for lane in 0..$width {
                    $part[lane] = self.$part[lane] + a.$part[lane] * b;
                })+
                Self { $($part),+ }
            }
        }
    };
}

lanes!(Quarters 4: a 0, b 4, c 8, d 12);
lanes!(Halves 8: a 0, b 8);
lanes!(Whole 16: a 0);

/// [`add_up`], at most `most` rows of scalars at a time.
struct AddUp<'a, L> {
    block: Block<'a>,
    sums: &'a mut [Strip],
    most: usize,
    lanes: PhantomData<L>,
}

impl<L: Lanes> Kernel for AddUp<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { block: Block { panels, runs, depth, scalars }, sums, most, .. } = self;
        let mut start = 0;
        for run in runs {
            for (panel, sums) in panels.chunks_exact(depth).zip(sums.chunks_exact_mut(scalars.rows)) {
                let panel = &panel[start..start + run.len()];
                let mut at = 0;
                macro_rules! groups_of {
                    ($($size:literal)*) => { $(
                        while $size <= most && scalars.rows - at >= $size {
                            let rows = &scalars.values[at * scalars.stride + run.start..];
                            Group::<$size>::add::<L>(panel, rows, scalars.stride, &mut sums[at..at + $size]);
                            at += $size;
                        }
                    )* };
                }
                groups_of!(6 4 2 1);
            }
            start += run.len();
        }
    }
}

/// `Group<R>::add` adds the products of a stretch with `R` rows of scalars to their sums.
struct Group<const R: usize>;

/// One function per size of group: its sums are separate variables, since an array of them may be left in memory.
macro_rules! group {
    ($size:literal: $($sum:ident $row:ident $r:literal),+) => {
        impl Group<$size> {
            #[inline(always)]
            fn add<L: Lanes>(panel: &[Strip], rows: &[f32], stride: usize, sums: &mut [Strip]) {
                $(let mut $sum = L::load(&sums[$r]);
                let $row = &rows[$r * stride..][..panel.len()];)+
                for k in 0..panel.len() {
                    let strip = L::load(&panel[k]);
                    $($sum = $sum.add_product(strip, $row[k]);)+
                }
                $($sum.store(&mut sums[$r]);)+
            }
        }
    };
}

group!(1: a p 0);
group!(2: a p 0, b q 1);
group!(4: a p 0, b q 1, c r 2, d s 3);
group!(6: a p 0, b q 1, c r 2, d s 3, e t 4, f u 5);
