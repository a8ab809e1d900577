"""Reads a file of weights and a state that Cortado wrote, and writes the weights anew: weights_h5py.py IN STATE OUT."""
import sys
import h5py

weights, state, out = sys.argv[1:]
with h5py.File(weights) as f, h5py.File(out, "w") as g:
    assert sorted(f) == ["data"], sorted(f)
    assert f["data/ip/0"].shape == (2, 3) and f["data/ip/0"].dtype == "<f4"
    for i in ("0", "1"):
        # Big-endian, in chunks and compressed: as other programs write.
        g.create_dataset(f"data/ip/{i}", data=f[f"data/ip/{i}"][...] + 1, dtype=">f8", chunks=True, compression="gzip")
with h5py.File(state) as f:
    assert f["iter"][...].tolist() == [4] and f["iter"].dtype == "<i4", f["iter"][...]
    assert f["current_step"][...].tolist() == [0]
    name = f["learned_net"][()].rstrip(b"\0").decode()
    assert f["learned_net"].shape == () and name.endswith("run_iter_4.caffemodel.h5"), name
    assert sorted(f["history"]) == ["0", "1", "2", "3"] and f["history/0"].shape == (2, 3)
