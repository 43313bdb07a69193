/**
 * What names may be. Each check throws Milvus's error for the first rule that a name breaks; lengths are in UTF-8 bytes.
 * Source: milvus internal/proxy/util.go.
 */
import { failure, invalid, type MilvusError, missing, outOfRange } from "./errors.js";
import { NAME_BYTES_MAX, USER_NAME_BYTES_MAX } from "./limits.js";

const bytes = (text: string): number => Buffer.byteLength(text, "utf8");

const FIRST = /^[A-Za-z_]/;
const PLAIN = /^.[A-Za-z0-9_]*$/s;
const COMMON = /^.[A-Za-z0-9_$]*$/s;

/** Collection names and aliases: one rule, two nouns. */
const checkCollectionOrAlias = (value: string, noun: "name" | "alias"): void => {
  if (value === "") throw invalid(`collection ${noun} should not be empty`);
  const refuse = (why: string): MilvusError => invalid(`Invalid collection ${noun}: ${value}. ${why}`);
  if (bytes(value) > NAME_BYTES_MAX) throw refuse(`the length of a collection ${noun} must be less than ${NAME_BYTES_MAX} characters`);
  if (!FIRST.test(value)) throw refuse(`the first character of a collection ${noun} must be an underscore or letter`);
  if (!PLAIN.test(value)) throw refuse(`collection ${noun} can only contain numbers, letters and underscores`);
};

export const checkCollectionName = (value: string): void => checkCollectionOrAlias(value, "name");
export const checkAliasName = (value: string): void => checkCollectionOrAlias(value, "alias");

/** `strict` off checks only emptiness and length, as Milvus does for partitions that requests read. */
export const checkPartitionName = (given: string, strict = true): void => {
  const value = given.trim();
  const refuse = (why: string): MilvusError => invalid(`Invalid partition name: ${value}. ${why}`);
  if (value === "") throw refuse("Partition name should not be empty.");
  if (bytes(value) > NAME_BYTES_MAX) throw refuse(`The length of a partition name must be less than ${NAME_BYTES_MAX} characters.`);
  if (!strict) return;
  if (!/^[A-Za-z0-9_]/.test(value)) throw refuse("The first character of a partition name must be an underscore or letter.");
  if (!/^.[A-Za-z0-9_-]*$/s.test(value)) throw refuse("Partition name can only contain numbers, letters and underscores.");
};

/** The rule of names that Milvus has for what came later; the words name bytes by their numbers, as Go prints them. */
const checkCommonName = (given: string, noun: string): void => {
  const value = given.trim();
  if (value === "") throw invalid(`${noun} should be not empty`, { expected: "not empty", actual: value });
  const length = bytes(value);
  if (length > NAME_BYTES_MAX) throw outOfRange(`the length of ${noun} must be not greater than limit`, length, 0, NAME_BYTES_MAX);
  if (!FIRST.test(value)) {
    const [first] = Buffer.from(value, "utf8");
    throw invalid(`the first character of ${noun} must be an underscore or letter`, { expected: "_".charCodeAt(0), actual: `${first}` });
  }
  const at = Buffer.from(value, "utf8").findIndex((byte, index) => index > 0 && !COMMON.test(`_${String.fromCharCode(byte)}`));
  if (at === -1) return;
  const found = String.fromCharCode(Buffer.from(value, "utf8")[at] as number);
  throw invalid(`${noun} can only contain numbers, letters, underscores, and allowed characters ($), found ${found} at ${at}`);
};

export const checkSnapshotName = (value: string): void => checkCommonName(value, "snapshot name");
export const checkRoleName = (value: string): void => checkCommonName(value, "role name");
export const checkObjectType = (value: string): void => checkCommonName(value, "ObjectType");

/** Names in grants; `*` is every one. */
export const checkGrantedName = (value: string, noun: "object name" | "collection name" | "Privilege"): void => {
  if (value !== "*") checkCommonName(value, noun);
};

export const checkUserName = (given: string): void => {
  const value = given.trim();
  if (value === "") throw invalid("username must be not empty");
  const length = bytes(value);
  if (length > USER_NAME_BYTES_MAX)
    throw invalid(`invalid username ${value} with length ${length}, the length of username must be less than ${USER_NAME_BYTES_MAX}`);
  const characters = [...Buffer.from(value, "utf8")].map((byte) => String.fromCharCode(byte));
  if (!/^[A-Za-z]/.test(value)) throw invalid(`invalid user name ${value}, the first character must be a letter, but got ${characters[0]}`);
  const wrong = characters.findIndex((character) => !/[A-Za-z0-9_.-]/.test(character));
  if (wrong === -1) return;
  // Milvus prints a byte as a text here.
  const printed = `%!s(uint8=${characters[wrong]?.charCodeAt(0)})`;
  throw invalid(
    `invalid user name ${value}, username must contain only numbers, letters, underscores, dots, and hyphens, but got ${printed}`,
  );
};

