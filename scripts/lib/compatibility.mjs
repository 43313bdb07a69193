// The text of docs/compatibility.md, from the operation table and the list of features below.

/** What is not an RPC of its own: yes, partly or not yet, with what is there. */
const features = [
  ["Vectors: float, Float16, BFloat16, Int8, binary, sparse; nullable", "yes", "Dimensions 2 to 32,768 (binary 262,144 bits)."],
  ["Several vector fields a collection", "yes", "Up to 10; each search is over one."],
  ["Scalars: Bool, Int8 to Int64, Float, Double, VarChar, JSON, dynamic field", "yes", "Nullable and default values too."],
  ["Array", "yes", "Elements, lengths and containment in filters."],
  ["Timestamptz", "partly", "Stored and returned in the time zone asked for; filters compare it as microseconds."],
  ["Geometry", "partly", "Stored and returned as WKT; ST_* functions in filters are not built."],
  [
    "Text, arrays of structs",
    "partly",
    "Stored, indexed by name, described and returned; filters on them and searches of lists of vectors are answered with code 3000 or 1100.",
  ],
  [
    "Full-text search: BM25 functions",
    "yes",
    "Scores by what a shard's loaded rows hold, deleted ones until a compaction; in scans as by an index. Of a collection that is created with it.",
  ],
  [
    "Analyzers",
    "partly",
    "standard, english, chinese; tokenizers standard, whitespace, jieba; filters lowercase, asciifolding, alphanumonly, cncharonly, cnalphanumonly, length, stop (own words, _english_), stemmer. Others are refused by name, as multi_analyzer_params and files of words are.",
  ],
  [
    "Functions (embeddings, MinHash)",
    "partly",
    "Checked, kept and described; writing rows of which they make a field is answered with code 3000.",
  ],
  [
    "Partition key",
    "yes",
    "Rows go by Milvus's hash to `_default_0`, `_default_1`, …; filters that name values of the key read only their partitions.",
  ],
  ["Fields added to a collection with rows", "yes", "AddCollectionField; old rows read the default or null."],
  ["Several shards", "yes", "Rows go to a channel by Milvus's hash of the key, each with segments of its own."],
  ["Metrics L2, IP, COSINE, HAMMING, JACCARD, SUBSTRUCTURE, SUPERSTRUCTURE, BM25", "yes", ""],
  [
    "Vector indexes: FLAT, IVF_FLAT, IVF_SQ8, IVF_PQ, IVF_RABITQ, SCANN, HNSW, HNSW_SQ, HNSW_PQ, HNSW_PRQ, DISKANN, BIN_FLAT, BIN_IVF_FLAT, SPARSE_INVERTED_INDEX, SPARSE_WAND, AUTOINDEX",
    "yes",
    "Each a structure of its own with Milvus's parameters, mapped from its file. AUTOINDEX is a graph over int8 codes with refinement for dense vectors, BIN_IVF_FLAT for binary, inverted lists for sparse ones. All sparse algorithms answer exactly. FAISS's and AISAQ's names are served by the nearest of these or by a scan. MINHASH_LSH is refused with code 3000 when it is created.",
  ],
  ["GPU indexes", "not yet", "Their names are unknown, as on a Milvus without GPUs."],
  ["Scalar indexes", "partly", "Accepted and described; filters scan columns."],
  [
    "Filters: comparison, ranges, and/or/not, in, like, arithmetic, is null, exists, JSON paths, dynamic keys, template values, json_contains*, array_contains*, array_length",
    "yes",
    "",
  ],
  [
    "Filters: text and phrase match, regular expressions, geometry, time, random_sample, struct elements",
    "not yet",
    "A parse error names the feature.",
  ],
  ["Range search, offset, round_decimal, output fields", "yes", ""],
  ["Query iterator, search iterators (v1, v2)", "yes", ""],
  ["Search by primary keys, search in groups (group_by_field, group_size, strict_group_size)", "yes", ""],
  ["Hybrid search", "partly", "RRF and weighted rankers, over gRPC."],
  ["order_by, aggregation, other rerankers, highlighting", "not yet", "Refused with the name of the parameter."],
  ["Consistency levels", "yes", "All are served as Strong."],
  ["Authorization", "not yet", "Any user, password or token is accepted."],
  ["TLS", "not yet", "Cleartext gRPC and HTTP/1.1 on one port."],
  [
    "Partial upsert, array append and remove",
    "yes",
    "Absent fields are kept, keys of the dynamic field merge; the collection must be loaded.",
  ],
  ["Time to live: of a collection, and a field that holds each row's end", "yes", "Expired rows are not read; compactions drop them."],
  [
    "Compaction: mix, force merge, by clustering key, of deletes; automatic",
    "yes",
    "Segments grow to 512 MiB by themselves, a forced merge makes them as large as asked. Filters on the clustering key do not yet skip segments.",
  ],
  [
    "Snapshots: create, list, describe, drop, pin, restore",
    "yes",
    "They name files and copy none. Growing rows are part of a snapshot; in Milvus only flushed ones are. A restore is complete when the call returns. Export is not built.",
  ],
  [
    "Memory budget",
    "yes",
    "`--max-memory`: writes over it are refused with code 9, loads with code 3; reads, deletes, releases and drops go on.",
  ],
  [
    "mmap and warm-up properties",
    "partly",
    "`mmap.enabled` = false and `sync` read the files of a collection in before the load answers, `async` afterwards; by file, not by column.",
  ],
  ["Import, replicas", "not yet", ""],
];

