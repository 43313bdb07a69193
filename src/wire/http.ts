/**
 * Carries REST requests: from an HTTP/1.1 message or an HTTP/2 stream to `Rest`, and its response back. Bodies are collected up to the limit; beyond it the
 * rest is not read, and the connection (HTTP/1) or stream (HTTP/2) is given up after the answer.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { Readable } from "node:stream";
import { REQUEST_BYTES_MAX } from "../shared/limits.js";
import type { Rest } from "./rest.js";

const single = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

const withoutQuery = (url: string): string => {
  const mark = url.indexOf("?");
  return mark < 0 ? url : url.slice(0, mark);
};

/** The whole body; undefined if it is larger than the limit. Rejects when the client goes away. */
const collect = (source: Readable, announced: number): Promise<Buffer | undefined> =>
  new Promise((resolve, reject) => {
    if (announced > REQUEST_BYTES_MAX) {
      resolve(undefined);
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length <= REQUEST_BYTES_MAX) return;
      source.off("data", onData);
      source.pause();
      resolve(undefined);
    };
    source.on("data", onData);
    source.once("end", () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, length)));
    source.once("error", reject);
    source.once("close", () => reject(new Error("the client closed the connection")));
  });

const lengthOf = (header: string | undefined): number => (header === undefined ? 0 : Number(header));

/** `closing`: whether connections should not be kept. */
export const serveHttp1 = (rest: Rest, request: IncomingMessage, response: ServerResponse, closing: () => boolean): void => {
  const gone = new AbortController();
  response.on("close", () => {
    if (!response.writableFinished) gone.abort();
  });
  response.on("error", () => response.destroy());
  rest({
    method: request.method ?? "",
    path: withoutQuery(request.url ?? ""),
    header: (name) => single(request.headers[name]),
    body: () => collect(request, lengthOf(request.headers["content-length"])),
    signal: gone.signal,
  }).then(
    ({ status, headers, body, close }) => {
      if (response.destroyed) return;
      const ends = close === true || closing();
      const length = status === 204 ? {} : { "content-length": Buffer.byteLength(body) };
      response.writeHead(status, { ...headers, ...length, ...(ends ? { connection: "close" } : {}) });
      response.end(request.method === "HEAD" ? undefined : body);
    },
    () => response.destroy(),
  );
};

/** A request on an HTTP/2 stream that is not gRPC. */
export const serveHttp2 = (rest: Rest, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
  const gone = new AbortController();
  stream.on("aborted", () => gone.abort());
  stream.on("error", () => stream.destroy());
  rest({
    method: single(headers[":method"]) ?? "",
    path: withoutQuery(single(headers[":path"]) ?? ""),
    header: (name) => single(headers[name]),
    body: () => collect(stream, lengthOf(headers["content-length"])),
    signal: gone.signal,
  }).then(
    (response) => {
      if (stream.destroyed) return;
      stream.respond({ ":status": response.status, ...response.headers });
      stream.end(headers[":method"] === "HEAD" ? undefined : response.body);
      if (response.close) stream.close(constants.NGHTTP2_NO_ERROR);
    },
    () => stream.destroy(),
  );
};
