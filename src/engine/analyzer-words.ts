/**
 * The words of faults of analyzers, which the core names (`core/src/text`). `about`: what the fault is about.
 * Source: milvus internal/core/thirdparty/tantivy/tantivy-binding/src/analyzer.
 */
import { failure, invalid, type MilvusError } from "../shared/errors.js";

const words: Readonly<Record<string, (about: string) => string>> = {
  notJson: (about) => `analyzer params are not a JSON object: ${about}`,
  typeNotText: () => "analyzer type should be string",
  unknownType: (about) => `unknown build-in analyzer type: ${about}`,
  noTokenizer: () => "tokenizer name or type must be set",
  tokenizerShape: () => "tokenizer name should be string or dict",
  tokenizerTypeNotText: () => "tokenizer type should be string",
  noTokenizerType: () => "customized tokenizer must set type",
  unknownTokenizer: (about) => `unsupported tokenizer: ${about}`,
  unknownJiebaMode: () => 'jieba tokenizer mode must be "exact" or "search"',
  jiebaModeNotText: () => "jieba tokenizer mode must be string",
  // Milvus says mode here, too.
  jiebaHmmNotFlag: () => "jieba tokenizer mode must be boolean",
  twoJiebaDictionaries: () => "jieba tokenizer dict can only set one system dict",
  unknownKey: (about) => `unknown analyzer option key: ${about}`,
  filtersNotList: () => "filter params should be array",
  filterShape: () => "filter should be a name or a dict",
  unknownFilter: (about) => `build analyzer failed, filter not found :${about}`,
  noFilterType: () => "no type field in filter params",
  filterTypeNotText: () => "filter type should be string",
  unknownFilterType: (about) => `unsupport filter type: ${about}`,
  noLength: () => "lenth max param was none or not uint",
  noLanguage: () => "stemmer language field should be string",
  unknownLanguage: (about) => `create stemmer failed : unsupport language: ${about}`,
  notList: (about) => `${about} should be array`,
  notText: (about) => `${about} list item should be string`,
};

/** Why the analyzer of a field cannot be made. */
export const analyzerError = (field: string, fault: string, about: string): MilvusError => {
  if (fault === "unbuilt") return failure("notSupported", {}, `${about} in the analyzer of field ${field} is not supported yet`, true);
  return invalid(`validate analyzer failed for field: ${field}, error: ${words[fault]?.(about) ?? `${fault} ${about}`}`);
};
