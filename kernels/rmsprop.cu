// The step of RMSProp. s: rho, delta. h: h.
__device__ float step(float w, float dw, float lr, In s, float *h) {
    h[0] = s[0] * h[0] + (1.0f - s[0]) * dw * dw;
    return lr * dw / (sqrtf(h[0]) + s[1]);
}
