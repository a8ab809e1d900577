//! Random numbers as a function, not a state.
//!
//! Number `i` of a stream depends on the seed, the name of its user (a layer, a filler), the pass and `i`, and on
//! nothing else: not on how many threads run, on which device, or on what was drawn before. So a resumed run continues
//! bit for bit with three integers in the snapshot. The function is Philox4x32-10 (Salmon et al., "Parallel random
//! numbers: as easy as 1, 2, 3", SC 2011): ten rounds of multiplying and swapping scramble a 128-bit counter.
//!
//! ```
//! use cortado::random::Random;
//! let mut x = [0.0; 5];
//! Random::new(7, "ip1", 0).uniform(0.0, 1.0, &mut x);
//! assert_eq!(x[3], Random::new(7, "ip1", 0).unit(3)); // any element alone, in any order
//! ```

use crate::device::{Cpu, cpu::PIECE};

/// One stream of random numbers: a seed, a name and a pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Random {
    key: [u32; 2],
    /// The upper three words of the counter; the lowest counts blocks of four numbers.
    stream: [u32; 3],
}

impl Random {
    /// The stream of `name` in the given pass (a net's forward number, a data set's epoch).
    pub fn new(seed: u64, name: &str, pass: u64) -> Random {
        let name = fnv1a(name);
        Random { key: [seed as u32, (seed >> 32) as u32], stream: [pass as u32, name as u32, (name >> 32) as u32] }
    }

    /// The lower and upper half of the name's hash, for a kernel's `random_unit`. Seed and pass are on the
    /// [dial](crate::device::Gpu::dial).
    pub fn name(&self) -> [i32; 2] {
        [self.stream[1] as i32, self.stream[2] as i32]
    }

    /// Numbers `4 * i .. 4 * i + 4` of the stream.
    pub fn block(&self, i: u32) -> [u32; 4] {
        philox([i, self.stream[0], self.stream[1], self.stream[2]], self.key)
    }

    /// Number `i` of the stream: 32 random bits.
    pub fn bits(&self, i: usize) -> u32 {
        self.block((i / 4) as u32)[i % 4]
    }

    /// Number `i` as a uniform value in [0, 1).
    pub fn unit(&self, i: usize) -> f32 {
        unit(self.bits(i))
    }

    /// Number `i` as an integer in 0..n.
    pub fn below(&self, i: usize, n: usize) -> usize {
        below(self.bits(i), n)
    }

    /// Calls `visit` with each of the first `n` numbers' bits, in order.
    pub fn each(&self, n: usize, visit: impl FnMut(usize, u32)) {
        self.each_from(0, n, visit);
    }

    /// Calls `visit` with `i` and the bits of number `start + i`, for each `i` below `n`; `start` is a multiple of 4.
    fn each_from(&self, start: usize, n: usize, mut visit: impl FnMut(usize, u32)) {
        for b in 0..n.div_ceil(4) {
            let bits = self.block((start / 4 + b) as u32);
            for (lane, &bits) in bits.iter().enumerate().take(n - 4 * b) {
                visit(4 * b + lane, bits);
            }
        }
    }

    /// Fills `x` with uniform values in [lo, hi).
    pub fn uniform(&self, lo: f32, hi: f32, x: &mut [f32]) {
        self.uniform_from(0, lo, hi, x);
    }

    /// The values from `start` on of those that [`uniform`](Random::uniform) draws; `start` is a multiple of 4.
    fn uniform_from(&self, start: usize, lo: f32, hi: f32, x: &mut [f32]) {
        self.each_from(start, x.len(), |i, bits| x[i] = lo + (hi - lo) * unit(bits));
    }

    /// Fills `x` with normal values, two at a time by Box and Muller's formula.
    pub fn gaussian(&self, mean: f32, std: f32, x: &mut [f32]) {
        self.gaussian_from(0, mean, std, x);
    }

