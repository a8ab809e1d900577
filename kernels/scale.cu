// y = s x + b, with s and b spread over x, one thread per value: x[o, k, i] meets s[k] and b[k].

// y = s x; and dx = s dy.
extern "C" __global__ void scale_multiply(int n, int count, int inner, In x, In s, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = s[i / inner % count] * x[i];
}

extern "C" __global__ void scale_forward_with_bias(int n, int count, int inner, In x, In s, In b, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        int k = i / inner % count;
        y[i] = s[k] * x[i] + b[k];
    }
}
