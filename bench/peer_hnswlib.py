"""hnswlib on the same data as a library, and the exact neighbours. Prints one line of JSON.

    python peer_hnswlib.py ROWS.f32 QUERIES.f32 DIM METRIC TRUTH.i32 M EF_CONSTRUCTION
"""
import json
import os
import sys
import time

import hnswlib
import numpy

rows_file, queries_file, dim, metric, truth_file, m, ef_construction = sys.argv[1:8]
rows = numpy.fromfile(rows_file, dtype="<f4").reshape(-1, int(dim))
queries = numpy.fromfile(queries_file, dtype="<f4").reshape(-1, int(dim))
K = 10


def exact():
    """Indices of the K nearest rows of each query, by squared L2."""
    norms = (rows.astype(numpy.float64) ** 2).sum(axis=1)
    found = numpy.empty((len(queries), K), dtype="<i4")
    for start in range(0, len(queries), 100):
        part = queries[start : start + 100].astype(numpy.float64)
        distances = norms[None, :] - 2 * (part @ rows.T.astype(numpy.float64))
        nearest = numpy.argpartition(distances, K, axis=1)[:, :K]
        found[start : start + 100] = nearest
    return found


if not os.path.exists(truth_file):
    exact().tofile(truth_file)
truth = numpy.fromfile(truth_file, dtype="<i4").reshape(-1, K)


def resident():
    with open("/proc/self/status", encoding="utf8") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


before = resident()
index = hnswlib.Index(space=metric, dim=int(dim))
index.init_index(max_elements=len(rows), M=int(m), ef_construction=int(ef_construction), random_seed=100)
index.set_num_threads(2)
begun = time.time()
index.add_items(rows)
build_seconds = time.time() - begun
memory = resident() - before
index.set_num_threads(1)
points = []
for ef in (10, 16, 24, 32, 48, 64, 96, 128, 192, 256):
    index.set_ef(ef)
    cpu, begun = time.process_time(), time.time()
    labels = numpy.vstack([index.knn_query(query, k=K)[0] for query in queries])
    seconds, cpu = time.time() - begun, time.process_time() - cpu
    recall = numpy.mean([len(set(a) & set(b)) / K for a, b in zip(labels, truth)])
    points.append({"ef": ef, "recall": float(recall), "qps": len(queries) / seconds, "cpuMs": 1000 * cpu / len(queries)})
    if recall > 0.995:
        break
print(json.dumps({"buildSeconds": build_seconds, "memoryMb": memory, "points": points}))
