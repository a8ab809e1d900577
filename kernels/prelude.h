// The text before every kernel: the types of its parameters, random numbers, indices, block sums.
//
// A kernel is CUDA C. Its parameters are int, float and
//
//   In x        values that it reads           x[i]
//   Out y       values that it writes          y[i] = ..; it may also read them
//   InInt j     integers that it reads
//   OutInt j    integers that it writes
//   Many w      a table of buffers             w[p][i]
//   Refusal r   a place to complain            refuse(r, i, value)
//
// On a card these are plain pointers. In the emulator (kernels/emulator.h) they know their length and who touched what.

#ifndef CORTADO_EMULATOR
typedef const float *__restrict__ In;
typedef float *__restrict__ Out;
typedef const int *__restrict__ InInt;
typedef int *__restrict__ OutInt;
typedef float *const *__restrict__ Many;
typedef int *Refusal;

#define INFINITY __int_as_float(0x7f800000)
#define NAN __int_as_float(0x7fffffff)
#define FLT_MAX 3.402823466e+38f

// Leaves the first complaint for the host: where, and about which value. Word 0 is 1 while it is being written, 2 after.
// It is the host's memory, so who comes later only reads it. The host hears of it after the next updates are asked for:
// a refusing kernel also writes NaN into what it computes, and so no update moves a weight.
__device__ inline void refuse(Refusal r, int index, float value) {
    if (*(volatile int *)r == 0 && atomicCAS(r, 0, 1) == 0) {
        r[1] = index;
        r[2] = __float_as_int(value);
        __threadfence_system();
        atomicExch(r, 2);
    }
}
#endif

// Number i of a name's stream (src/random.rs): Philox4x32-10 of a counter made of i / 4, the pass and the name's hash.
// dial holds the seed's lower and upper half and the pass.
__device__ inline unsigned random_bits(InInt dial, int name_low, int name_high, int i) {
    unsigned c0 = (unsigned)i / 4, c1 = dial[2], c2 = name_low, c3 = name_high;
    unsigned k0 = dial[0], k1 = dial[1];
    for (int round = 0; round < 10; round++) {
        unsigned long long p0 = 0xD2511F53ull * c0, p1 = 0xCD9E8D57ull * c2;
        c0 = (unsigned)(p1 >> 32) ^ c1 ^ k0;
        c1 = (unsigned)p1;
        c2 = (unsigned)(p0 >> 32) ^ c3 ^ k1;
        c3 = (unsigned)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    int lane = i % 4;
    return lane == 0 ? c0 : lane == 1 ? c1 : lane == 2 ? c2 : c3;
}

// The same as a value in [0, 1): the upper 24 bits, each of which an f32 holds exactly.
__device__ inline float random_unit(InInt dial, int name_low, int name_high, int i) {
    return (random_bits(dial, name_low, name_high, i) >> 8) * (1.0f / (1 << 24));
}

// The index in 0..n that a value stands for, its fraction cut off; if there is none, -1 and a complaint about value i: what the
// caller computes of it is NaN then.
__device__ inline int index_of(Refusal r, int i, float value, int n) {
    if (value > -1 && value < 2147483648.0f && (int)value < n) return (int)value;
    refuse(r, i, value); // also for a NaN
    return -1;
}

template <class T> __device__ inline T sum_of_block(T v) {
    __shared__ T of_warp[32];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = (blockDim.x + 31) / 32;
    for (int d = 16; d > 0; d /= 2) {
        T other = __shfl_down_sync(0xffffffffu, v, d);
        if (lane + d < 32 && threadIdx.x + d < blockDim.x) v += other;
    }
    __syncthreads(); // an earlier sum has been read
    if (lane == 0) of_warp[warp] = v;
    __syncthreads();
    T sum = 0;
    for (int w = 0; w < warps; w++) sum += of_warp[w];
    return sum;
}

// The sum of v over the threads of a block, a row of at most 1024; every thread gets it. Always in the same order: first
// within each warp of 32 threads by shuffles, then over the warps' sums. All threads of the block must call it.
__device__ inline float block_sum(float v) { return sum_of_block(v); }

// The same in double, where the CPU sums in f64: many values, or large ones that cancel.
__device__ inline double block_sum_double(double v) { return sum_of_block(v); }

// The largest v of a block's threads, in the same way.
__device__ inline float block_max(float v) {
    __shared__ float of_warp[32];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = (blockDim.x + 31) / 32;
    for (int d = 16; d > 0; d /= 2) {
        float other = __shfl_down_sync(0xffffffffu, v, d);
        if (lane + d < 32 && threadIdx.x + d < blockDim.x) v = fmaxf(v, other);
    }
    __syncthreads();
    if (lane == 0) of_warp[warp] = v;
    __syncthreads();
    float most = of_warp[0];
    for (int w = 1; w < warps; w++) most = fmaxf(most, of_warp[w]);
    return most;
}
