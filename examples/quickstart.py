"""Unmodified pymilvus against Elanus. Start a server (npm start), then:

pip install pymilvus
python examples/quickstart.py
"""

import os

from pymilvus import MilvusClient

client = MilvusClient(uri=os.environ.get("MILVUS_URI", "http://localhost:19530"), token="user:password")

if client.has_collection("test_collection"):
    client.drop_collection("test_collection")
client.create_collection(collection_name="test_collection", dimension=5)

client.create_alias(collection_name="test_collection", alias="test")
print(client.describe_alias(alias="test"))
print(client.list_aliases(collection_name="test_collection"))

rows = [{"id": i, "vector": [i, 1, 0, 0, 0], "color": "red" if i % 2 else "blue"} for i in range(10)]
print(client.insert("test", rows))

hits = client.search(
    "test",
    data=[[9, 1, 0, 0, 0]],
    filter='color == "red"',
    limit=3,
    output_fields=["color"],
    consistency_level="Strong",
)
for hit in hits[0]:
    print(hit["id"], round(hit["distance"], 3), hit["entity"]["color"])

client.upsert("test", {"id": 1, "vector": [1, 1, 1, 1, 1], "color": "green"})
print(client.get("test", ids=[1], output_fields=["color"]))
client.delete("test", ids=[0, 2])
print(client.query("test", output_fields=["count(*)"]))

client.create_collection(collection_name="test_collection_2", dimension=5)
client.alter_alias(collection_name="test_collection_2", alias="test")
print(client.describe_collection("test")["collection_name"])

client.drop_alias(alias="test")
client.drop_collection("test_collection")
client.drop_collection("test_collection_2")
client.close()
