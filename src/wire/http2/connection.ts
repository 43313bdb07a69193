/**
 * The server's side of one HTTP/2 connection, over any duplex socket.
 *
 * Chunks of the socket -> frames (frame-reader.ts) -> streams (stream.ts) and their handlers; replies -> sender.ts -> outbox.ts -> one write a turn. States: open ->
 * leaving (GOAWAY was said: streams that run go on, new ones are refused) -> closed (what was said is still flushed; the peer is listened to no more). What breaks
 * the protocol of the connection ends it with GOAWAY and the code; what breaks that of a stream resets the stream. Streams are forgotten when they
 * close; only of those that we reset are a number remembered, because the client may have sent more before it heard of it.
 * Source: RFC 9113.
 */
import type { Duplex } from "node:stream";
import { Bounds } from "./bounds.js";
import { FrameReader, type FrameSink } from "./frame-reader.js";
import { blockRange, HeaderBlocks, type RequestHeaders } from "./headers.js";
import { encodeHeaders } from "./hpack-encoder.js";
import { Outbox } from "./outbox.js";
import { ConnectionError, ErrorCode, Flag, FrameType, INT31_MAX, Setting } from "./protocol.js";
import { ReceiveWindow } from "./receive-window.js";
import { Sender } from "./sender.js";
import { readSettings, sendSettings, sendSettingsAck } from "./settings.js";
import type { Http2Stream } from "./stream.js";
import { StreamTable } from "./stream-table.js";

export interface ConnectionOptions {
  /** Bytes that a client may send ahead: of one stream, of the connection. */
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  /** Streams at once. */
  readonly streamsMax: number;
  /** Of one header list, by RFC 9113's measure. */
  readonly headerBytesMax: number;
  /** Until the client's SETTINGS must have come. Milliseconds. */
  readonly prefaceMs: number;
  /** How long a connection may be quiet until it is pinged, and then until the answer must come. Milliseconds. */
  readonly pingMs: number;
  readonly pongMs: number;
  /** Monotonic milliseconds. */
  elapsed(): number;
  /** A request: to give its stream a handler, or answer it at once. */
  onRequest(stream: Http2Stream): void;
  /** Why the connection was ended; it goes on by itself. */
  onError(error: Error): void;
  /** Once, at the end. */
  onClose(): void;
}

/** How long a closed connection may take to send its last bytes. Milliseconds. */
const LINGER_MS = 1000;

/** DATA that carries less and does not end its stream moves next to nothing. */
const CONTENT_BYTES_MIN = 64;
/** The dynamic table that we assume of a peer which does not speak of it. */
const TABLE_BYTES_DEFAULT = 4096;

const HEADERS_TOO_LONG = encodeHeaders([[":status", "431"]]);

const protocolError = (message: string) => new ConnectionError(ErrorCode.Protocol, message);
const sizeError = (message: string) => new ConnectionError(ErrorCode.FrameSize, message);

export class Http2Connection implements FrameSink {
  private readonly sender: Sender;
  private readonly outbox: Outbox;
  private readonly reader = new FrameReader(this);
  private readonly blocks: HeaderBlocks;
  private readonly receiving: ReceiveWindow;
  private readonly bounds: Bounds;
  private readonly streams: StreamTable;
  private settled = false;
  private leaving = false;
  private peerLeaving = false;
  private closed = false;
  private gone = false;
  private pongTimer: NodeJS.Timeout | undefined;
  private readonly pingTimer: NodeJS.Timeout;
  private readonly prefaceTimer: NodeJS.Timeout;
  /** The stream whose header block goes on in the next frame, and the flags of its first; 0: none does. */
  private continued = 0;
  private continuedFlags = 0;
  /** Of the DATA frame that is being read. */
  private dataStream: Http2Stream | undefined;
  private dataBytes = 0;
  private contentBytes = 0;

