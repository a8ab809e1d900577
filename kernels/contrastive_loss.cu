// L = 1/D Σᵢ (s d² + (1 - s) max(0, margin - d)²)/2 with d = |a - b|, and da = dL/D f (a - b), with D = N. A block
// takes a pair, with n values on each side. In double, as on the CPU.

__device__ inline double distance_squared(int n, In a, In b) {
    double sum = 0;
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        double d = a[blockIdx.x * n + i] - b[blockIdx.x * n + i];
        sum += d * d;
    }
    return block_sum_double(sum);
}

// Like a label, s has no fraction.
__device__ inline bool alike(float s) { return truncf(s) != 0; }

// max(0, x); a NaN stays a NaN.
__device__ inline double positive(double x) { return x < 0 ? 0 : x; }

// What each pair costs, for loss_total to add up.
extern "C" __global__ void contrastive_loss_forward(int n, float margin, int legacy, In a, In b, In s, Out partial) {
    double d2 = distance_squared(n, a, b), apart = positive(margin - (legacy ? d2 : sqrt(d2)));
    double cost = alike(s[blockIdx.x]) ? d2 : legacy ? apart : apart * apart;
    leave(threadIdx.x == 0 ? cost / 2 : 0, threadIdx.x == 0, partial);
}

// `sign` is 1 for da, and -1 for db.
extern "C" __global__ void contrastive_loss_backward(int n, float margin, int legacy, In a, In b, In s, float sign,
                                                     In dL, In D, Out da) {
    double d2 = distance_squared(n, a, b), d = sqrt(d2);
    double f = alike(s[blockIdx.x]) ? 1 : legacy ? (d2 < margin ? -1 : 0) : -positive(margin - d) / (d + 1e-4);
    float scale = sign * dL[0] / D[0] * (float)f;
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        int k = blockIdx.x * n + i;
        da[k] = scale * (a[k] - b[k]);
    }
}
