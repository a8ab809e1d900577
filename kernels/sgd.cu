// The step of SGD. s: mu. h: v.
__device__ float step(float w, float dw, float lr, In s, float *h) {
    return h[0] = s[0] * h[0] + lr * dw;
}