  constructor(
    private readonly socket: Duplex,
    private readonly options: ConnectionOptions,
  ) {
    this.bounds = new Bounds(options.elapsed);
    this.outbox = new Outbox(socket, () => this.sender.pump());
    this.sender = new Sender(this.outbox, () => this.bounds.moved());
    this.blocks = new HeaderBlocks(options.headerBytesMax);
    this.receiving = new ReceiveWindow(this.outbox, options.streamWindowBytes, options.connectionWindowBytes);
    const { outbox, sender, receiving, bounds } = this;
    this.streams = new StreamTable({ outbox, sender, receiving, bounds, onFewer: () => this.closeIfIdle() });
    sendSettings(this.outbox, [
      [Setting.MaxConcurrentStreams, options.streamsMax],
      [Setting.InitialWindowSize, options.streamWindowBytes],
      [Setting.MaxHeaderListSize, options.headerBytesMax],
    ]);
    this.receiving.open();
    this.prefaceTimer = setTimeout(
      () => this.fail(protocolError("the client did not say its SETTINGS in time")),
      options.prefaceMs,
    ).unref();
    this.pingTimer = setInterval(() => this.ping(), options.pingMs).unref();
    socket.on("data", (chunk: Buffer) => this.push(chunk));
    socket.on("drain", () => this.sender.pump());
    socket.on("end", () => this.close());
    socket.on("close", () => this.end());
  }

  /** Ends the connection once the streams that run are done; refuses new ones. */
  leave(): void {
    if (this.leaving || this.closed) return;
    this.leaving = true;
    this.goAway(ErrorCode.NoError, "");
    this.closeIfIdle();
  }

  /** Asks for a sign of life. */
  private ping(): void {
    this.pongTimer = setTimeout(() => this.socket.destroy(), this.options.pongMs).unref();
    this.outbox.frameHeader(8, FrameType.Ping, 0, 0);
    this.outbox.bytes(Buffer.alloc(8));
  }

