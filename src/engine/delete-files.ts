/** Delete sets of sealed segments, as files. */
import { failureBecause } from "../shared/errors.js";
import type { Timestamp } from "../shared/types.js";
import type { CoreSegment } from "./core.js";
import { coreFailureOf } from "./core-errors.js";
import type { Applicable } from "./state.js";

/** Marks what the file tells; `upTo`: only deletes at or before this timestamp. @throws 1009 with the file and the offset when it is damaged */
export const readDeletes = async (state: Pick<Applicable, "store">, core: CoreSegment, file: string, upTo?: Timestamp): Promise<void> => {
  const bytes = await state.store.readFile(file);
  try {
    core.applyDeletes(bytes, upTo);
  } catch (error) {
    const known = coreFailureOf(error);
    if (known?.kind !== "damaged") throw error;
    const [, offset, what] = known.args;
    throw failureBecause("dataIntegrity", `${state.store.path(file)} at byte ${offset}: ${what}`);
  }
};
