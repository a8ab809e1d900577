// sum += dx, what one level of the pyramid sends back: one thread a value.

extern "C" __global__ void spp_add(int n, In dx, Out sum) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) sum[i] += dx[i];
}
