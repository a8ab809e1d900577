// sum += dx, the gradient from one level of the pyramid, one thread per value.

extern "C" __global__ void spp_add(int n, In dx, Out sum) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) sum[i] += dx[i];
}
