"""Users, roles and grants with unmodified pymilvus, on a server that asks who calls. Without authorization everything is permitted: then only the answers count."""
import os

import grpc
from pymilvus import MilvusClient, MilvusException

URI = os.environ["ELANUS_URI"]
AUTH = os.environ.get("ELANUS_AUTH") == "true"


def denied(work, words="permission deny"):
    """The call is refused, if anybody is asked."""
    try:
        work()
    except (MilvusException, grpc.RpcError) as error:
        assert AUTH, error
        told = error.details() if isinstance(error, grpc.RpcError) else str(error)
        assert words in told, told
        return
    assert not AUTH, "was not refused"


root = MilvusClient(URI, user="root", password="Milvus")
denied(lambda: MilvusClient(URI, token="root:wrong-password", timeout=5), "Fail connecting")
denied(lambda: MilvusClient(URI, timeout=5), "Fail connecting")

root.create_collection("rbac_kites", dimension=4)
root.insert("rbac_kites", [{"id": i, "vector": [i, 1, 2, 3]} for i in range(10)])
root.create_alias("rbac_kites", "rbac_birds")

root.create_user("ada", "password")
assert sorted(root.list_users()) == ["ada", "root"]
root.create_role("reader")
assert sorted(root.list_roles()) == ["admin", "public", "reader"]
root.grant_role("ada", "reader")
assert root.describe_user("ada")["roles"] == ("reader",)

ada = MilvusClient(URI, user="ada", password="password")
denied(lambda: ada.search("rbac_kites", [[1, 1, 2, 3]]), "PrivilegeSearch: permission deny to ada in the `default` database")
root.grant_privilege_v2("reader", "CollectionReadOnly", "rbac_birds")
described = root.describe_role("reader")
assert [(grant["privilege"], grant["object_name"]) for grant in described["privileges"]] == [("CollectionReadOnly", "rbac_kites")], described
for name in ("rbac_kites", "rbac_birds", "rbac_kites"):
    assert len(ada.search(name, [[1, 1, 2, 3]], limit=3)[0]) == 3
denied(lambda: ada.insert("rbac_kites", [{"id": 99, "vector": [1, 2, 3, 4]}]))
denied(lambda: ada.create_user("eve", "password"))
if AUTH:
    assert ada.list_collections() == ["rbac_kites"]
    assert ada.list_databases() == ["default"]

root.create_privilege_group("writers")
root.add_privileges_to_group("writers", ["Insert", "Upsert"])
root.grant_privilege_v2("reader", "writers", "*")
assert ada.insert("rbac_kites", [{"id": 99, "vector": [1, 2, 3, 4]}])["insert_count"] == 1
root.remove_privileges_from_group("writers", ["Insert"])
denied(lambda: ada.insert("rbac_kites", [{"id": 98, "vector": [1, 2, 3, 4]}]))
root.revoke_privilege_v2("reader", "writers", "*")
root.drop_privilege_group("writers")

ada.update_password("ada", "password", "the-next-one", reset_connection=True)
assert "rbac_kites" in ada.list_collections()

root.drop_role("reader", force_drop=True)
denied(lambda: ada.search("rbac_kites", [[1, 1, 2, 3]]))
root.drop_user("ada")
denied(lambda: ada.list_collections(), "auth check failure")
root.drop_alias("rbac_birds")
root.drop_collection("rbac_kites")
print("ok")
