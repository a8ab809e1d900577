// L = 1/D Σᵢ Σ_c hᵖ with h = max(0, 1 - t x), and dx = -dL/D t where h > 0, or with p = 2 -dL/D 2 t h. t is 1 at the
// right class of sample i and -1 at the others; value k belongs to class k % n and sample k / n.

// NaN where the label is refused.
__device__ inline float side(int c, int l) { return l < 0 ? NAN : c == l ? 1 : -1; }

__device__ inline float missing(float t, float x) {
    float h = 1 - t * x;
    return h < 0 ? 0 : h; // a NaN stays a NaN
}

extern "C" __global__ void hinge_loss_forward(int count, int n, int p, In x, In label, Refusal r, Out partial) {
    double sum = 0;
    int number = 0;
    for (int k = FIRST; k < count; k += STEP) {
        float t = side(k % n, index_of(r, k / n, label[k / n], n));
        double h = missing(t, x[k]);
        sum += p == 1 ? h : h * h;
        number++;
    }
    leave(sum, number, partial);
}

extern "C" __global__ void hinge_loss_backward(int count, int n, int p, In x, In label, Refusal r, In dL, In D,
                                               Out dx) {
    int k = blockIdx.x * blockDim.x + threadIdx.x;
    if (k >= count) return;
    float t = side(k % n, index_of(r, k / n, label[k / n], n));
    float h = missing(t, x[k]), scale = dL[0] / D[0];
    if (p == 1) dx[k] = h == 0 ? 0 : -scale * t;
    else dx[k] = -scale * 2 * t * h;
}
