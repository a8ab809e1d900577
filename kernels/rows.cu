// Rows of n values: what becomes of a bias that is added to each. InnerProduct has it, Embed, RNN and LSTM.

// y[m, j] += b[j], one thread a value.
extern "C" __global__ void rows_add(int count, int n, In b, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) y[i] += b[i % n];
}

// db[j] += the sum of dy[m, j] over m. A block of 32 x 32 threads has 32 columns: each of its rows of threads adds up every
// 32nd row of dy, so that neighbours read neighbours, and the first row adds up what they found.
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
