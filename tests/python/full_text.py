"""Full-text search with unmodified pymilvus: functions, analyzers, groups, iterators, ranges, and beside vectors in a hybrid search."""
import os

from pymilvus import AnnSearchRequest, DataType, Function, FunctionType, MilvusClient, RRFRanker

client = MilvusClient(uri=os.environ["ELANUS_URI"])
NAME = "full_text"
WORDS = ["kite", "wind", "thermal", "glider", "ridge"]

schema = client.create_schema(auto_id=False)
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("text", DataType.VARCHAR, max_length=500, enable_analyzer=True, analyzer_params={"type": "english"})
schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
schema.add_field("dense", DataType.FLOAT_VECTOR, dim=2)
schema.add_field("site", DataType.INT64)
schema.add_function(Function(name="bm25", function_type=FunctionType.BM25, input_field_names=["text"], output_field_names=["sparse"]))
index = client.prepare_index_params()
index.add_index("sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25", params={"bm25_k1": 1.2, "bm25_b": 0.75})
index.add_index("dense", index_type="FLAT", metric_type="L2")
client.create_collection(NAME, schema=schema, index_params=index)

described = client.describe_collection(NAME)
assert described["functions"][0]["input_field_names"] == ["text"], described["functions"]
assert [field["name"] for field in described["fields"] if field.get("is_function_output")] == ["sparse"]

rows = [{"id": n, "text": "Kites " * (n % 7 + 1) + WORDS[n % 5], "dense": [n, 0], "site": n % 4} for n in range(3000)]
client.insert(NAME, rows)


def search(data, **options):
    return client.search(NAME, data=data, anns_field="sparse", output_fields=["id", "site"], **options)


for sealed in [False, True]:
    if sealed:
        client.flush(NAME)
    hits = search(["gliding kite", "the"], limit=20)
    assert len(hits[0]) == 20 and len(hits[1]) == 0
    scores = [hit["distance"] for hit in hits[0]]
    assert scores == sorted(scores, reverse=True)
    ridge = search(["ridges"], limit=1000)[0]
    assert {hit["id"] for hit in ridge} == {n for n in range(3000) if n % 5 == 4}, len(ridge)
    assert all(hit["id"] % 4 == 3 for hit in search(["ridge"], filter="site == 3")[0])
    assert sorted(hit["entity"]["site"] for hit in search(["ridge"], group_by_field="site")[0]) == [0, 1, 2, 3]
    middle = ridge[300]["distance"]
    within = search(["ridge"], limit=1000, search_params={"params": {"radius": middle}})[0]
    assert [hit["id"] for hit in within] == [hit["id"] for hit in ridge if hit["distance"] > middle]

    pages = client.search_iterator(NAME, data=["ridge"], anns_field="sparse", batch_size=70, limit=600, output_fields=["id"])
    seen = []
    while batch := pages.next():
        seen.extend(hit["id"] for hit in batch)
    pages.close()
    assert len(seen) == len(set(seen)) == 600, len(seen)

    both = [
        AnnSearchRequest(data=["ridge"], anns_field="sparse", param={"metric_type": "BM25"}, limit=10),
        AnnSearchRequest(data=[[4, 0]], anns_field="dense", param={"metric_type": "L2"}, limit=10),
    ]
    assert client.hybrid_search(NAME, both, ranker=RRFRanker(), limit=3)[0][0]["id"] is not None

client.upsert(NAME, [{**rows[0], "text": "albatross"}])
assert [hit["id"] for hit in search(["albatrosses"])[0]] == [0]
client.delete(NAME, ids=[0])
assert search(["albatross"])[0] == []
client.drop_collection(NAME)
print("ok")
