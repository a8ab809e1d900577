// y[m] = w[x[m]] + b, rows of n values. db comes from kernels/rows.cu.

// One thread per value. row[m] is x[m] as an index, or -1 if the table has no such row.
extern "C" __global__ void embed_forward(int count, int n, int table, int bias, In x, In w, In b, OutInt row, Out y, Refusal r) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        int m = i / n, j = i % n;
        int at = index_of(r, m, x[m], table);
        if (j == 0) row[m] = at;
        y[i] = at < 0 ? NAN : w[at * n + j] + (bias ? b[j] : 0);
    }
}

// dw[r] += the sum of dy[m] over all m with row[m] = r. A block per m: the first m of a row adds up for all, in order.
extern "C" __global__ void embed_backward_w(int samples, int n, InInt row, In dy, Out dw) {
    int first = blockIdx.x, r = row[first];
    float earlier = 0;
    for (int m = threadIdx.x; m < first; m += blockDim.x) {
        if (row[m] == r) earlier = 1;
    }
    if (block_max(earlier) > 0 || r < 0) return; // the whole block does
    for (int j = threadIdx.x; j < n; j += blockDim.x) {
        float sum = dw[r * n + j];
        for (int m = first; m < samples; m++) {
            if (row[m] == r) sum += dy[m * n + j];
        }
        dw[r * n + j] = sum;
    }
}
