/** Messages made inside the process, brought to the form of messages that were read from the wire: every field present, at every depth. */
import type { Init, MessageType } from "../shared/proto/wire.js";

/** Bytes and packed floats are kept as they are, not copied. */
export const complete = <T extends object>(type: MessageType<T>, init: Init<T>): T => {
  const message = type.create(init) as Record<string, unknown>;
  for (const field of type.fields) {
    const value = message[field.name];
    const inner = field.type?.();
    if (inner === undefined || value === undefined || value === null) continue;
    if (field.mapKey)
      message[field.name] = new Map([...(value as Map<unknown, object>)].map(([key, each]) => [key, complete(inner, each)]));
    else if (field.repeated) message[field.name] = (value as object[]).map((each) => complete(inner, each));
    else message[field.name] = complete(inner, value);
  }
  return message as T;
};
