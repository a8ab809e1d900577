// y = x sigmoid(beta x), one thread per value.

__device__ inline float sigmoid(float x) { return 0.5f * tanhf(0.5f * x) + 0.5f; }

extern "C" __global__ void swish_forward(int n, float beta, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = x[i] * sigmoid(beta * x[i]);
}

// dx = dy (s + beta x s (1 - s)), with s = sigmoid(beta x).
extern "C" __global__ void swish_backward(int n, float beta, In x, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        float s = sigmoid(beta * x[i]);
        dx[i] = dy[i] * (s + beta * x[i] * s * (1 - s));
    }
}
