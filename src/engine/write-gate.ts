/**
 * Keeps other writes of a collection out while one reads rows and writes what it made of them.
 *
 * Ordinary writes share the gate: they never wait for each other, and for nothing at all while nobody wants it alone. An update of some columns holds it
 * alone, from before it reads until its record is applied. Who comes waits behind who waits already, so neither kind is kept out for ever.
 */
interface Gate {
  sharing: number;
  alone: boolean;
  readonly waiting: { readonly alone: boolean; readonly enter: () => void }[];
}

export class WriteGates {
  private readonly gates = new Map<bigint, Gate>();

  async share<T>(collectionId: bigint, work: () => Promise<T>): Promise<T> {
    const gate = this.gateOf(collectionId);
    if (gate.alone || gate.waiting.length > 0) await new Promise<void>((enter) => gate.waiting.push({ alone: false, enter }));
    else gate.sharing++;
    try {
      return await work();
    } finally {
      gate.sharing--;
      this.admit(collectionId, gate);
    }
  }

  async alone<T>(collectionId: bigint, work: () => Promise<T>): Promise<T> {
    const gate = this.gateOf(collectionId);
    if (gate.alone || gate.sharing > 0 || gate.waiting.length > 0)
      await new Promise<void>((enter) => gate.waiting.push({ alone: true, enter }));
    else gate.alone = true;
    try {
      return await work();
    } finally {
      gate.alone = false;
      this.admit(collectionId, gate);
    }
  }

  private gateOf(collectionId: bigint): Gate {
    let gate = this.gates.get(collectionId);
    if (gate === undefined) {
      gate = { sharing: 0, alone: false, waiting: [] };
      this.gates.set(collectionId, gate);
    }
    return gate;
  }

  /** Lets in the first that waits, and those behind it that may share with it. They count as inside from here on. */
  private admit(collectionId: bigint, gate: Gate): void {
    for (let first = gate.waiting[0]; first !== undefined && !gate.alone; first = gate.waiting[0]) {
      if (first.alone && gate.sharing > 0) return;
      gate.waiting.shift();
      if (first.alone) gate.alone = true;
      else gate.sharing++;
      first.enter();
    }
    if (!gate.alone && gate.sharing === 0 && gate.waiting.length === 0) this.gates.delete(collectionId);
  }
}
