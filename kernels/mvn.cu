// A group is a row of m values, with one block each.

// y = (x - mu) r, with r = 1 / (s + eps), or 1 without the variance.
extern "C" __global__ void mvn_forward(int m, int variance, float eps, In x, Out y, Out r) {
    In x_row = x + blockIdx.x * m;
    Out y_row = y + blockIdx.x * m;
    double sum = 0, squares = 0;
    for (int k = threadIdx.x; k < m; k += blockDim.x) sum += x_row[k];
    double mu = block_sum_double(sum) / m;
    float r_row = 1;
    if (variance) {
        for (int k = threadIdx.x; k < m; k += blockDim.x) squares += (x_row[k] - mu) * (x_row[k] - mu);
        r_row = (float)(1 / (sqrt(block_sum_double(squares) / m) + eps));
    }
    for (int k = threadIdx.x; k < m; k += blockDim.x) y_row[k] = (x_row[k] - (float)mu) * r_row;
    if (threadIdx.x == 0) r[blockIdx.x] = r_row;
}

// dx = r (dy - mean(dy) - y mean(y dy)), without the last term if there is no variance.
extern "C" __global__ void mvn_backward(int m, int variance, In y, In dy, In r, Out dx) {
    In y_row = y + blockIdx.x * m;
    In dy_row = dy + blockIdx.x * m;
    Out dx_row = dx + blockIdx.x * m;
    double sum = 0, dot = 0;
    for (int k = threadIdx.x; k < m; k += blockDim.x) {
        sum += dy_row[k];
        if (variance) dot += (double)y_row[k] * dy_row[k];
    }
    float mean_dy = (float)(block_sum_double(sum) / m), mean_ydy = (float)(block_sum_double(dot) / m);
    for (int k = threadIdx.x; k < m; k += blockDim.x) {
        float d = dy_row[k] - mean_dy;
        dx_row[k] = variance ? r[blockIdx.x] * (d - y_row[k] * mean_ydy) : d;
    }
}
