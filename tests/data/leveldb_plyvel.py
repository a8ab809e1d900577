"""Makes LevelDB databases by the C++ library, by way of plyvel.

leveldb_plyvel.py small OUT: the two of tests/data/leveldb: images in a table and a log, some changed and some deleted.
leveldb_plyvel.py read OUT: reads the database OUT/ours, forward, backward and by key, then changes it.
leveldb_plyvel.py many OUT: large ones of all kinds, each with its entries as the library reads them, in NAME.entries.
"""
import os
import random
import struct
import sys

import plyvel

mode, out = sys.argv[1:]


def datum(i, label):
    """A Datum of 1 x 4 x 4: channels, height, width, data and label."""
    return bytes([8, 1, 16, 4, 24, 4, 34, 16]) + bytes([i] * 16) + bytes([40, label])


def small(name, compression):
    """Images 0 to 19: of the first session, some are changed and one more is deleted in the second."""
    def options():
        return dict(name=os.path.join(out, name), compression=compression)
    with plyvel.DB(create_if_missing=True, **options()) as db:
        for i in range(12):
            db.put(b"%08d" % i, datum(i if i % 5 else 99, i % 10))
        db.put(b"00000003x", b"deleted later")
    with plyvel.DB(**options()) as db:
        db.delete(b"00000003x")
        for i in (0, 5, 10):
            db.put(b"%08d" % i, datum(i, i % 10))
        for i in range(12, 20):
            db.put(b"%08d" % i, datum(i, i % 10))
        db.delete(b"never there")


def write_entries(name, db):
    with open(os.path.join(out, name + ".entries"), "wb") as f:
        for key, value in db:
            f.write(struct.pack("<II", len(key), len(value)) + key + value)


def value(r):
    n = r.choice([0, 1, 10, 300, 3073, 3073, 50_000, 100_000]) if r.random() < 0.04 else r.randrange(600)
    return r.randbytes(n) if r.random() < 0.5 else bytes([r.randrange(256)]) * n


def many(name, seed, sessions, batch, **options):
    """Puts, overwrites and deletes at random, in several sessions; the last one leaves a log."""
    r = random.Random(seed)
    for session in range(sessions):
        db = plyvel.DB(os.path.join(out, name), create_if_missing=True, **options)
        for _ in range(2000 // batch):
            with db.write_batch() as w:
                for _ in range(batch):
                    key = b"%08d_n%02d" % (r.randrange(1500), r.randrange(3)) + b"k" * r.choice([0, 0, 0, 300])
                    w.delete(key) if r.random() < 0.2 else w.put(key, value(r))
        if session == sessions - 1:
            write_entries(name, db)
            levels = [int(db.get_property(b"leveldb.num-files-at-level%d" % i)) for i in range(7)]
            print(name, levels)
        db.close()
        if session == sessions // 2 and sessions > 4:
            plyvel.repair_db(os.path.join(out, name))


if mode == "small":
    small("snappy", "snappy")
    small("plain", None)
elif mode == "read":
    with plyvel.DB(os.path.join(out, "ours"), paranoid_checks=True) as db:
        entries = list(db.iterator(verify_checksums=True))
        assert entries == list(db.iterator(reverse=True))[::-1]
        assert all(db.get(key) == value for key, value in entries)
        write_entries("ours", db)
        db.delete(entries[0][0])
        db.put(b"~", b"new")
        db.compact_range()
else:
    few = dict(write_buffer_size=1 << 16, max_file_size=1 << 20)
    many("one_log", 1, 1, 1)
    many("one_log_in_long_batches", 2, 1, 1000)
    many("levels_snappy", 3, 3, 1, **few)
    many("levels_plain", 4, 3, 10, compression=None, **few)
    many("caffe", 5, 2, 1000, block_size=65536, write_buffer_size=268435456)
    many("filter", 6, 3, 1, bloom_filter_bits=10, block_restart_interval=1, block_size=500, **few)
    many("long_restarts", 7, 3, 1, block_restart_interval=200, block_size=40000, **few)
    many("repaired", 8, 5, 1, **few)
    db = plyvel.DB(os.path.join(out, "deleted"), create_if_missing=True)
    for i in range(1000):
        db.put(b"%d" % i, b"x" * 100)
    for i in range(1, 1000):
        db.delete(b"%d" % i)
    db.compact_range()
    db.put(b"", b"the empty key")
    db.put(b"\xff\x00", bytes(40_000))
    write_entries("deleted", db)
    db.close()
