// y = x clamped to min..max, one thread per value.

extern "C" __global__ void clip_forward(int n, float min, float max, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = x[i] < min ? min : x[i] > max ? max : x[i];
}

extern "C" __global__ void clip_backward(int n, float min, float max, In x, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) dx[i] = min <= x[i] && x[i] <= max ? dy[i] : 0;
}
