// y[m] = x[p[m]]: samples of `sample` values.

// p as integers, one thread each; -1 for what is not a sample.
extern "C" __global__ void batch_reindex_pick(int n, int samples, In p, OutInt picked, Refusal r) {
    int m = blockIdx.x * blockDim.x + threadIdx.x;
    if (m < n) picked[m] = index_of(r, m, p[m], samples);
}

// One thread per value of y.
extern "C" __global__ void batch_reindex_forward(int n, int sample, InInt picked, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int from = picked[i / sample];
    y[i] = from < 0 ? NAN : x[from * sample + i % sample];
}

// dx[n] is the sum of dy over all m with p[m] = n. Several m may name one n, so each value of dx looks for its own.
extern "C" __global__ void batch_reindex_backward(int n, int sample, int picks, InInt picked, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float sum = 0;
    for (int m = 0; m < picks; m++)
        if (picked[m] == i / sample) sum += dy[m * sample + i % sample];
    dx[i] = sum;
}