/** Code 1402; the last rule 1100. */
export const checkPrivilegeGroupName = (value: string): void => {
  const refuse = (why: string, context = ""): MilvusError => failure("privilegeGroupName", { privilegeGroup: why }, context);
  if (value === "") throw refuse("privilege group name should not be empty");
  // Milvus puts the values in front of words that still have the places for them.
  if (bytes(value) > NAME_BYTES_MAX)
    throw refuse("the length of a privilege group name %s must be less than %s characters", `${value}->${NAME_BYTES_MAX}`);
  if (!FIRST.test(value)) throw refuse("the first character of a privilege group name %s must be an underscore or letter", value);
  if (!PLAIN.test(value)) throw invalid(`privilege group name ${value} can only contain numbers, letters and underscores`);
};

const KEYWORDS = new Set(
  [
    "like",
    "exists",
    "and",
    "or",
    "not",
    "in",
    "json_contains",
    "json_contains_all",
    "json_contains_any",
    "array_contains",
    "array_contains_all",
    "array_contains_any",
    "array_length",
    "text_match",
    "phrase_match",
    "random_sample",
    "true",
    "false",
  ].flatMap((word) => [word, word.toUpperCase()]),
)
  .add("True")
  .add("False");

const isKeyword = (name: string): boolean => KEYWORDS.has(name) || name.toLowerCase() === "null";

const fieldFailure = (value: string, why: string): MilvusError => failure("fieldName", { field: value }, why);

/** Code 1701. */
export const checkFieldName = (given: string): void => {
  const value = given.trim();
  if (value === "") throw fieldFailure(value, "field name should not be empty");
  const refuse = (why: string): MilvusError => fieldFailure(value, `Invalid field name: ${value}. ${why}`);
  if (bytes(value) > NAME_BYTES_MAX) throw refuse(`The length of a field name must be less than ${NAME_BYTES_MAX} characters.`);
  if (!FIRST.test(value)) throw refuse("The first character of a field name must be an underscore or letter.");
  if (!PLAIN.test(value)) throw refuse("Field name can only contain numbers, letters, and underscores.");
  if (isKeyword(value)) throw refuse(`${value} is keyword in milvus.`);
};

const RESERVED_FIELDS = ["RowID", "Timestamp", "__virtual_pk__"];

export const checkNotReserved = (value: string): void => {
  if (RESERVED_FIELDS.includes(value))
    throw fieldFailure(value, `field name "${value}" is reserved for internal use and cannot be used in user schemas`);
};

/** An empty name is legal: the server makes one. */
export const checkIndexName = (given: string): void => {
  const value = given.trim();
  if (value === "") return;
  const refuse = (why: string): MilvusError => invalid(`Invalid index name: ${value}. ${why}`);
  if (bytes(value) > NAME_BYTES_MAX) throw refuse(`The length of a index name must be less than ${NAME_BYTES_MAX} characters.`);
  if (!FIRST.test(value)) throw refuse("The first character of a index name must be an underscore or letter.");
  if (!/^.[A-Za-z0-9_[\]]*$/s.test(value)) throw refuse("Index name can only contain numbers, letters, and underscores.");
};

/** Code 802. */
export const checkDatabaseName = (value: string): void => {
  const refuse = (why: string): MilvusError => failure("databaseName", { database: value }, why);
  if (value === "") throw refuse("database name couldn't be empty");
  if (bytes(value) > NAME_BYTES_MAX) throw refuse(`the length of a database name must be less than ${NAME_BYTES_MAX} characters`);
  if (!FIRST.test(value)) throw refuse("the first character of a database name must be an underscore or letter");
  if (!PLAIN.test(value)) throw refuse("database name can only contain numbers, letters and underscores");
};

/** Code 1101 when empty, 1100 else. */
export const checkResourceGroupName = (value: string): void => {
  if (value === "") throw missing("resource group name couldn't be empty");
  const refuse = (why: string): MilvusError => invalid(`Invalid resource group name ${value}. ${why}`);
  if (bytes(value) > NAME_BYTES_MAX) throw refuse(`the length of a resource group name must be less than ${NAME_BYTES_MAX} characters`);
  if (!FIRST.test(value)) throw refuse("the first character of a resource group name must be an underscore or letter");
  if (!PLAIN.test(value)) throw refuse("resource group name can only contain numbers, letters and underscores");
};
