// y = x + b, with b spread over x, one thread per value: x[o, k, i] meets b[k].

extern "C" __global__ void bias_forward(int n, int count, int inner, In x, In b, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = x[i] + b[i / inner % count];
}
