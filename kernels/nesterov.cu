// The step of Nesterov. s: mu. h: v.
__device__ float step(float w, float dw, float lr, In s, float *h) {
    float before = h[0];
    h[0] = s[0] * before + lr * dw;
    return (1.0f + s[0]) * h[0] - s[0] * before;
}
