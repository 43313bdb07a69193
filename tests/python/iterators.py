"""Iterators of pymilvus see exactly one moment while rows are upserted, deleted and inserted, flushed and compacted beside them."""
import os
import threading

from pymilvus import DataType, MilvusClient

client = MilvusClient(uri=os.environ["ELANUS_URI"])
NAME = "one_moment"
GROUPS = 6
ROWS = 200

schema = client.create_schema(auto_id=False)
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("vector", DataType.FLOAT_VECTOR, dim=4)
schema.add_field("grp", DataType.INT64)
schema.add_field("version", DataType.INT64)
index = client.prepare_index_params()
index.add_index("vector", index_type="FLAT", metric_type="L2")
client.create_collection(NAME, schema=schema, index_params=index)


def keys(group):
    """The groups lie among each other, so that every page has rows of all."""
    return [n * GROUPS + group for n in range(ROWS)]


def rows(group, version):
    return [
        {"id": key, "vector": [key % 37, key % 11, version % 5, 1], "grp": group, "version": version}
        for key in keys(group)
    ]


# One writer: group after group gets the next version. So a moment is a place in the row of these steps, and any mixture of two moments shows.
written = [0] * GROUPS
for group in range(GROUPS):
    client.insert(NAME, rows(group, 0))
stop = threading.Event()
failures = []


def write():
    writer = MilvusClient(uri=os.environ["ELANUS_URI"])
    try:
        version = 0
        while not stop.is_set():
            version += 1
            for group in range(GROUPS):
                if group % 2 == 0:
                    writer.upsert(NAME, rows(group, version))
                else:
                    # Between these two the group is not there at all.
                    writer.delete(NAME, ids=keys(group))
                    writer.insert(NAME, rows(group, version))
                written[group] = version
            if version % 3 == 0:
                writer.flush(NAME)
            if version % 4 == 0:
                writer.compact(NAME)
    except Exception as error:  # noqa: BLE001
        failures.append(error)


def check(seen, before, label):
    by_group = {}
    ids = [row["id"] for row in seen]
    assert len(ids) == len(set(ids)), f"{label}: a row came twice"
    for row in seen:
        by_group.setdefault(row["grp"], []).append(row)
    versions = []
    for group in range(GROUPS):
        members = by_group.get(group, [])
        found = {row["version"] for row in members}
        if not members:
            assert group % 2 == 1, f"{label}: group {group} is missing"
            versions.append(None)
            continue
        assert len(found) == 1, f"{label}: group {group} has versions {found}"
        assert sorted(row["id"] for row in members) == keys(group), f"{label}: group {group} has {len(members)} rows"
        version = found.pop()
        assert version >= before[group], f"{label}: group {group} is older than what was acknowledged before"
        versions.append(version)
    # Falling by at most one over the groups, with at most one group that is not there.
    there = [version for version in versions if version is not None]
    assert len(there) >= GROUPS - 1, f"{label}: {versions}"
    assert there == sorted(there, reverse=True) and there[0] - there[-1] <= 1, f"{label}: {versions}"


def read_all(iterator):
    seen = []
    while True:
        page = iterator.next()
        if not page:
            iterator.close()
            return seen
        seen.extend(page)


def query_rows(**options):
    iterator = client.query_iterator(NAME, filter="id >= 0", output_fields=["grp", "version"], batch_size=97, **options)
    return read_all(iterator)


def search_rows(iterator):
    return [{**hit["entity"], "id": hit["id"]} for hit in read_all(iterator)]


def new_search():
    return client.search_iterator(
        NAME,
        data=[[3, 4, 1, 1]],
        batch_size=101,
        anns_field="vector",
        search_params={"metric_type": "L2"},
        output_fields=["grp", "version"],
    )


thread = threading.Thread(target=write)
thread.start()
try:
    for turn in range(6):
        before = list(written)
        check(query_rows(), before, f"query {turn}")
        before = list(written)
        check(search_rows(new_search()), before, f"search {turn}")
finally:
    stop.set()
    thread.join()
assert not failures, failures
assert written[0] > 3, "the writer came to nothing"

# An iterator that is begun sees nothing of what comes after, also when everything is deleted, flushed and compacted.
begun_query = client.query_iterator(NAME, filter="", output_fields=["grp", "version"], batch_size=100)
begun_search = new_search()
client.delete(NAME, filter="id >= 0")
client.flush(NAME)
client.compact(NAME)
assert client.query(NAME, filter="", output_fields=["count(*)"])[0]["count(*)"] == 0
check(read_all(begun_query), written, "query begun")
check(search_rows(begun_search), written, "search begun")

# Pages of a search end where scores change: no row of many with the same distance is lost.
client.insert(NAME, [{"id": n, "vector": [n // 50, 0, 0, 0], "grp": 0, "version": 0} for n in range(500)])
ties = client.search_iterator(NAME, data=[[0, 0, 0, 0]], batch_size=30, anns_field="vector", search_params={"metric_type": "L2"})
found = [hit["id"] for hit in read_all(ties)]
assert sorted(found) == list(range(500)), len(found)
assert [n // 50 for n in found] == sorted(n // 50 for n in found)
limited = client.search_iterator(NAME, data=[[0, 0, 0, 0]], batch_size=30, limit=75, anns_field="vector", search_params={})
assert len(read_all(limited)) == 75
client.drop_collection(NAME)
print("ok")
