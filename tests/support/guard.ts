/** Guards for tests: authorization off unless told, and hashes that cost nothing. */
import { Guard, type GuardOptions } from "../../src/auth/guard.js";
import { type Access, INITIAL_ACCESS } from "../../src/shared/access.js";
import { realEnv } from "../../src/shared/env.js";

/** Far too cheap for anything but tests. */
export const CHEAP = { cost: 2, blockSize: 1, parallel: 1 };

export const testGuard = (access: () => Access = () => INITIAL_ACCESS, options: Partial<GuardOptions> = {}): Guard =>
  new Guard({ enabled: false, rootPassword: "Milvus", access, env: realEnv, cost: CHEAP, ...options });
