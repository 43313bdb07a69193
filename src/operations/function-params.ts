/**
 * Parameters of functions that make vectors of texts without BM25: MinHash and TextEmbedding.
 *
 * A provider of embeddings is known by its name; that it answers is not asked when a schema is made, so that a server without a network takes it.
 * Sources: milvus internal/util/function/{minhash_function.go,embedding/text_embedding_function.go}.
 */
import { invalid } from "../shared/errors.js";
import { DataType, type FieldSchema, type FunctionSchema, FunctionType } from "../shared/proto/generated/messages.js";
import { typeName, typeParam } from "../shared/schema.js";

/** Bits that one hash takes in the vector. */
const HASH_BITS = 32;

const PROVIDERS = [
  "openai",
  "azure_openai",
  "dashscope",
  "bedrock",
  "vertexai",
  "voyageai",
  "cohere",
  "siliconflow",
  "tei",
  "yc",
  "zilliz",
  "gemini",
  "huggingface",
];

/** Go's strconv.Atoi. */
const integerOf = (key: string, value: string): number => {
  if (!/^[+-]?\d+$/.test(value) || !Number.isSafeInteger(Number(value))) throw invalid(`param ${key}:${value} is not a number`);
  return Number(value);
};

const positive = (key: string, value: string): number => {
  const number = integerOf(key, value);
  if (number <= 0) throw invalid(`param ${key}:${number} must be positive`);
  return number;
};

/** Known parameters, whatever their case; others are kept and mean nothing. */
const minHashRules: Readonly<Record<string, (value: string) => void>> = {
  num_hashes: (value) => void positive("num_hashes", value),
  shingle_size: (value) => void positive("shingle_size", value),
  hash_function: (value) => {
    if (!["xxhash", "xxhash64", "sha1"].includes(value.toLowerCase()))
      throw invalid(`unknown hash function: ${value} (expected 'xxhash64' or 'sha1')`);
  },
  token_level: (value) => {
    if (!["word", "char", "character"].includes(value.toLowerCase()))
      throw invalid(`unknown token_level: ${value} (expected 'char' or 'word')`);
  },
  seed: (value) => void integerOf("seed", value),
};

const checkMinHash = (fn: FunctionSchema, input: FieldSchema, output: FieldSchema): void => {
  if (input.dataType !== DataType.VarChar)
    throw invalid(`minhash function input field '${input.name}' is not string type, is ${typeName(input.dataType)}`);
  let hashes: number | undefined;
  for (const { key, value } of fn.params) {
    minHashRules[key.toLowerCase()]?.(value);
    if (key.toLowerCase() === "num_hashes") hashes = Number(value);
  }
  const dim = typeParam(output, "dim") ?? 0;
  const what = `minhash function output field '${output.name}' dim ${dim}`;
  if (hashes !== undefined && dim !== hashes * HASH_BITS)
    throw invalid(
      `${what} does not match expected dim ${hashes * HASH_BITS} (numHashes ${hashes} * one minhash signature size of ${HASH_BITS}bit)`,
    );
  if (dim % HASH_BITS !== 0) throw invalid(`${what} is not multiple of ${HASH_BITS} (one minhash signature size)`);
};

const checkTextEmbedding = (fn: FunctionSchema): void => {
  const provider = fn.params.find(({ key }) => key.toLowerCase() === "provider")?.value.toLowerCase();
  if (provider === undefined) throw invalid("the text embedding service provider parameter:[provider] was not found");
  if (!PROVIDERS.includes(provider))
    throw invalid(`unsupported text embedding service provider: [${provider}] , list of supported [${PROVIDERS.join(", ")}]`);
};

/** Checks what a function is told to do, once its fields are known to be right. */
export const checkFunctionParams = (fn: FunctionSchema, input: FieldSchema, output: FieldSchema): void => {
  if (fn.type === FunctionType.MinHash) checkMinHash(fn, input, output);
  if (fn.type === FunctionType.TextEmbedding) checkTextEmbedding(fn);
};
