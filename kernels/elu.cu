// y = x where x > 0, and alpha (e^x - 1) elsewhere, one thread per value.

extern "C" __global__ void elu_forward(int n, float alpha, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = x[i] > 0 ? x[i] : alpha * expm1f(x[i]);
}

extern "C" __global__ void elu_backward(int n, float alpha, In x, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) dx[i] = x[i] > 0 ? dy[i] : dy[i] * alpha * expf(x[i]);
}
