// Where the k largest of each group's n values are: the largest first, the last of equals first, a NaN before all.

// The largest number of threads in a block.
#define THREADS 256

__device__ inline bool before(float x, int i, float other, int j) {
    bool nan = x != x, other_nan = other != other;
    if (nan != other_nan) return nan;
    return nan || x == other ? i > j : x > other;
}

// A block takes a group, whose values are `inner` apart. In each of k rounds it looks for the first value after the one
// found in the previous round: each thread among its own values, then in pairs. A group has `parts` times k results;
// the places go to part `place_part`, the values to `value_part`, unless that is -1. The threads are a power of two.
extern "C" __global__ void arg_max_forward(int n, int inner, int k, int parts, int place_part, int value_part, In xs, Out ys) {
    __shared__ float best[THREADS];
    __shared__ int best_at[THREADS];
    int group = blockIdx.x, t = threadIdx.x;
    In x = xs + (group / inner * n * inner + group % inner);
    Out y = ys + (group / inner * parts * k * inner + group % inner);
    float found = NAN;
    int found_at = n; // before all others
    for (int rank = 0; rank < k; rank++) {
        float top = -INFINITY;
        int top_at = -1; // after all others
        for (int i = t; i < n; i += blockDim.x) {
            float v = x[i * inner];
            if (before(found, found_at, v, i) && before(v, i, top, top_at)) {
                top = v;
                top_at = i;
            }
        }
        __syncthreads(); // the previous round has been read
        best[t] = top;
        best_at[t] = top_at;
        for (int half = blockDim.x / 2; half > 0; half /= 2) {
            __syncthreads();
            if (t < half && before(best[t + half], best_at[t + half], best[t], best_at[t])) {
                best[t] = best[t + half];
                best_at[t] = best_at[t + half];
            }
        }
        __syncthreads();
        found = best[0];
        found_at = best_at[0];
        if (t == 0 && place_part >= 0) y[(place_part * k + rank) * inner] = found_at;
        if (t == 0 && value_part >= 0) y[(value_part * k + rank) * inner] = found;
    }
}
