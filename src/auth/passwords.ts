/**
 * Passwords as hashes: scrypt with a salt each, in the text form `scrypt$cost$blockSize$parallel$salt$key`.
 *
 * One hash takes 16 MB and a tenth to a fifth of a second of a thread, never the event loop. Node hashes on the threads that files are written on too, so only
 * two run at a time: a flood of wrong passwords must not keep the log from the disk. What waits is bounded.
 * Costs: OWASP Password Storage Cheat Sheet (scrypt N=2^14, r=8, p=5).
 */
import { scrypt, timingSafeEqual } from "node:crypto";
import type { Env } from "../shared/env.js";
import { failure } from "../shared/errors.js";
import { VERIFICATIONS_WAITING_MAX } from "../shared/limits.js";

export interface ScryptCost {
  /** A power of two. */
  readonly cost: number;
  readonly blockSize: number;
  readonly parallel: number;
}

export const SCRYPT_COST: ScryptCost = { cost: 2 ** 14, blockSize: 8, parallel: 5 };

const SALT_BYTES = 16;
const KEY_BYTES = 32;
const AT_A_TIME = 2;

interface Stored extends ScryptCost {
  readonly salt: Buffer;
  readonly key: Buffer;
}

const FORM = /^scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([\w+/]+=*)\$([\w+/]+=*)$/;

/** undefined: no hash of ours. */
const parse = (hash: string): Stored | undefined => {
  const match = FORM.exec(hash);
  if (match === null) return undefined;
  const [cost, blockSize, parallel] = match.slice(1, 4).map(Number) as [number, number, number];
  // What a backup brings must not make a check take all the memory.
  if (cost < 2 || cost > 2 ** 17 || (cost & (cost - 1)) !== 0 || blockSize < 1 || blockSize > 32 || parallel < 1 || parallel > 16)
    return undefined;
  const [salt, key] = [Buffer.from(match[4] as string, "base64"), Buffer.from(match[5] as string, "base64")];
  return key.length === KEY_BYTES ? { cost, blockSize, parallel, salt, key } : undefined;
};

const derive = (password: string, salt: Buffer, { cost, blockSize, parallel }: ScryptCost): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const options = { N: cost, r: blockSize, p: parallel, maxmem: 256 * blockSize * (cost + parallel) + 65_536 };
    scrypt(password, salt, KEY_BYTES, options, (error, key) => (error ? reject(error) : resolve(key)));
  });

export class Passwords {
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  private readonly decoy: Stored;

  constructor(
    private readonly env: Pick<Env, "random">,
    private readonly cost: ScryptCost = SCRYPT_COST,
  ) {
    this.decoy = { ...cost, salt: env.random(SALT_BYTES), key: env.random(KEY_BYTES) };
  }

  /** @throws MilvusError 4 when too many wait */
  async hash(password: string): Promise<string> {
    const salt = this.env.random(SALT_BYTES);
    const key = await this.inTurn(() => derive(password, salt, this.cost));
    const { cost, blockSize, parallel } = this.cost;
    return `scrypt$${cost}$${blockSize}$${parallel}$${salt.toString("base64")}$${key.toString("base64")}`;
  }

  /** Without a hash (nobody of that name), or with one that is none of ours, it takes as long and answers false. */
  async verify(password: string, hash: string | undefined): Promise<boolean> {
    const known = hash === undefined ? undefined : parse(hash);
    const stored = known ?? this.decoy;
    const key = await this.inTurn(() => derive(password, stored.salt, stored));
    return timingSafeEqual(key, stored.key) && known !== undefined;
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.waiting.length >= VERIFICATIONS_WAITING_MAX)
      throw failure("tooManyRequests", { limit: VERIFICATIONS_WAITING_MAX }, "passwords to verify");
    if (this.running >= AT_A_TIME) await new Promise<void>((go) => this.waiting.push(go));
    else this.running++;
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      // The place is handed on, so that nobody comes in between.
      if (next) next();
      else this.running--;
    }
  }
}
