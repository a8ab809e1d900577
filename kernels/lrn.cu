// Local response normalisation: y = x * scale^(-beta), scale = k + alpha / n * the sum of x^2 over n neighbours.
//
// The neighbours of a value are a box around it: a number of channels, rows and columns to either side. Across channels
// it is one row and column wide, within a channel one channel deep. There is one thread per value; neighbouring threads
// read neighbouring values.

// The part of the box around a value that is inside the image, which begins at value `image`.
struct Box {
    int image, height, width;
    int channel, channel_end, row, row_end, column, column_end;
};

__device__ inline Box box_around(int i, int channels, int height, int width, int deep, int wide) {
    int c = i / (height * width) % channels, h = i / width % height, w = i % width;
    return {i - (c * height + h) * width - w, height, width,
            max(c - deep, 0), min(c + deep + 1, channels),
            max(h - wide, 0), min(h + wide + 1, height),
            max(w - wide, 0), min(w + wide + 1, width)};
}

// scale^(-beta). The usual beta = 3/4 needs only square roots.
__device__ inline float power(float scale, float beta) {
    return beta == 0.75f ? 1 / (sqrtf(scale) * sqrtf(sqrtf(scale))) : powf(scale, -beta);
}

// The sum of value(j) over the box, row by row.
template <class Value> __device__ inline float sum_over(Box box, Value value) {
    float sum = 0;
    for (int c = box.channel; c < box.channel_end; c++) {
        for (int h = box.row; h < box.row_end; h++) {
            float of_row = 0;
            int row = box.image + (c * box.height + h) * box.width;
            for (int w = box.column; w < box.column_end; w++) of_row += value(row + w);
            sum += of_row;
        }
    }
    return sum;
}

// a is alpha / n.
extern "C" __global__ void lrn_forward(int n, int channels, int height, int width, int deep, int wide, float k, float a,
                                       float beta, In x, Out scale, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    Box box = box_around(i, channels, height, width, deep, wide);
    float s = k + a * sum_over(box, [&](int j) { return x[j] * x[j]; });
    scale[i] = s;
    y[i] = x[i] * power(s, beta);
}

// dx = dy * scale^(-beta) - a x * the sum of dy * y / scale, where a is 2 alpha beta / n.
extern "C" __global__ void lrn_backward(int n, int channels, int height, int width, int deep, int wide, float a,
                                        float beta, In x, In y, In scale, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    Box box = box_around(i, channels, height, width, deep, wide);
    float sum = sum_over(box, [&](int j) { return dy[j] * y[j] / scale[j]; });
    dx[i] = dy[i] * power(scale[i], beta) - a * x[i] * sum;
}
