/** Names of enums, as the public API takes and gives them. Numbers of the protocol are taken too. */
import { invalid } from "../shared/errors.js";
import type { KeyValuePair } from "../shared/proto/generated/messages.js";
import {
  ConsistencyLevel,
  DataType,
  FunctionType,
  IndexState,
  LoadState,
  RestoreSnapshotState,
} from "../shared/proto/generated/messages.js";
import { toJsonText } from "../shared/rows/json.js";

type Table = Readonly<Record<string, number>>;

export type DataTypeName = Exclude<keyof typeof DataType, "None">;
export type ConsistencyLevelName = keyof typeof ConsistencyLevel;
export type IndexStateName = "None" | "Unissued" | "InProgress" | "Finished" | "Failed" | "Retry";
export type LoadStateName = "NotExist" | "NotLoad" | "Loading" | "Loaded";
export type RestoreStateName = "None" | "Pending" | "Executing" | "Completed" | "Failed";
export type FunctionTypeName = keyof typeof FunctionType;

const numberIn = (table: Table, what: string, given: string | number): number => {
  const number = typeof given === "number" ? given : table[given];
  if (number === undefined || !Object.values(table).includes(number))
    throw invalid(`${what} ${given} is not one of ${Object.keys(table).join(", ")}`);
  return number;
};

const nameIn = (table: Table, number: number, prefix = ""): string => {
  const name = Object.keys(table).find((key) => table[key] === number);
  return name === undefined ? String(number) : name.startsWith(prefix) ? name.slice(prefix.length) : name;
};

export const dataTypeOf = (given: DataTypeName | number): DataType => numberIn(DataType, "data type", given) as DataType;
export const dataTypeName = (type: number): DataTypeName => nameIn(DataType, type) as DataTypeName;
export const consistencyOf = (given: ConsistencyLevelName | number): ConsistencyLevel =>
  numberIn(ConsistencyLevel, "consistency level", given) as ConsistencyLevel;
export const consistencyName = (level: number): ConsistencyLevelName => nameIn(ConsistencyLevel, level) as ConsistencyLevelName;
export const functionTypeOf = (given: FunctionTypeName | number): FunctionType =>
  numberIn(FunctionType, "function type", given) as FunctionType;
export const functionTypeName = (type: number): FunctionTypeName => nameIn(FunctionType, type) as FunctionTypeName;
export const indexStateName = (state: number): IndexStateName => nameIn(IndexState, state, "IndexState") as IndexStateName;
export const restoreStateName = (state: number): RestoreStateName =>
  nameIn(RestoreSnapshotState, state, "RestoreSnapshot") as RestoreStateName;
export const loadStateName = (state: number): LoadStateName => nameIn(LoadState, state, "LoadState") as LoadStateName;

/** Values of properties and parameters: text goes as it is, everything else as JSON. */
export type Properties = Readonly<Record<string, unknown>>;

export const pairsOf = (properties: Properties | undefined): KeyValuePair[] =>
  Object.entries(properties ?? {}).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: typeof value === "string" ? value : (toJsonText(value) ?? "") }],
  );

export const propertiesOf = (pairs: readonly KeyValuePair[]): Record<string, string> =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, value]));