    /// The values from `start` on of those that [`gaussian`](Random::gaussian) draws; `start` is a multiple of 4.
    fn gaussian_from(&self, start: usize, mean: f32, std: f32, x: &mut [f32]) {
        let pairs = x.len().div_ceil(2) * 2;
        let mut u = 0.0;
        self.each_from(start, pairs, |i, bits| {
            if i % 2 == 0 {
                u = 1.0 - unit(bits) as f64; // in (0, 1], so that the logarithm is finite
            } else {
                let (r, angle) = ((-2.0 * u.ln()).sqrt(), std::f64::consts::TAU * unit(bits) as f64);
                x[i - 1] = mean + std * (r * angle.cos()) as f32;
                if let Some(x) = x.get_mut(i) {
                    *x = mean + std * (r * angle.sin()) as f32;
                }
            }
        });
    }

    /// A permutation of 0..n (Fisher and Yates's shuffle).
    pub fn permutation(&self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        self.each(n, |i, bits| {
            let last = n - 1 - i;
            order.swap(last, below(bits, last + 1));
        });
        order
    }
}

/// Random numbers, and the threads that draw them: each number is a function of its index alone.
pub struct Draw<'a>(pub &'a Random, pub &'a Cpu);

impl Draw<'_> {
    /// As [`Random::uniform`].
    pub fn uniform(&self, lo: f32, hi: f32, x: &mut [f32]) {
        self.1.pieces(x, PIECE, |start, x| self.0.uniform_from(start, lo, hi, x));
    }

    /// As [`Random::gaussian`].
    pub fn gaussian(&self, mean: f32, std: f32, x: &mut [f32]) {
        self.1.pieces(x, PIECE, |start, x| self.0.gaussian_from(start, mean, std, x));
    }
}

/// The upper 24 bits as a value in [0, 1): each is an f32 exactly.
pub fn unit(bits: u32) -> f32 {
    (bits >> 8) as f32 * (1.0 / (1 << 24) as f32)
}

/// The bits as an integer in 0..n, each equally likely but for a part in 2^32 / n.
pub fn below(bits: u32, n: usize) -> usize {
    ((bits as u64 * n as u64) >> 32) as usize
}

/// Philox4x32 with ten rounds.
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let [c0, c1, c2, c3] = counter;
        let p0 = c0 as u64 * 0xD251_1F53;
        let p1 = c2 as u64 * 0xCD9E_8D57;
        counter = [(p1 >> 32) as u32 ^ c1 ^ key[0], p1 as u32, (p0 >> 32) as u32 ^ c3 ^ key[1], p0 as u32];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
}

/// The 64-bit FNV-1a hash of a text.
pub(crate) const fn fnv1a(text: &str) -> u64 {
    let (text, mut hash, mut i) = (text.as_bytes(), 0xcbf2_9ce4_8422_2325, 0);
    while i < text.len() {
        hash = (hash ^ text[i] as u64).wrapping_mul(0x0100_0000_01b3);
        i += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers published with the Random123 library.
    #[test]
    fn philox_gives_the_published_answers() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
        assert_eq!(philox([u32::MAX; 4], [u32::MAX; 2]), [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
        let counter = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344];
        assert_eq!(philox(counter, [0xa4093822, 0x299f31d0]), [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]);
    }

    #[test]
    fn moments_are_those_of_the_distribution() {
        let (r, mut x) = (Random::new(1, "x", 0), vec![0.0f32; 100_001]);
        let moments = |x: &[f32]| {
            let n = x.len() as f64;
            let mean = x.iter().map(|&x| x as f64).sum::<f64>() / n;
            (mean, x.iter().map(|&x| (x as f64 - mean).powi(2)).sum::<f64>() / n)
        };
        r.uniform(-1.0, 3.0, &mut x);
        let (mean, var) = moments(&x);
        assert!((mean - 1.0).abs() < 0.02 && (var - 16.0 / 12.0).abs() < 0.02, "{mean} {var}");
        r.gaussian(2.0, 3.0, &mut x);
        let (mean, var) = moments(&x);
        assert!((mean - 2.0).abs() < 0.04 && (var - 9.0).abs() < 0.15, "{mean} {var}");
    }

    #[test]
    fn a_permutation_holds_each_index_once() {
        let order = Random::new(3, "data", 1).permutation(1000);
        let mut sorted = order.clone();
        sorted.sort();
        assert_eq!(sorted, (0..1000).collect::<Vec<u32>>());
        assert_ne!(order, sorted);
        assert_ne!(order, Random::new(3, "data", 2).permutation(1000));
        assert_eq!(Random::new(3, "data", 1).permutation(0), Vec::<u32>::new());
    }
}
