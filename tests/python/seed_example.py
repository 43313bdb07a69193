"""The example of Milvus's documentation for create_alias(), and what follows from it, with unmodified pymilvus."""
import os

from pymilvus import MilvusClient, MilvusException

URI = os.environ["ELANUS_URI"]

client = MilvusClient(uri=URI, token="user:password")
client.create_collection("test_collection", dimension=5)
client.create_alias(collection_name="test_collection", alias="test")

described = client.describe_alias("test")
assert described == {"alias": "test", "collection_name": "test_collection", "db_name": "default"}, described
listed = client.list_aliases("test_collection")
assert listed["aliases"] == ["test"], listed
assert listed["collection_name"] == "test_collection", listed

rows = [{"id": i, "vector": [i, 1, 2, 3, 4], "colour": "red" if i % 2 else "blue", "size": i * 1.5} for i in range(100)]
for name in ("test_collection", "test"):
    result = client.insert(name, rows)
    assert result["insert_count"] == 100, result
    assert client.upsert(name, rows)["upsert_count"] == 100
assert client.query("test", filter="", output_fields=["count(*)"])[0]["count(*)"] == 100

hits = client.search("test", data=[[99, 1, 2, 3, 4]], limit=3, output_fields=["colour", "size"], filter='colour == "red"')
assert len(hits) == 1 and len(hits[0]) == 3
assert all(hit["entity"]["colour"] == "red" for hit in hits[0]), hits
assert hits[0][0]["distance"] >= hits[0][1]["distance"] >= hits[0][2]["distance"]

got = client.get("test", ids=[7, 8], output_fields=["vector", "colour"])
assert [row["id"] for row in got] == [7, 8], got
assert list(got[0]["vector"]) == [7, 1, 2, 3, 4]

assert client.delete("test", ids=[7])["delete_count"] == 1
assert client.get("test", ids=[7]) == []
assert client.delete("test", filter="size > 140")["delete_count"] == len([row for row in rows if row["size"] > 140])

client.flush("test")
client.load_collection("test")
assert client.get_load_state("test")["state"].name == "Loaded"
assert client.get_collection_stats("test")["row_count"] >= 100

client.create_collection("other_collection", dimension=3)
client.alter_alias(collection_name="other_collection", alias="test")
assert client.describe_alias("test")["collection_name"] == "other_collection"
# pymilvus still has the old collection's schema for "test": the guard makes it ask again.
assert client.insert("test", [{"id": 1, "vector": [1, 2, 3]}])["insert_count"] == 1
assert client.get("test", ids=[1], output_fields=["vector"])[0]["vector"] == [1, 2, 3]

client.drop_alias("test")
assert client.list_aliases("other_collection")["aliases"] == []
try:
    client.describe_alias("test")
    raise AssertionError("a dropped alias was described")
except MilvusException as error:
    assert error.code == 1600, error
    assert error.message == "alias not found[database=default][alias=test]", error.message

for name in ("test_collection", "other_collection"):
    client.drop_collection(name)
assert client.list_collections() == []
print("ok")
