// L = -1/N Σᵢ ln y[i, lᵢ], and dy[i, lᵢ] = -dL / (N y[i, lᵢ]), 0 elsewhere. Value k is of class k % n and of sample k / n.

extern "C" __global__ void multinomial_loss_forward(int samples, int n, In y, In label, Refusal r, Out partial) {
    double sum = 0;
    int number = 0;
    for (int i = FIRST; i < samples; i += STEP) {
        int l = index_of(r, i, label[i], n);
        if (l < 0) continue;
        sum -= logf(bounded(y[i * n + l]));
        number++;
    }
    leave(sum, number, partial);
}

// One thread a value.
extern "C" __global__ void multinomial_loss_backward(int count, int n, int samples, In y, In label, In dL, Refusal r,
                                                     Out dy) {
    int k = blockIdx.x * blockDim.x + threadIdx.x;
    if (k >= count) return;
    int l = index_of(r, k / n, label[k / n], n);
    dy[k] = k % n == l ? -(dL[0] / samples) / bounded(y[k]) : 0.0f;
}
