// Sample n of x becomes sample place[n] of y, or is dropped where place[n] is -1. One thread per value of x.

extern "C" __global__ void filter_forward(int n, int sample, InInt place, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int to = place[i / sample];
    if (to >= 0) y[to * sample + i % sample] = x[i];
}

extern "C" __global__ void filter_backward(int n, int sample, InInt place, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int to = place[i / sample];
    dx[i] = to < 0 ? 0.0f : dy[to * sample + i % sample];
}
