// L = 1/D Σ (ln(1 + e^-|x|) + max(x, 0) - t x), and dx = dL (y - t) / D with y the sigmoid of x.

extern "C" __global__ void sigmoid_cross_entropy_loss_forward(int n, float ignore_label, In x, In t, Out partial) {
    double sum = 0;
    int number = 0;
    for (int i = FIRST; i < n; i += STEP) {
        if (ignores(ignore_label, t[i])) continue;
        sum += log1pf(expf(-fabsf(x[i]))) + (x[i] > 0 ? x[i] - t[i] * x[i] : -t[i] * x[i]);
        number++;
    }
    leave(sum, number, partial);
}

extern "C" __global__ void sigmoid_cross_entropy_loss_backward(int n, float ignore_label, In x, In t, In dL, In D,
                                                               Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float y = 0.5f * tanhf(0.5f * x[i]) + 0.5f;
    dx[i] = ignores(ignore_label, t[i]) ? 0.0f : dL[0] / D[0] * (y - t[i]);
}
