/** What `elanus serve` says when it is ready: where it is, where the data is, what to type next. */
import { isLoopback } from "../shared/settings.js";

export interface Ready {
  readonly version: string;
  /** As it was asked for. */
  readonly host: string;
  readonly port: number;
  /** Absolute path. */
  readonly folder: string;
  readonly fsync: "always" | "interval";
  /** Under TLS. */
  readonly secure: boolean;
}

const reach = (host: string, port: number): string => {
  if (isLoopback(host)) return `this machine only; for containers and other machines add: --host 0.0.0.0`;
  if (host === "0.0.0.0" || host === "::") return `every machine that can reach port ${port} has full access: there are no passwords yet`;
  return "every machine that can reach this address has full access: there are no passwords yet";
};

export const banner = ({ version, host, port, folder, fsync, secure }: Ready): string => {
  const anywhere = host === "0.0.0.0" || host === "::";
  const shown = anywhere || isLoopback(host) ? "localhost" : host.includes(":") ? `[${host}]` : host;
  const url = `${secure ? "https" : "http"}://${shown}:${port}`;
  const durability = fsync === "always" ? "" : "  (fsync: interval; the last writes may be lost when the machine fails)";
  return `
  Elanus ${version}, ready for Milvus clients

  address   ${url}   gRPC and REST   (${reach(host, port)})
  data      ${folder}${durability}

  Next, in Python (pip install pymilvus):
    from pymilvus import MilvusClient
    client = MilvusClient("${url}"${secure ? ', server_pem_path="<certificate of the authority>"' : ""}); client.create_collection("demo", dimension=5); print(client.list_collections())

  or in a shell:
    curl ${secure ? "--cacert <certificate of the authority> " : ""}${url}/v2/vectordb/collections/list -d '{}'

  Ctrl-C stops it.
`;
};
