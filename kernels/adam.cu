// The step of Adam. s: beta1, beta2, delta, c. h: m, v.
__device__ float step(float w, float dw, float lr, In s, float *h) {
    h[0] = s[0] * h[0] + (1.0f - s[0]) * dw;
    h[1] = s[1] * h[1] + (1.0f - s[1]) * dw * dw;
    return lr * s[3] * h[0] / (sqrtf(h[1]) + s[2]);
}
