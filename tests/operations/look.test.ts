/** What a search asks of each index type, and the words for what is out of range. */
import { describe, expect, it } from "vitest";
import type { IndexDefinition } from "../../src/catalog/types.js";
import { lookOf } from "../../src/operations/look.js";
import { indexParams } from "../../src/operations/search-params.js";

const look = (type: string, json: string, wanted = 10) => {
  const params = [{ key: "params", value: json }];
  const index = { params: [{ key: "index_type", value: type }] } as unknown as IndexDefinition;
  return lookOf(params, indexParams(params), wanted, index);
};

describe("what a search asks of an index", () => {
  it.each([
    ["HNSW", '{"ef": 64}', { ef: 64 }],
    ["HNSW", '{"ef": "64", "nprobe": -1}', { ef: 64 }],
    ["HNSW_SQ", '{"ef": 64, "refine_k": 1.5}', { ef: 64, refineK: 1.5 }],
    ["AUTOINDEX", '{"refine_k": "2"}', { refineK: 2 }],
    ["IVF_FLAT", '{"nprobe": 8, "ef": 1}', { nprobe: 8 }],
    ["IVF_RABITQ", '{"nprobe": 8, "rbq_bits_query": 6}', { nprobe: 8, rbqBitsQuery: 6 }],
    ["SCANN", '{"reorder_k": 10}', { reorderK: 10 }],
    ["DISKANN", '{"search_list": 20, "beamwidth": 8}', { searchList: 20, beamWidth: 8 }],
    ["DISKANN", '{"search_list_size": 20}', { searchList: 20 }],
    ["SPARSE_INVERTED_INDEX", '{"drop_ratio_search": 0.2, "dim_max_score_ratio": 1.3}', { dropRatioSearch: 0.2, dimMaxScoreRatio: 1.3 }],
    ["FLAT", '{"ef": "many"}', {}],
    // Fewer than the ten hits wanted.
    ["HNSW_PQ", '{"ef": 1}', { ef: 1 }],
    ["HNSW_PRQ", '{"ef": 1}', { ef: 1 }],
    ["HNSW", "{}", {}],
  ])("%s, %s", (type, json, expected) => {
    expect(look(type, json)).toEqual(expected);
  });

  it.each([
    ["HNSW", '{"ef": 1}', "ef(1) should be larger than k(10)"],
    ["HNSW_SQ", '{"ef": 1}', "ef(1) should be larger than k(10)"],
    ["HNSW", '{"ef": -1}', "Out of range in json: param 'ef' (-1) should be in range [1, 2147483647]"],
    ["HNSW", '{"ef": 32.0}', "Type conflict in json: param 'ef' (32.0) should be integer"],
    ["HNSW", '{"ef": true}', "Type conflict in json: param 'ef' (true) should be integer"],
    ["HNSW", '{"ef": null}', "Type conflict in json: param 'ef' (null) should be integer"],
    ["HNSW", '{"ef": [32]}', "Type conflict in json: param 'ef' ([32]) should be integer"],
    ["HNSW", '{"ef": "many"}', "invalid integer value, key: 'ef', value: 'many'"],
    [
      "HNSW_SQ",
      '{"refine_k": 0.5}',
      "Out of range in json: param 'refine_k' (0.5) should be in range [1.000000, 340282346638528859811704183484516925440.000000]",
    ],
    [
      "HNSW_SQ",
      '{"refine_k": -1}',
      "Out of range in json: param 'refine_k' (-1.0) should be in range [1.000000, 340282346638528859811704183484516925440.000000]",
    ],
    ["HNSW_PQ", '{"refine_k": true}', "Type conflict in json: param 'refine_k' (true) should be a number"],
    ["HNSW_PRQ", '{"refine_k": "x"}', "invalid float value, key: 'refine_k', value: 'x'"],
    ["IVF_PQ", '{"nprobe": 65537}', "Out of range in json: param 'nprobe' (65537) should be in range [1, 65536]"],
    ["IVF_RABITQ", '{"rbq_bits_query": 9}', "Out of range in json: param 'rbq_bits_query' (9) should be in range [0, 8]"],
    ["SCANN", '{"reorder_k": 9}', "reorder_k(9) should be larger than k(10)"],
    ["DISKANN", '{"search_list": 1}', "search_list_size(1) should be larger than k(10)"],
    [
      "SPARSE_WAND",
      '{"dim_max_score_ratio": 1.4}',
      "Out of range in json: param 'dim_max_score_ratio' (1.4) should be in range [0.500000, 1.300000]",
    ],
    [
      "SPARSE_INVERTED_INDEX",
      '{"drop_ratio_search": 1}',
      "Out of range in json: param 'drop_ratio_search' (1.0) should be in range [0.000000, 1.000000)",
    ],
  ])("%s refuses %s", (type, json, words) => {
    expect(() => look(type, json)).toThrow(expect.objectContaining({ code: 1100, message: expect.stringContaining(words) }));
  });
});
