// What a convolution needs besides its products (kernels/im2col.cu): the bias, and sums over images. db is a sum from
// kernels/spread.cu.

// y[n][k][o] += b[k]
extern "C" __global__ void bias_forward(int n, int outputs, int outs, In b, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] += b[i / outs % outputs];
}

// dw[i] += the sum of each image's dw, in order.
extern "C" __global__ void sum_images(int n, int images, In of_image, Out dw) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float sum = 0;
    for (int image = 0; image < images; image++) sum += of_image[image * n + i];
    dw[i] += sum;
}

// turned[k][n][o] = dy[n][k][o]: a matrix with a row for each output. dy begins at its value `start`.
extern "C" __global__ void turn(int n, int images, int outputs, int outs, int start, In dy, Out turned) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int k = i / outs / images, image = i / outs % images, o = i % outs;
    turned[i] = dy[start + (image * outputs + k) * outs + o];
}
