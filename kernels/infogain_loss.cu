// L = -1/D Σᵢ Σ_c H[lᵢ, c] ln y[i, c] and dx[i, c] = dL/D (y[i, c] Σ_k H[lᵢ, k] - H[lᵢ, c]). Value k belongs to class
// k / inner % n and to label k / inner / n * inner + k % inner.

extern "C" __global__ void infogain_loss_forward(int count, int n, int inner, float ignore_label, In y, In label, In H,
                                                 In row, Refusal r, Out partial) {
    double sum = 0;
    int number = 0;
    for (int k = FIRST; k < count; k += STEP) {
        int c = k / inner % n, i = k / inner / n * inner + k % inner;
        if (ignores(ignore_label, label[i])) continue;
        int l = index_of(r, i, label[i], n);
        sum -= l < 0 ? NAN : H[l * n + c] * logf(bounded(y[k]));
        if (c == 0) number++;
    }
    leave(sum, number, partial);
}

// Σ_k H[l, k], one block per row: what backward needs of H.
extern "C" __global__ void infogain_loss_rows(int n, In H, Out row) {
    float sum = 0;
    for (int k = threadIdx.x; k < n; k += blockDim.x) sum += H[blockIdx.x * n + k];
    sum = block_sum(sum);
    if (threadIdx.x == 0) row[blockIdx.x] = sum;
}

// One thread per value.
extern "C" __global__ void infogain_loss_backward(int count, int n, int inner, float ignore_label, In y, In label, In H,
                                                  In row, Refusal r, In dL, In D, Out dx) {
    int k = blockIdx.x * blockDim.x + threadIdx.x;
    if (k >= count) return;
    int c = k / inner % n, i = k / inner / n * inner + k % inner;
    int l = ignores(ignore_label, label[i]) ? n : index_of(r, i, label[i], n);
    dx[k] = l == n ? 0 : l < 0 ? NAN : dL[0] / D[0] * (y[k] * row[l] - H[l * n + c]);
}
