/** A client that says any frame it likes. */
import type { Socket } from "node:net";
import { encodeHeaders } from "../../../src/wire/http2/hpack-encoder.js";
import type { RunningServer } from "../../../src/wire/server.js";
import { grpcPath, openSocket } from "../support.js";

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

export const generator = (state: number) => (below: number) => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};

/** `preface`: whether the bytes begin with a client's. */
export const readFrames = (socket: Socket, preface: boolean, onFrame: (frame: Frame) => void): void => {
  let bytes: Buffer = Buffer.alloc(0);
  let skip = preface ? 24 : 0;
  socket.on("data", (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length < skip) return;
    bytes = bytes.subarray(skip);
    skip = 0;
    while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      const end = 9 + bytes.readUIntBE(0, 3);
      onFrame({ type: bytes[3] as number, flags: bytes[4] as number, streamId: bytes.readUInt32BE(5), payload: bytes.subarray(9, end) });
      bytes = bytes.subarray(end);
    }
  });
};

export const frameOf = (type: number, flags: number, streamId: number, payload: Uint8Array = Buffer.alloc(0)): Buffer => {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
};

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

export const settings = (...pairs: (readonly [id: number, value: number])[]): Buffer =>
  frameOf(4, 0, 0, Buffer.concat(pairs.map(([id, value]) => Buffer.concat([Buffer.from([0, id]), uint32(value)]))));

/** The header block of a gRPC call. */
export const callBlock = (rpc: string, more: [string, string][] = []): Buffer =>
  encodeHeaders([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", grpcPath(rpc)[":path"] as string],
    [":authority", "a"],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
    ...more,
  ]);

export class RawClient {
  readonly frames: Frame[] = [];
  closed = false;

  private constructor(readonly socket: Socket) {
    readFrames(socket, false, (frame) => this.frames.push(frame));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
    });
  }

  static async open(server: RunningServer, ...pairs: (readonly [id: number, value: number])[]): Promise<RawClient> {
    const client = new RawClient(await openSocket(server));
    client.send(Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), settings(...pairs));
    return client;
  }

  send(...frames: Buffer[]): void {
    if (!this.closed) this.socket.write(Buffer.concat(frames));
  }

  /** The first frame that it has got, or gets, of which this is true. */
  async until(wanted: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.frames.find(wanted);
      if (found) return found;
      if (this.closed) throw new Error(`closed after ${this.frames.map(({ type, streamId }) => `${type}@${streamId}`)}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  of(streamId: number, type: number): Frame[] {
    return this.frames.filter((frame) => frame.streamId === streamId && frame.type === type);
  }

  /** The code of the GOAWAY that ends the connection. */
  async goAwayCode(): Promise<number> {
    const frame = await this.until(({ type }) => type === 7);
    return frame.payload.readUInt32BE(4);
  }

  async resetCode(streamId: number): Promise<number> {
    return (await this.until((frame) => frame.type === 3 && frame.streamId === streamId)).payload.readUInt32BE(0);
  }

  /** Waits for the end of a stream. */
  async ended(streamId: number): Promise<void> {
    await this.until((frame) => frame.streamId === streamId && frame.type <= 1 && (frame.flags & 1) === 1);
  }
}
