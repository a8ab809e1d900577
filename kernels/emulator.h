// What a kernel sees when it runs on the CPU, and how the host calls it. The emulator (src/device/emulator.rs) puts
// this text before a CUDA C source and a CORTADO_EXPORT line for each of its kernels after it.
//
// The threads of a grid run one after another, so there are no barriers and no shared memory. A buffer knows its
// length: an access outside ends the launch with a message that names the kernel, the buffer, the thread and the
// index.

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

namespace {

struct dim3 { unsigned x, y, z; };
thread_local dim3 gridDim, blockDim, blockIdx, threadIdx;

inline int min(int a, int b) { return b < a ? b : a; }
inline int max(int a, int b) { return a < b ? b : a; }
inline float min(float a, float b) { return std::fmin(a, b); }
inline float max(float a, float b) { return std::fmax(a, b); }

struct OutOfBounds { int argument; size_t length; long long index; };

// A parameter that is an array: `In x` is read, `Out y` is also written.
template <class T> struct Buffer {
    T *data;
    size_t length;
    int argument;

    T &operator[](long long i) const {
        if (i < 0 || (size_t)i >= length) throw OutOfBounds{argument, length, i};
        return data[i];
    }
};
using In = Buffer<const float>;
using Out = Buffer<float>;

// One argument as the host passes it; its parameter's type says which part counts.
struct Argument {
    int integer;
    float number;
    float *data;
    size_t length;
};

// A parameter's type: its letter in the signature, and how it is made of an argument.
template <class T> struct Parameter {
    static_assert(sizeof(T) == 0, "a kernel's parameters are int, float, In and Out");
};
template <> struct Parameter<int> {
    static constexpr char letter = 'i';
    static int make(const Argument &a, int) { return a.integer; }
};
template <> struct Parameter<float> {
    static constexpr char letter = 'f';
    static float make(const Argument &a, int) { return a.number; }
};
template <> struct Parameter<In> {
    static constexpr char letter = 'I';
    static In make(const Argument &a, int i) { return {a.data, a.length, i}; }
};
template <> struct Parameter<Out> {
    static constexpr char letter = 'O';
    static Out make(const Argument &a, int i) { return {a.data, a.length, i}; }
};

// The letters of a kernel's parameters.
template <class... T> const char *signature(void (*)(T...)) {
    static const char letters[] = {Parameter<T>::letter..., '\0'};
    return letters;
}

// A point of a grid of one, two or three axes.
void print(char *text, size_t size, dim3 size_of, dim3 at, bool plane) {
    if (size_of.z > 1) snprintf(text, size, "(%u,%u,%u)", at.x, at.y, at.z);
    else if (plane || size_of.y > 1) snprintf(text, size, "(%u,%u)", at.x, at.y);
    else snprintf(text, size, "%u", at.x);
}

template <class Visit> void each(dim3 size, dim3 &at, Visit visit) {
    for (at.z = 0; at.z < size.z; at.z++)
        for (at.y = 0; at.y < size.y; at.y++)
            for (at.x = 0; at.x < size.x; at.x++) visit();
}

// Runs a kernel on every thread of every block. Returns 0, or 1 with a message.
template <class... T, size_t... I>
int launch(const char *name, void (*kernel)(T...), std::index_sequence<I...>, const Argument *a, const dim3 *grid,
           const dim3 *block, char *message, size_t size) {
    (void)a; // a kernel without parameters
    gridDim = *grid;
    blockDim = *block;
    try {
        each(gridDim, blockIdx, [&] { each(blockDim, threadIdx, [&] { kernel(Parameter<T>::make(a[I], I)...); }); });
        return 0;
    } catch (const OutOfBounds &e) {
        char at_thread[64], at_block[64];
        print(at_thread, sizeof at_thread, blockDim, threadIdx, true);
        print(at_block, sizeof at_block, gridDim, blockIdx, false);
        snprintf(message, size, "kernel %s: buffer %d has %zu elements, thread %s of block %s used index %lld", name,
                 e.argument, e.length, at_thread, at_block, e.index);
        return 1;
    }
}

template <class... T> std::index_sequence_for<T...> indices(void (*)(T...)) { return {}; }

} // namespace

#define CORTADO_EXPORT(kernel)                                                                                         \
    extern "C" __attribute__((visibility("default"))) const char *cortado_signature_##kernel() {                       \
        return signature(kernel);                                                                                      \
    }                                                                                                                  \
    extern "C" __attribute__((visibility("default"))) int cortado_launch_##kernel(                                     \
        const Argument *a, const dim3 *grid, const dim3 *block, char *message, size_t size) {                          \
        return launch(#kernel, kernel, indices(kernel), a, grid, block, message, size);                                \
    }