  /** Cuts streams that run; what was said is still sent. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.stopTimers();
    this.streams.abort();
    this.outbox.flush();
    this.socket.end();
    const timer = setTimeout(() => this.socket.destroy(), LINGER_MS).unref();
    this.socket.once("close", () => clearTimeout(timer));
  }

  private end(): void {
    if (this.gone) return;
    this.gone = true;
    this.closed = true;
    this.stopTimers();
    this.streams.abort();
    this.options.onClose();
  }

  private stopTimers(): void {
    clearTimeout(this.prefaceTimer);
    clearInterval(this.pingTimer);
    clearTimeout(this.pongTimer);
  }

  private push(chunk: Buffer): void {
    if (this.closed) return;
    try {
      this.reader.push(chunk);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  private fail(error: Error): void {
    if (this.closed) return;
    this.options.onError(error);
    const known = error instanceof ConnectionError;
    this.goAway(known ? error.code : ErrorCode.Internal, known ? error.message : "");
    this.close();
  }

  private goAway(code: ErrorCode, message: string): void {
    this.outbox.frameHeader(8 + message.length, FrameType.GoAway, 0, 0);
    this.outbox.uint32(this.streams.lastId);
    this.outbox.uint32(code);
    this.outbox.bytes(Buffer.from(message, "latin1"));
  }

  private closeIfIdle(): void {
    if ((this.leaving || this.peerLeaving) && this.streams.size === 0) this.close();
  }

  // Frames, as frame-reader.ts tells them.

  onFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    if (this.closed) return;
    if (this.continued !== 0 && (type !== FrameType.Continuation || streamId !== this.continued))
      throw protocolError("a header block is interrupted");
    if (!this.settled && (type !== FrameType.Settings || (flags & Flag.Ack) !== 0)) throw protocolError("the first frame is not SETTINGS");
    if (type === FrameType.Headers) this.onHeaders(flags, streamId, bytes, start, end);
    else if (type === FrameType.Continuation) this.onContinuation(flags, streamId, bytes, start, end);
    else {
      this.bounds.idleFrame();
      if (type === FrameType.ResetStream) this.onReset(streamId, end - start);
      else if (type === FrameType.WindowUpdate) this.onWindowUpdate(streamId, bytes, start, end);
      else if (type === FrameType.Settings) this.onSettings(flags, streamId, bytes, start, end);
      else if (type === FrameType.Ping) this.onPing(flags, streamId, bytes, start, end);
      else if (type === FrameType.Priority) this.onPriority(streamId, bytes, start, end);
      else if (type === FrameType.GoAway) this.onGoAway(streamId, end - start);
      else if (type === FrameType.PushPromise) throw protocolError("a client cannot push");
    }
  }

  private onHeaders(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    if ((streamId & 1) === 0) throw protocolError(`HEADERS on stream ${streamId}`);
    const { from, to, dependency } = blockRange(flags, bytes, start, end);
    if ((flags & Flag.EndHeaders) !== 0) this.onHeaderBlock(flags, streamId, bytes, from, to);
    else {
      this.blocks.keep(bytes, from, to);
      this.continued = streamId;
      this.continuedFlags = flags;
    }
    if (dependency === streamId && this.streams.get(streamId) !== undefined) this.streams.fail(streamId, ErrorCode.Protocol);
  }

  private onContinuation(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    if (this.continued === 0) throw protocolError("CONTINUATION without a header block");
    if ((flags & Flag.EndHeaders) === 0) {
      this.blocks.keep(bytes, start, end);
      return;
    }
    this.continued = 0;
    this.onHeaderBlock(this.continuedFlags, streamId, bytes, start, end);
  }

  private onHeaderBlock(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    const ends = (flags & Flag.EndStream) !== 0;
    const stream = this.streams.get(streamId);
    const known = !this.streams.isIdle(streamId);
    const list = this.blocks.read(bytes, start, end, known);
    if (stream !== undefined) {
      if (stream.remoteEnded) this.streams.fail(streamId, ErrorCode.StreamClosed);
      else if (!ends || list === "malformed" || !isWhole(stream)) this.streams.fail(streamId, ErrorCode.Protocol);
      else stream.receiveEnd();
    } else if (known) {
      if (!this.streams.wasReset(streamId))
        throw new ConnectionError(ErrorCode.StreamClosed, `HEADERS on stream ${streamId}, which is closed`);
    } else if (this.leaving) this.streams.fail(streamId, ErrorCode.RefusedStream);
    else {
      this.streams.lastId = streamId;
      this.onRequest(streamId, list as RequestHeaders | "malformed" | "tooLong", ends);
    }
  }

  private onRequest(streamId: number, headers: RequestHeaders | "malformed" | "tooLong", ends: boolean): void {
    if (this.streams.size >= this.options.streamsMax) this.streams.fail(streamId, ErrorCode.RefusedStream);
    else if (headers === "malformed") this.streams.fail(streamId, ErrorCode.Protocol);
    else if (headers === "tooLong") {
      this.sender.headers(streamId, HEADERS_TOO_LONG, true);
      if (!ends) this.streams.fail(streamId, ErrorCode.NoError);
    } else {
      const stream = this.streams.open(streamId, headers);
      if (ends && !isWhole(stream)) {
        this.streams.fail(streamId, ErrorCode.Protocol);
        return;
      }
      this.options.onRequest(stream);
      if (ends && !stream.closed) stream.receiveEnd();
    }
  }

  onDataBegin(streamId: number, flags: number, length: number): void {
    if (this.closed) return;
    if (this.continued !== 0) throw protocolError("a header block is interrupted");
    if (!this.settled || this.streams.isIdle(streamId)) throw protocolError(`DATA on stream ${streamId}`);
    this.receiving.take(length);
    if (length >= CONTENT_BYTES_MIN) this.bounds.moved();
    else if ((flags & Flag.EndStream) === 0) this.bounds.idleFrame();
    this.dataBytes = length;
    this.contentBytes = 0;
    const stream = this.streams.get(streamId);
    this.dataStream = stream;
    if (stream === undefined) {
      if (!this.streams.wasReset(streamId)) this.streams.fail(streamId, ErrorCode.StreamClosed);
    } else if (stream.remoteEnded) this.streams.fail(streamId, ErrorCode.StreamClosed);
    else {
      stream.receiveWindow -= length;
      if (stream.receiveWindow < 0) this.streams.fail(streamId, ErrorCode.FlowControl);
    }
  }

  onData(bytes: Buffer, start: number, end: number): void {
    if (this.closed) return;
    const stream = this.dataStream;
    const length = end - start;
    this.contentBytes += length;
    if (stream === undefined || stream.closed) {
      this.receiving.give(length);
      return;
    }
    stream.received += length;
    if (stream.receive(bytes.subarray(start, end))) {
      this.receiving.give(length);
      this.receiving.giveStream(stream, length);
    } else this.receiving.hold(length);
  }

  onDataEnd(flags: number): void {
    if (this.closed) return;
    const stream = this.dataStream;
    this.dataStream = undefined;
    const padding = this.dataBytes - this.contentBytes;
    if (padding > 0) this.receiving.give(padding);
    if (stream === undefined || stream.closed) return;
    if (padding > 0) this.receiving.giveStream(stream, padding);
    if ((flags & Flag.EndStream) === 0) return;
    if (isWhole(stream)) stream.receiveEnd();
    else this.streams.fail(stream.id, ErrorCode.Protocol);
  }

  private onReset(streamId: number, length: number): void {
    if (length !== 4) throw sizeError(`RST_STREAM of ${length} bytes`);
    if (this.streams.isIdle(streamId)) throw protocolError(`RST_STREAM on stream ${streamId}`);
    const stream = this.streams.get(streamId);
    this.streams.forgetReset(streamId);
    if (stream === undefined) return;
    this.streams.forget(stream, true);
    this.bounds.reset();
  }

  private onWindowUpdate(streamId: number, bytes: Buffer, start: number, end: number): void {
    if (end - start !== 4) throw sizeError(`WINDOW_UPDATE of ${end - start} bytes`);
    const more = bytes.readUInt32BE(start) & INT31_MAX;
    if (streamId === 0) {
      if (more === 0) throw protocolError("WINDOW_UPDATE of nothing");
      this.sender.window += more;
      if (this.sender.window > INT31_MAX) throw new ConnectionError(ErrorCode.FlowControl, "the connection's window is too large");
    } else {
      if (this.streams.isIdle(streamId)) throw protocolError(`WINDOW_UPDATE on stream ${streamId}`);
      const stream = this.streams.get(streamId);
      if (stream === undefined) return;
      stream.sendWindow += more;
      if (more === 0) this.streams.fail(streamId, ErrorCode.Protocol);
      else if (stream.sendWindow > INT31_MAX) this.streams.fail(streamId, ErrorCode.FlowControl);
      else this.sender.offer(stream);
    }
    this.sender.pump();
  }

  private onSettings(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    if (streamId !== 0) throw protocolError(`SETTINGS on stream ${streamId}`);
    if ((flags & Flag.Ack) !== 0) {
      if (end !== start) throw sizeError("SETTINGS acknowledged with a payload");
      return;
    }
    for (const [id, value] of readSettings(bytes, start, end)) {
      if (id === Setting.HeaderTableSize && value < TABLE_BYTES_DEFAULT) this.sender.limitTable();
      else if (id === Setting.MaxFrameSize) this.sender.frameBytesMax = value;
      else if (id === Setting.InitialWindowSize) this.streams.resizeWindows(value);
    }
    if (!this.settled) {
      this.settled = true;
      clearTimeout(this.prefaceTimer);
    }
    this.bounds.answer(this.outbox.blocked);
    sendSettingsAck(this.outbox);
    this.sender.pump();
  }

  private onPing(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    if (streamId !== 0) throw protocolError(`PING on stream ${streamId}`);
    if (end - start !== 8) throw sizeError(`PING of ${end - start} bytes`);
    if ((flags & Flag.Ack) !== 0) {
      clearTimeout(this.pongTimer);
      return;
    }
    this.bounds.answer(this.outbox.blocked);
    this.outbox.frameHeader(8, FrameType.Ping, Flag.Ack, 0);
    this.outbox.bytes(bytes, start, end);
  }

  /** Priorities are read and not used. */
  private onPriority(streamId: number, bytes: Buffer, start: number, end: number): void {
    if (streamId === 0) throw protocolError("PRIORITY on stream 0");
    if (end - start !== 5) this.streams.fail(streamId, ErrorCode.FrameSize);
    else if ((bytes.readUInt32BE(start) & INT31_MAX) === streamId) this.streams.fail(streamId, ErrorCode.Protocol);
  }

  private onGoAway(streamId: number, length: number): void {
    if (streamId !== 0) throw protocolError(`GOAWAY on stream ${streamId}`);
    if (length < 8) throw sizeError(`GOAWAY of ${length} bytes`);
    this.peerLeaving = true;
    this.closeIfIdle();
  }
}

/** Whether the body is as long as its `content-length` promised. */
const isWhole = (stream: Http2Stream): boolean => stream.promised < 0 || stream.promised === stream.received;
