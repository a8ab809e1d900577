// y = 1 / (1 + e^-x), one thread per value.

// As a tanh, which never overflows.
__device__ inline float sigmoid(float x) { return 0.5f * tanhf(0.5f * x) + 0.5f; }

extern "C" __global__ void sigmoid_forward(int n, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = sigmoid(x[i]);
}

extern "C" __global__ void sigmoid_backward(int n, In y, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) dx[i] = dy[i] * y[i] * (1 - y[i]);
}
