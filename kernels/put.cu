// Writes the first n of eight words to the front of a buffer; one thread. The words are arguments of the launch.

extern "C" __global__ void put(int n, int w0, int w1, int w2, int w3, int w4, int w5, int w6, int w7, OutInt y) {
    if (n > 0) y[0] = w0;
    if (n > 1) y[1] = w1;
    if (n > 2) y[2] = w2;
    if (n > 3) y[3] = w3;
    if (n > 4) y[4] = w4;
    if (n > 5) y[5] = w5;
    if (n > 6) y[6] = w6;
    if (n > 7) y[7] = w7;
}
