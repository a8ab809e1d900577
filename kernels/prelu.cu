// y = max(0, x) + a min(0, x), with a slope a for each channel k, or for all.

// One thread per value.
extern "C" __global__ void prelu_forward(int n, int count, int inner, In x, In a, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = x[i] > 0 ? x[i] : a[i / inner % count] * x[i];
}

extern "C" __global__ void prelu_backward(int n, int count, int inner, In x, In a, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) dx[i] = x[i] > 0 ? dy[i] : a[i / inner % count] * dy[i];
}

// da[k] = the sum of dy x over the channel's non-positive x, split into shares as in kernels/spread.cu.
extern "C" __global__ void prelu_backward_a(int outer, int count, int inner, int shares, int add, In dy, In x, Out da) {
    Share own = share_of(outer * inner, shares);
    float sum = 0;
    for (int j = own.first + threadIdx.x; j < own.end; j += blockDim.x) {
        int at = (j / inner * count + own.k) * inner + j % inner;
        if (!(x[at] > 0)) sum += dy[at] * x[at];
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) da[blockIdx.x] = add ? da[blockIdx.x] + sum : sum;
}
