"""One library on one data set in one process. One argument: JSON of a VectorSet (sets.ts) with `library`, `m`, `efConstruction`, `efs`, `buildThreads`,
`passes`, `truthFile`, `kthFile`, `k`. Prints one line of JSON: the fields of LibraryCurve (library.ts), or of ExactFigures.

Searches get all queries in one call, on one thread; the best of the passes counts.
"""
import json
import os
import sys
import time

task = json.loads(sys.argv[1])
if task["library"] in ("matrix product", "faiss flat"):
    # OpenBLAS and OpenMP read these when they are loaded.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(task["threads"])

import numpy

K = task["k"]
binary = task["kind"] == "binary"
element = "u1" if binary else "<f4"
rows = numpy.fromfile(task["rowsFile"], dtype=element).reshape(task["rowCount"], -1)
queries = numpy.fromfile(task["queriesFile"], dtype=element).reshape(task["queryCount"], -1)


def resident_mb():
    with open("/proc/self/status", encoding="utf8") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


class Hnswlib:
    def build(self):
        import hnswlib

        self.index = hnswlib.Index(space="l2", dim=task["dim"])
        self.index.init_index(max_elements=len(rows), M=task["m"], ef_construction=task["efConstruction"], random_seed=100)
        self.index.set_num_threads(task["buildThreads"])
        self.index.add_items(rows)

    def single(self):
        self.index.set_num_threads(1)

    def search(self, ef):
        self.index.set_ef(ef)
        labels, distances = self.index.knn_query(queries, k=K)
        return labels, distances


class Faiss:
    def __init__(self, make):
        self.make = make

    def build(self):
        import faiss

        self.faiss = faiss
        faiss.omp_set_num_threads(task["buildThreads"])
        self.index = self.make(faiss)
        if hasattr(self.index, "hnsw"):
            self.index.hnsw.efConstruction = task["efConstruction"]
        if not self.index.is_trained:
            self.index.train(rows)
        self.index.add(rows)

    def single(self):
        self.faiss.omp_set_num_threads(1)

    def search(self, ef):
        if hasattr(self.index, "hnsw"):
            self.index.hnsw.efSearch = ef
        distances, labels = self.index.search(queries, K)
        return labels, distances


class Usearch:
    def __init__(self, dtype):
        self.dtype = dtype

    def build(self):
        from usearch.index import Index

        metric = "hamming" if binary else "l2sq"
        self.index = Index(ndim=task["dim"], metric=metric, dtype=self.dtype, connectivity=task["m"], expansion_add=task["efConstruction"])
        self.index.add(numpy.arange(len(rows)), rows, threads=task["buildThreads"])

    def single(self):
        pass

    def search(self, ef):
        self.index.expansion_search = ef
        found = self.index.search(queries, K, threads=1)
        return found.keys, found.distances


LIBRARIES = {
    "hnswlib": Hnswlib,
    "faiss HNSW": lambda: Faiss(lambda faiss: faiss.IndexHNSWFlat(task["dim"], task["m"])),
    "faiss HNSW-SQ8": lambda: Faiss(lambda faiss: faiss.IndexHNSWSQ(task["dim"], faiss.ScalarQuantizer.QT_8bit, task["m"])),
    "faiss binary HNSW": lambda: Faiss(lambda faiss: faiss.IndexBinaryHNSW(task["dim"], task["m"])),
    "faiss binary flat": lambda: Faiss(lambda faiss: faiss.IndexBinaryFlat(task["dim"])),
    "usearch f32": lambda: Usearch("f32"),
    "usearch bf16": lambda: Usearch("bf16"),
    "usearch b1": lambda: Usearch("b1"),
}


def curve():
    truth = numpy.fromfile(task["truthFile"], dtype="<i4").reshape(-1, K)
    kth = numpy.fromfile(task["kthFile"], dtype="<f4")
    library = LIBRARIES[task["library"]]()
    before, begun, used = resident_mb(), time.time(), time.process_time()
    library.build()
    built, built_cpu, memory = time.time() - begun, time.process_time() - used, resident_mb() - before
    library.single()
    points = []
    # A scan has nothing to sweep.
    for ef in [0] if task["library"].endswith("flat") else task["efs"]:
        best, best_cpu = float("inf"), float("inf")
        for _ in range(task["passes"]):
            begun, cpu = time.perf_counter(), time.process_time()
            labels, distances = library.search(ef)
            best_cpu = min(best_cpu, time.process_time() - cpu)
            best = min(best, time.perf_counter() - begun)
        if binary:
            recall = float((distances <= kth[:, None]).mean())
        else:
            recall = float(numpy.mean([len(set(a) & set(b)) / K for a, b in zip(labels.tolist(), truth.tolist())]))
        points.append({"effort": ef, "recall": recall, "qps": len(queries) / best, "cpuMs": 1000 * best_cpu / len(queries)})
        if recall >= task["recallMax"]:
            break
    return {"buildSeconds": built, "buildCpuSeconds": built_cpu, "memoryMb": memory, "points": points}


def rates(flop, work):
    """GFLOP/s by the least of the passes, by the clock and by the threads' CPU time; one more pass to warm up."""
    work()
    times, cpu = [], []
    for _ in range(task["passes"]):
        begun, used = time.perf_counter(), time.process_time()
        work()
        times.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - used)
    return {"gflops": flop / min(times) / 1e9, "gflopsByCpu": flop * task["threads"] / min(cpu) / 1e9}


def matrix_product():
    """The most GFLOP/s of products in 32 bits: of a large square, and of the queries with part of the rows."""
    square = numpy.random.default_rng(1).standard_normal((3072, 3072), dtype="f4")
    out = numpy.empty_like(square)
    part = numpy.ascontiguousarray(rows[:16384].T)
    scores = numpy.empty((len(queries), part.shape[1]), dtype="f4")
    one = rates(2 * 3072**3, lambda: numpy.matmul(square, square, out=out))
    other = rates(2 * queries.size * part.shape[1], lambda: numpy.matmul(queries, part, out=scores))
    return {key: max(one[key], other[key]) for key in one}


def faiss_flat():
    import faiss

    faiss.omp_set_num_threads(task["threads"])
    index = faiss.IndexFlatL2(task["dim"])
    index.add(rows)
    return rates(2 * queries.size * len(rows), lambda: index.search(queries, K))


exact = {"matrix product": matrix_product, "faiss flat": faiss_flat}
print(json.dumps(exact.get(task["library"], curve)()))
