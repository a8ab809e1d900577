// y = 1 where x > t, and 0 elsewhere, one thread per value.

extern "C" __global__ void threshold_forward(int n, float t, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = x[i] > t ? 1 : 0;
}
