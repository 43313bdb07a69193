/** Primary keys as `schema.IDs` messages: the form in which the core takes and gives them. */
import { IDs } from "../shared/proto/generated/messages.js";
import type { PrimaryKeys } from "../shared/types.js";

const encode = (keys: PrimaryKeys): Buffer =>
  IDs.encode(keys.kind === "int64" ? { intId: { data: keys.keys } } : { strId: { data: keys.keys } });

const count = (ids: Buffer): number => {
  const message = IDs.decode(ids);
  return message.intId?.data.length ?? message.strId?.data.length ?? 0;
};

export const PrimaryKeyIds = { encode, count };
