/** Who asks. Only this room makes one: the guard for calls that come in, and `localPrincipal` for callers inside of this process. */
import { ROOT } from "../shared/access.js";

declare const made: unique symbol;

/** The mark is not exported, so no other file can make one. */
export interface Principal {
  readonly user: string;
  /** Nothing is asked: authorization is off, or it is root. */
  readonly unlimited: boolean;
  readonly [made]: true;
}

/** For the guard alone. */
export const principal = (user: string, unlimited: boolean): Principal => ({ user, unlimited }) as Principal;

const local = principal(ROOT, true);

/** The principal of a caller inside this process. */
export const localPrincipal = (): Principal => local;
