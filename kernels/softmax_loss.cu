// L = -1/D Σᵢ ln y[lᵢ] and dx = dL (y - [c = lᵢ]) / D. Label i belongs to the n values from
// i / inner * n * inner + i % inner on, `inner` apart.

// The smallest normal f32 keeps the logarithm finite; a NaN stays a NaN.
#define SMALLEST 1.17549435e-38f

extern "C" __global__ void softmax_loss_forward(int labels, int n, int inner, float ignore_label, In y, In label,
                                                Refusal r, Out partial) {
    double sum = 0;
    int number = 0;
    for (int i = FIRST; i < labels; i += STEP) {
        if (ignores(ignore_label, label[i])) continue;
        int l = index_of(r, i, label[i], n);
        float p = l < 0 ? NAN : y[(i / inner * n + l) * inner + i % inner];
        sum -= logf(p < SMALLEST ? SMALLEST : p);
        number++;
    }
    leave(sum, number, partial);
}

// One thread per value.
extern "C" __global__ void softmax_loss_backward(int count, int n, int inner, float ignore_label, In y, In label,
                                                 Refusal r, In dL, In D, Out dx) {
    int k = blockIdx.x * blockDim.x + threadIdx.x;
    if (k >= count) return;
    int c = k / inner % n, i = k / inner / n * inner + k % inner;
    float scale = dL[0] / D[0];
    int l = ignores(ignore_label, label[i]) ? n : index_of(r, i, label[i], n);
    dx[k] = l == n ? 0 : l < 0 ? NAN : scale * y[k] - (c == l ? scale : 0.0f);
}
