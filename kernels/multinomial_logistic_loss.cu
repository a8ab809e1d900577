// L = -1/D Σᵢ ln y[i, lᵢ], and dy[i, lᵢ] = -dL / (D y[i, lᵢ]), 0 elsewhere. Value k is of class k % n and sample k / n.

extern "C" __global__ void multinomial_logistic_loss_forward(int samples, int n, In y, In label, Refusal r,
                                                             Out partial) {
    double sum = 0;
    int number = 0;
    for (int i = FIRST; i < samples; i += STEP) {
        int l = index_of(r, i, label[i], n);
        sum -= l < 0 ? NAN : logf(bounded(y[i * n + l]));
        number++;
    }
    leave(sum, number, partial);
}

// One thread per value.
extern "C" __global__ void multinomial_logistic_loss_backward(int count, int n, In y, In label, Refusal r, In dL, In D,
                                                              Out dy) {
    int k = blockIdx.x * blockDim.x + threadIdx.x;
    if (k >= count) return;
    int l = index_of(r, k / n, label[k / n], n);
    dy[k] = l < 0 ? NAN : k % n == l ? -(dL[0] / D[0]) / bounded(y[k]) : 0.0f;
}
