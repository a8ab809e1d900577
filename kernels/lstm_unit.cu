// Step t of an LSTM, of those in the buffers; one thread for each of its n values of c and h, `size` per sequence. A
// sequence's gates are i, f, o and g, `size` values each. `first` holds c before step 0.

// sigma(t) = 1 / (1 + e^-t), written so that nothing overflows.
__device__ inline float sigmoid(float t) { return 0.5f * tanhf(0.5f * t) + 0.5f; }

// c = f c' + i g, h = o tanh(c). `gates` holds the gates before the nonlinearity, and then after it.
extern "C" __global__ void lstm_unit_forward(int n, int size, int t, In cont, In first, Out gates, Out c, Out h) {
    int j = blockIdx.x * blockDim.x + threadIdx.x, at = t * n + j;
    if (j >= n) return;
    int sequence = at / size;
    Out z = gates + (4 * sequence * size + j % size);
    float i = sigmoid(z[0]), f = sigmoid(z[size]), o = sigmoid(z[2 * size]), g = tanhf(z[3 * size]);
    float before = t == 0 ? first[j] : (float)c[at - n], k = cont[sequence];
    float now = (k == 0 ? 0.0f : k * f * before) + i * g; // a start resets the state, NaN included
    z[0] = i;
    z[size] = f;
    z[2 * size] = o;
    z[3 * size] = g;
    c[at] = now;
    h[at] = o * tanhf(now);
}

// dz of the step; dc becomes the gradient of c'.
extern "C" __global__ void lstm_unit_backward(int n, int size, int t, In cont, In first, In gates, In c, In dh, Out dc,
                                              Out dz) {
    int j = blockIdx.x * blockDim.x + threadIdx.x, at = t * n + j;
    if (j >= n) return;
    int sequence = at / size, first_gate = 4 * sequence * size + j % size;
    In z = gates + first_gate;
    Out d = dz + first_gate;
    float i = z[0], f = z[size], o = z[2 * size], g = z[3 * size];
    float bent = tanhf(c[at]), k = cont[sequence];
    float before = k == 0 ? 0.0f : k * (t == 0 ? first[j] : c[at - n]);
    float sum = dc[j] + dh[j] * o * (1 - bent * bent); // the whole gradient of c
    d[0] = sum * g * i * (1 - i);
    d[size] = sum * before * f * (1 - f);
    d[2 * size] = dh[j] * bent * o * (1 - o);
    d[3 * size] = sum * i * (1 - g * g);
    dc[j] = sum * k * f;
}
