// dw += dy, one thread per value.

extern "C" __global__ void parameter_backward(int n, In dy, Out dw) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) dw[i] += dy[i];
}
