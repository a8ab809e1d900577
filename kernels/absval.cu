// y = |x|, one thread per value.

extern "C" __global__ void absval_forward(int n, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = fabsf(x[i]);
}

extern "C" __global__ void absval_backward(int n, In x, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) dx[i] = x[i] > 0 ? dy[i] : x[i] < 0 ? -dy[i] : 0;
}
