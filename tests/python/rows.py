"""Every column type, nullable and default values, both key types, auto ids, filters and partitions, with unmodified pymilvus."""
import os

from pymilvus import DataType, MilvusClient, MilvusException

client = MilvusClient(uri=os.environ["ELANUS_URI"])


def fails(call, code, words):
    try:
        call()
    except MilvusException as error:
        assert error.code == code, (error.code, error.message)
        assert words in error.message, error.message
        return
    raise AssertionError(f"no error: {words}")


schema = client.create_schema(auto_id=False, enable_dynamic_field=True)
schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=32)
schema.add_field("vector", DataType.FLOAT_VECTOR, dim=4)
schema.add_field("flag", DataType.BOOL)
schema.add_field("i8", DataType.INT8)
schema.add_field("i16", DataType.INT16)
schema.add_field("i32", DataType.INT32)
schema.add_field("i64", DataType.INT64, nullable=True)
schema.add_field("f32", DataType.FLOAT, default_value=1.5)
schema.add_field("f64", DataType.DOUBLE, nullable=True)
schema.add_field("text", DataType.VARCHAR, max_length=64, nullable=True)
schema.add_field("doc", DataType.JSON, nullable=True)
index = client.prepare_index_params()
index.add_index("vector", index_type="HNSW", metric_type="L2", params={"M": 16, "efConstruction": 200})
client.create_collection("everything", schema=schema, index_params=index)


def row(n):
    values = {
        "id": f"key-{n:04}",
        "vector": [n, n + 0.5, -n, 1],
        "flag": n % 2 == 0,
        "i8": n % 100 - 50,
        "i16": n * 3,
        "i32": -n,
        "i64": None if n % 3 == 0 else 2**60 + n,
        "f64": n / 7,
        "text": None if n % 5 == 0 else f"line {n}",
        "doc": {"n": n, "list": [n, n + 1], "name": "x" * (n % 4)},
        "extra": n * 10,
    }
    if n % 4:
        values["f32"] = n + 0.25
    return values


rows = [row(n) for n in range(1000)]
assert client.insert("everything", rows)["insert_count"] == 1000
client.flush("everything")


def matching(expression, **params):
    found = client.query("everything", filter=expression, output_fields=["id"], limit=2000, filter_params=params)
    return {int(each["id"][4:]) for each in found}


everything = range(1000)
assert matching("i16 >= 300 and i16 < 330") == {n for n in everything if 300 <= n * 3 < 330}
assert matching("10 <= i16 <= 20") == {n for n in everything if 10 <= n * 3 <= 20}
assert matching("flag == true and i8 > 40") == {n for n in everything if n % 2 == 0 and n % 100 - 50 > 40}
assert matching("i64 is null") == {n for n in everything if n % 3 == 0}
assert matching("i64 is not null and id in ['key-0001', 'key-0003']") == {1}
assert matching("not (i32 > -995)") == {n for n in everything if not -n > -995}
assert matching("text like 'line 99%'") == {n for n in everything if n % 5 and str(n).startswith("99")}
assert matching("f32 == 1.5") == {n for n in everything if n % 4 == 0}
assert matching('doc["n"] > 990') == set(range(991, 1000))
assert matching('doc["list"][1] == 5') == {4}
assert matching("extra == 70 or extra in [80, 90]") == {7, 8, 9}
assert matching("i16 % 7 == 0 and i32 + 10 > 0") == {n for n in everything if n * 3 % 7 == 0 and -n + 10 > 0}
assert matching("i16 in {wanted}", wanted=[0, 3, 6]) == {0, 1, 2}

got = client.get("everything", ids=["key-0012"], output_fields=["*"])[0]
assert got["i64"] is None and got["f32"] == 1.5 and got["text"] == "line 12", got
assert got["doc"] == {"n": 12, "list": [12, 13], "name": ""}, got["doc"]
assert got["extra"] == 120 and got["flag"] is True and abs(got["f64"] - 12 / 7) < 1e-12

hits = client.search("everything", data=[[500, 500.5, -500, 1]], limit=5, output_fields=["i64", "extra"], search_params={"params": {"ef": 64}})[0]
assert hits[0]["id"] == "key-0500" and hits[0]["distance"] == 0, hits
assert hits[0]["entity"]["extra"] == 5000
assert len({hit["id"] for hit in hits}) == 5

client.upsert("everything", [{**row(12), "i64": 5}])
assert client.get("everything", ids=["key-0012"], output_fields=["i64"])[0]["i64"] == 5
assert client.query("everything", output_fields=["count(*)"])[0]["count(*)"] == 1000
assert client.delete("everything", filter="i16 < 30")["delete_count"] == 10
assert client.query("everything", output_fields=["count(*)"])[0]["count(*)"] == 990

iterator = client.query_iterator("everything", batch_size=100, filter="i16 >= 0", output_fields=["id"])
seen = []
while batch := iterator.next():
    seen += [each["id"] for each in batch]
iterator.close()
assert seen == sorted(seen) and len(seen) == 990

fails(lambda: client.query("everything", filter="nonsense ==", limit=1), 1100, "cannot parse expression: nonsense ==")
fails(lambda: client.query("missing", filter="", limit=1), 100, "collection not found[database=default][collection=missing]")
fails(lambda: client.search("everything", data=[[1, 2]], limit=1), 2000, "vector dimension mismatch, expected vector size(byte) 16, actual 8.")
fails(lambda: client.insert("everything", [{**row(1), "text": "y" * 65}]), 1100, "length of varchar field text exceeds max length, row number: 0, length: 65, max length: 64")
fails(lambda: client.insert("everything", [{**row(1), "vector": [float("nan"), 1, 1, 1]}]), 1100, "value 'NaN' is not a number or infinity")
fails(lambda: client.search("everything", data=[[1, 2, 3, 4]], limit=16385), 1100, "it should be in range [1, 16384], but got 16385")

client.create_partition("everything", "second")
client.insert("everything", [row(2000)], partition_name="second")
assert len(client.query("everything", filter="", limit=10, partition_names=["second"])) == 1
fails(lambda: client.insert("everything", [row(1)], partition_name="third"), 200, "partition not found[partition=third]")

schema = client.create_schema(auto_id=True)
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
client.create_collection("automatic", schema=schema)
ids = client.insert("automatic", [{"vector": [n, n]} for n in range(10)])["ids"]
assert len(set(ids)) == 10 and list(ids) == sorted(ids)
fails(lambda: client.query("automatic", filter="id > 0", limit=1), 101, "collection not loaded")
index = client.prepare_index_params()
index.add_index("vector", metric_type="IP")
client.create_index("automatic", index)
client.load_collection("automatic")
assert [each["id"] for each in client.query("automatic", filter="id > 0", limit=20)] == list(ids)
new = client.upsert("automatic", [{"id": ids[0], "vector": [9, 9]}])["ids"]
assert new[0] not in ids
assert client.query("automatic", filter="", output_fields=["count(*)"])[0]["count(*)"] == 10
for name in ("everything", "automatic"):
    client.drop_collection(name)
print("ok")
