"""Unmodified pymilvus under TLS, with a certificate of its own where the server asks for one."""
import os

from pymilvus import MilvusClient, MilvusException, connections, utility

uri, ca = os.environ["ELANUS_URI"], os.environ["ELANUS_CA"]
pair = {"client_pem_path": os.environ["ELANUS_PAIR"] + ".pem", "client_key_path": os.environ["ELANUS_PAIR"] + ".key"}

# As the documentation of Milvus does it: one-way TLS knows the authority, mutual TLS the client's pair too.
client = MilvusClient(uri=uri, secure=True, ca_pem_path=ca, server_name="localhost", **pair)
client.create_collection("secure", dimension=2)
client.insert("secure", [{"id": 1, "vector": [1.0, 2.0]}])
assert client.search("secure", [[1.0, 2.0]], limit=1, consistency_level="Strong")[0][0]["id"] == 1
client.drop_collection("secure")

host, port = uri.removeprefix("https://").split(":")
connections.connect("orm", host=host, port=port, secure=True, ca_pem_path=ca, server_name="localhost", **pair)
assert utility.list_collections(using="orm") == []

try:
    # Of another address: clients of one address share a connection.
    MilvusClient(uri=uri.replace("localhost", "127.0.0.1"), secure=True, server_pem_path=ca, server_name="localhost", timeout=2)
    raise AssertionError("a client without a certificate was served")
except MilvusException:
    pass
print("ok")
