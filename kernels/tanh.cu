// y = tanh x, one thread per value.

extern "C" __global__ void tanh_forward(int n, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = tanhf(x[i]);
}

extern "C" __global__ void tanh_backward(int n, In y, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) dx[i] = dy[i] * (1 - y[i] * y[i]);
}
