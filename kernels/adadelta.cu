// The step of AdaDelta. s: mu, delta. h: g, u.
__device__ float step(float w, float dw, float lr, In s, float *h) {
    h[0] = s[0] * h[0] + (1.0f - s[0]) * dw * dw;
    float step = dw * sqrtf((h[1] + s[1]) / (h[0] + s[1]));
    h[1] = s[0] * h[1] + (1.0f - s[0]) * step * step;
    return lr * step;
}
