// y = max(0, x) + nu min(0, x), one thread per value.

extern "C" __global__ void relu_forward(int n, float nu, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = x[i] > 0 ? x[i] : nu * x[i] + 0.0f; // + 0 turns -0 into 0
}

extern "C" __global__ void relu_backward(int n, float nu, In x, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) dx[i] = x[i] > 0 ? dy[i] : nu * dy[i];
}
