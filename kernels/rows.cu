// Rows of n values with a bias added to each, for InnerProduct, Embed, RNN and LSTM.

// y[m, j] += b[j], one thread per value.
extern "C" __global__ void rows_add(int count, int n, In b, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) y[i] += b[i % n];
}

// db[j] += the sum of dy[m, j] over m. A block of 32 x 32 threads takes 32 columns: each row of threads adds up every
// 32nd row of dy, so that neighbouring threads read neighbouring values, and the first row adds up their sums.
extern "C" __global__ void rows_sum(int rows, int n, In dy, Out db) {
    __shared__ float found[32][32];
    int j = blockIdx.x * 32 + threadIdx.x;
    float sum = 0;
    if (j < n) {
        for (int m = threadIdx.y; m < rows; m += 32) sum += dy[m * n + j];
    }
    found[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && j < n) {
        for (int r = 1; r < 32; r++) sum += found[r][threadIdx.x];
        db[j] += sum;
    }
}
