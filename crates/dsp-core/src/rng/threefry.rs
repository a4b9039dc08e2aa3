//! Threefry4x32: add, rotate and xor on a 128-bit counter under a 128-bit key.
//!
//! Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC11), report that 12 rounds pass
//! the whole of BigCrush; 13 rounds are the smallest number above it with published known answers, and what kernels use.

/// Rounds used by the streams.
pub const ROUNDS: usize = 13;

const PARITY: u32 = 0x1bd1_1bda;
/// Rotation distances of the rounds, with period 8, for the two halves of the state.
const ROTATIONS: [(u32, u32); 8] = [(10, 26), (11, 21), (13, 27), (23, 5), (6, 20), (17, 11), (25, 10), (18, 20)];

/// The block function with `R` rounds (at most 20).
#[inline(always)]
#[must_use]
pub fn threefry<const R: usize>(key: [u32; 4], counter: [u32; 4]) -> [u32; 4] {
    let schedule = [key[0], key[1], key[2], key[3], PARITY ^ key[0] ^ key[1] ^ key[2] ^ key[3]];
    let mut x = [
        counter[0].wrapping_add(key[0]),
        counter[1].wrapping_add(key[1]),
        counter[2].wrapping_add(key[2]),
        counter[3].wrapping_add(key[3]),
    ];
    // Unrolled by a macro: as a `while` loop over a rotation table the rounds stay scalar and cost ten times as much.
    macro_rules! rounds {
        ($($round:literal)*) => { $(
            if $round < R {
                let (a, b) = const { ROTATIONS[$round % 8] };
                let (i, j) = const { if $round % 2 == 0 { (1, 3) } else { (3, 1) } };
                x[0] = x[0].wrapping_add(x[i]);
                x[i] = x[i].rotate_left(a) ^ x[0];
                x[2] = x[2].wrapping_add(x[j]);
                x[j] = x[j].rotate_left(b) ^ x[2];
                if $round % 4 == 3 {
                    const INJECTION: usize = $round / 4 + 1;
                    x[0] = x[0].wrapping_add(schedule[INJECTION % 5]);
                    x[1] = x[1].wrapping_add(schedule[(INJECTION + 1) % 5]);
                    x[2] = x[2].wrapping_add(schedule[(INJECTION + 2) % 5]);
                    x[3] = x[3].wrapping_add(schedule[(INJECTION + 3) % 5]).wrapping_add(INJECTION as u32);
                }
            }
        )* };
    }
    rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19);
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers published with Random123, one `threefry4x32 rounds counter key result` a line.
    const VECTORS: &str = include_str!("../../tests/data/threefry4x32.txt");

    #[test]
    fn known_answers() {
        let mut lines = 0;
        for line in VECTORS.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let words: Vec<u32> = fields[2..].iter().map(|w| u32::from_str_radix(w, 16).unwrap()).collect();
            let (counter, key, expected) = (&words[..4], &words[4..8], &words[8..]);
            let (counter, key) = (counter.try_into().unwrap(), key.try_into().unwrap());
            let result = match fields[1] {
                "13" => threefry::<13>(key, counter),
                "20" => threefry::<20>(key, counter),
                other => panic!("no such number of rounds: {other}"),
            };
            assert_eq!(result, expected, "{line}");
            lines += 1;
        }
        assert_eq!(lines, 6);
    }
}
