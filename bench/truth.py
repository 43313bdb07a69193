"""Exact neighbours of the queries, of all rows and of those that filters keep. One argument: a VectorSet (sets.ts) as JSON with `k`, `work` and `kthFile`.

Candidates come from a matrix product in 32 bits, their order from squared distances in 64 bits.
"""
import json
import sys

import numpy

task = json.loads(sys.argv[1])
K, CANDIDATES, BLOCK = task["k"], 64, 100
queries = numpy.fromfile(task["queriesFile"], dtype="u1" if task["kind"] == "binary" else "<f4").reshape(task["queryCount"], -1)
rows = numpy.memmap(task["rowsFile"], dtype=queries.dtype, mode="r").reshape(task["rowCount"], -1)


def kept_rows(work):
    if work.get("labels") is None:
        return None
    return numpy.flatnonzero(numpy.fromfile(work["labels"], dtype="u1") < work["below"])


def float_blocks():
    """For each block of queries: its first query, and a function from kept rows to (nearest, distances)."""
    matrix = numpy.asarray(rows)
    norms = numpy.einsum("ij,ij->i", matrix, matrix)
    for start in range(0, len(queries), BLOCK):
        part = queries[start : start + BLOCK]
        distances = norms[None, :] - 2 * (part @ matrix.T)

        def nearest(kept, part=part, distances=distances):
            among = distances if kept is None else distances[:, kept]
            count = min(CANDIDATES, among.shape[1] - 1)
            found = numpy.argpartition(among, count, axis=1)[:, :count]
            found = found if kept is None else kept[found]
            exact = ((matrix[found].astype("f8") - part[:, None, :].astype("f8")) ** 2).sum(axis=2)
            order = numpy.argsort(exact, axis=1, kind="stable")[:, :K]
            return numpy.take_along_axis(found, order, axis=1), numpy.take_along_axis(exact, order, axis=1)

        yield start, nearest


def binary_blocks():
    import faiss

    def nearest(kept):
        index = faiss.IndexBinaryFlat(task["dim"])
        index.add(numpy.ascontiguousarray(rows if kept is None else rows[kept]))
        distances, found = index.search(queries, K)
        return (found if kept is None else kept[found]), distances

    yield 0, nearest


masks = [kept_rows(work) for work in task["work"]]
found = [numpy.empty((len(queries), K), dtype="<i4") for _ in masks]
kth = numpy.empty(len(queries), dtype="<f4")
for start, nearest in binary_blocks() if task["kind"] == "binary" else float_blocks():
    for at, kept in enumerate(masks):
        ids, distances = nearest(kept)
        found[at][start : start + len(ids)] = ids
        if kept is None:
            kth[start : start + len(ids)] = distances[:, K - 1]
for work, ids in zip(task["work"], found):
    ids.tofile(work["file"])
kth.tofile(task["kthFile"])
