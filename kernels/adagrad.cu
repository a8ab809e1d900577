// The step of AdaGrad. s: delta. h: h.
__device__ float step(float w, float dw, float lr, In s, float *h) {
    h[0] += dw * dw;
    return lr * dw / (sqrtf(h[0]) + s[0]);
}
