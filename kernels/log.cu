// y = ln(shift + scale x) / ln_base, one thread per value.

extern "C" __global__ void log_forward(int n, float ln_base, float scale, float shift, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = logf(shift + scale * x[i]) / ln_base;
}

extern "C" __global__ void log_backward(int n, float ln_base, float scale, float shift, In x, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) dx[i] = dy[i] * scale / ((shift + scale * x[i]) * ln_base);
}
