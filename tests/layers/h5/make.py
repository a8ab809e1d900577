"""Makes the files beside it with h5py: make.py FOLDER."""
import sys
import h5py
import numpy as np

folder = sys.argv[1]


def write(name, **arrays):
    with h5py.File(f"{folder}/{name}.h5", "w") as f:
        for key, (values, how) in arrays.items():
            f.create_dataset(key, data=values, **how)


def count(start, *shape):
    return np.arange(start, start + int(np.prod(shape))).reshape(shape)


packed = dict(chunks=True, compression="gzip", shuffle=True)
# Big-endian, compressed, and each array of another type.
write("a", x=(count(0, 3, 2, 2).astype(">f8") / 2, packed), label=(count(10, 3), {}), byte=(count(250, 3, 1).astype("u1"), {}))
write("b", x=(count(12, 2, 2, 2).astype("<f4") / 2, {}), label=(count(13, 2).astype(">i2"), packed), byte=(count(0, 2, 1).astype("i1"), {}))
write("wide", x=(count(0, 2, 3).astype("f4"), {}), label=(count(0, 2), {}))
write("short", x=(count(0, 3, 2, 2).astype("f4"), {}), label=(count(0, 2), {}))
write("single", x=(np.float32(3), {}), label=(count(0, 2), {}))
write("words", x=(np.array([b"one", b"two"]), {}), label=(count(0, 2), {}))