/** Milvus's own Python tests (tests/python_client): passed of those that run, and why the others do not pass. */
const conformance = [
  [
    "delete, test_delete, test_insert, partial_update_array_op, compact, force_merge, ttl, e2e, search_iterator_v2, async insert, async e2e",
    "all",
    "",
  ],
  ["upsert, sparse_inverted_index", "79 of 79, 57 of 57", ""],
  ["insert", "117 of 124", "BM25 functions."],
  ["partial_update", "40 of 42", "MinHash functions."],
  [
    "optimize",
    "28 of 29",
    "One expects a forced merge to 512 MB to be taken, which `force_merge` expects to be refused; both know different settings.",
  ],
  ["test_compaction", "25 of 29", "Four load a collection without an index, which Milvus refuses with code 700 too."],
  [
    "snapshot",
    "95 of 119",
    "21 need users and roles, one a struct array. A restore is complete when its call returns, so none can be watched; rows that were not flushed are part of a snapshot.",
  ],
  ["search_v2, search_by_pk", "128 of 129, 97 of 98", "`ignore_growing`: flushed rows are sealed at once here, and so are not ignored."],
  ["range_search", "80 of 80", ""],
  ["search_group_by", "35 of 36", "A filter with `ISO '…'` moments."],
  ["index (milvus_client)", "322 of 322", ""],
  [
    "indexes/: test_diskann, test_hnsw, test_hnsw_pq, test_hnsw_sq, test_ivf_rabitq, test_ngram",
    "61 of 61, 39 of 39, 98 of 98, 84 of 84, 68 of 68, 41 of 41",
    "All of test_hnsw_prq are skipped by Milvus itself.",
  ],
  [
    "indexes/: test_faiss",
    "40 of 43",
    "Three expect what faiss's own indexes refuse: a range search of bits, a filter on PQ, an iterator. Ours answer.",
  ],
  ["search_iterator, search_pagination, search_load", "all", ""],
  ["test_large_topk", "28 of 29", "One time limit."],
];

const row = (cells) => `| ${cells.join(" | ")} |`;

/** @param operations the table of src/operations/table.ts */
export const compatibilityText = (operations) => {
  const order = { yes: 0, partly: 1, "not yet": 2 };
  const services = [...new Set(operations.map((operation) => operation.service))];
  const counted = (list) =>
    Object.keys(order)
      .map((built) => `${list.filter((operation) => operation.built === built).length} ${built}`)
      .join(", ");
  const lines = [
    "# Compatibility",
    "",
    "What of Milvus is here. Made from the operation table by `npm run docs`; a test holds it against the table.",
    "",
    "An RPC that is not yet built answers gRPC UNIMPLEMENTED with a message that names it.",
    "",
    "## Features",
    "",
    row(["feature", "state", "note"]),
    row(["---", "---", "---"]),
    ...features.map(row),
  ];
  for (const service of services) {
    const list = operations
      .filter((operation) => operation.service === service)
      .sort((one, other) => order[one.built] - order[other.built] || (one.rpc < other.rpc ? -1 : 1));
    lines.push(
      "",
      `## ${service}`,
      "",
      `${list.length} RPCs: ${counted(list)}.`,
      "",
      row(["RPC", "state", "REST", "note"]),
      row(["---", "---", "---", "---"]),
    );
    for (const operation of list) {
      const routes = operation.rest.map(({ route }) => `\`${route.replace(/^POST /, "")}\``).join(", ");
      lines.push(row([operation.rpc, operation.built, routes, operation.note ?? ""]));
    }
  }
  lines.push(
    "",
    "## Milvus's own tests",
    "",
    "`tests/python_client` of Milvus 3.0 against a server of ours: cases passed of those that run with a standalone server.",
    "",
    row(["tests", "passed", "why not the others"]),
    row(["---", "---", "---"]),
    ...conformance.map(row),
  );
  return `${lines.map((line) => line.replace(/\| {2}\|/g, "| |").replace(/ {2}\|/g, " |")).join("\n")}\n`;
};
