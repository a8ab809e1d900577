// Each row of the whole has a part of `len` values, from `start` on: a copy, one thread per value of the part.

extern "C" __global__ void parts_join(int n, int row, int start, int len, In part, Out whole) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) whole[i / len * row + start + i % len] = part[i];
}

extern "C" __global__ void parts_cut(int n, int row, int start, int len, In whole, Out part) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) part[i] = whole[i / len * row + start + i % len];
}
