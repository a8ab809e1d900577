// y = m x, with m = 0 where number i of the layer's stream is below p and `kept` elsewhere, one thread per value.

extern "C" __global__ void dropout_forward(int n, float p, float kept, InInt dial, int name_low, int name_high, In x, Out m,
                                           Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        float mask = random_unit(dial, name_low, name_high, i) < p ? 0 : kept;
        m[i] = mask;
        y[i] = mask * x[i];
    }
}

extern "C" __global__ void dropout_backward(int n, In m, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) dx[i] = m[i] * dy[i];
}
