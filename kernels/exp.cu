// y = e ^ (ln_base (shift + scale x)), one thread per value.

extern "C" __global__ void exp_forward(int n, float ln_base, float scale, float shift, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = expf(ln_base * (shift + scale * x[i]));
}

extern "C" __global__ void exp_backward(int n, float ln_base, float scale, float shift, In y, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) dx[i] = dy[i] * (scale * ln_base) * y[i];
}
