// What losses share: labels, and the sum over all terms.
//
// A sum takes two launches. Each block of the loss's own kernel adds up the terms of its threads in double, and leaves
// their sum, as a float, and their number; then one block adds those up in double. The order is always the same.

// A thread's first term, and the distance from one of its terms to the next.
#define FIRST (blockIdx.x * blockDim.x + threadIdx.x)
#define STEP (gridDim.x * blockDim.x)

// Whether a label is ignored: its fraction is cut off. With `ignore_label` NaN every label counts.
__device__ inline bool ignores(float ignore_label, float label) { return truncf(label) == ignore_label; }

// A probability, kept large enough for a logarithm; a NaN stays a NaN.
__device__ inline float bounded(float p) { return p < 1e-20f ? 1e-20f : p; }

// Leaves what the threads of a block have added up. All of them must call it.
__device__ inline void leave(double sum, int number, Out partial) {
    sum = block_sum_double(sum);
    double all = block_sum_double(number);
    if (threadIdx.x == 0) {
        partial[2 * blockIdx.x] = sum;
        partial[2 * blockIdx.x + 1] = all;
    }
}

// L = sum / D, in one block. If the given D is 0, D is the number of terms, at least 1.
extern "C" __global__ void loss_total(int blocks, float given, In partial, Out D, Out L) {
    double sum = 0, number = 0;
    for (int b = threadIdx.x; b < blocks; b += blockDim.x) {
        sum += partial[2 * b];
        number += partial[2 * b + 1];
    }
    sum = block_sum_double(sum);
    number = block_sum_double(number);
    if (threadIdx.x == 0) {
        float divisor = given > 0 ? given : number > 1 ? number : 1;
        D[0] = divisor;
        L[0] = sum / divisor;
    }
}
