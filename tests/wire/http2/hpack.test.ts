/** HPACK: the examples of RFC 7541 (appendix C), what breaks, and whatever node's own client encodes. */
import { connect } from "node:http2";
import { createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { HpackDecoder } from "../../../src/wire/http2/hpack-decoder.js";
import { encodeHeaders } from "../../../src/wire/http2/hpack-encoder.js";
import { generator, readFrames } from "./support.js";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

const listOf = (decoder: HpackDecoder, bytes: Buffer) => {
  const { fields, tooLong } = decoder.decode(bytes, 0, bytes.length);
  expect(tooLong).toBe(false);
  return fields.map(({ name, value }) => `${name}: ${value}`);
};

const requests = [
  [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
  [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache"],
  [":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com", "custom-key: custom-value"],
];

test("C.2: each kind of field", () => {
  expect(listOf(new HpackDecoder(4096), hex("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572"))).toEqual([
    "custom-key: custom-header",
  ]);
  expect(listOf(new HpackDecoder(4096), hex("040c 2f73 616d 706c 652f 7061 7468"))).toEqual([":path: /sample/path"]);
  expect(listOf(new HpackDecoder(4096), hex("1008 7061 7373 776f 7264 0673 6563 7265 74"))).toEqual(["password: secret"]);
  expect(listOf(new HpackDecoder(4096), hex("82"))).toEqual([":method: GET"]);
});

test("C.3 and C.4: three requests on one connection, plain and Huffman coded", () => {
  const plain = [
    "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
    "8286 84be 5808 6e6f 2d63 6163 6865",
    "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
  ];
  const coded = [
    "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
    "8286 84be 5886 a8eb 1064 9cbf",
    "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
  ];
  for (const blocks of [plain, coded]) {
    const decoder = new HpackDecoder(4096);
    expect(blocks.map((block) => listOf(decoder, hex(block)))).toEqual(requests);
  }
});

test("C.5 and C.6: entries leave a table of 256 bytes in the order of their age", () => {
  const plain = [
    "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
    "4803 3330 37c1 c0bf",
    "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
  ];
  const coded = [
    "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
    "4883 640e ffc1 c0bf",
    "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
  ];
  const [date, later, location] = ["Mon, 21 Oct 2013 20:13:21 GMT", "Mon, 21 Oct 2013 20:13:22 GMT", "https://www.example.com"];
  const cookie = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
  for (const blocks of [plain, coded]) {
    const decoder = new HpackDecoder(4096);
    // The examples begin with a table of 256 bytes.
    const lists = blocks.map((block, at) => listOf(decoder, at === 0 ? Buffer.concat([hex("3fe101"), hex(block)]) : hex(block)));
    expect(lists).toEqual([
      [":status: 302", "cache-control: private", `date: ${date}`, `location: ${location}`],
      [":status: 307", "cache-control: private", `date: ${date}`, `location: ${location}`],
      [
        ":status: 200",
        "cache-control: private",
        `date: ${later}`,
        `location: ${location}`,
        "content-encoding: gzip",
        `set-cookie: ${cookie}`,
      ],
    ]);
  }
});

test("what is no header block is told as such", () => {
  const broken = ["80", "be", "ff80808080 01", "400a61", "40", "3fe21f", "823f e101", "0085 ffff ffff ff00", "0081 ff00", "0082 ffff 00"];
  for (const bytes of broken) {
    const block = hex(bytes);
    expect(() => new HpackDecoder(4096).decode(block, 0, block.length), bytes).toThrow(/^HPACK: /);
  }
});

test("a block of references to one long entry is counted, not kept", () => {
  const entry = Buffer.concat([hex("4001 61 7f810f"), Buffer.alloc(2048, 0x62)]);
  const decoder = new HpackDecoder(64 * 1024);
  expect(decoder.decode(entry, 0, entry.length).tooLong).toBe(false);
  const bomb = Buffer.alloc(16_000, 0xbe);
  const { fields, tooLong } = decoder.decode(bomb, 0, bomb.length);
  expect(tooLong).toBe(true);
  expect(fields.length).toBeLessThan(32);
  // The table is still the same.
  expect(listOf(decoder, hex("be"))[0]).toMatch(/^a: b{2048}$/);
});

test("what we encode is read back", () => {
  const fields: [string, string][] = [
    [":status", "200"],
    [":status", "415"],
    ["content-type", "application/grpc"],
    ["grpc-message", "x".repeat(5000)],
    ["date", ""],
    ["x-new", "\u00ff"],
  ];
  expect(listOf(new HpackDecoder(64 * 1024), encodeHeaders(fields))).toEqual(fields.map(([name, value]) => `${name}: ${value}`));
});

const seed = Number(process.env.ELANUS_SEED ?? 20_260_102);

test(`random header lists of node's client, seed ${seed}`, async () => {
  const next = generator(seed);
  const text = (characters: string, length: number) => Array.from({ length }, () => characters[next(characters.length)]).join("");
  const names = Array.from({ length: 30 }, () => `x-${text("abcdefghijklmnopqrstuvwxyz0123456789-", 1 + next(20))}`);
  const values = Array.from({ length: 40 }, () => text("!#$%&'()*+,-./0189:;<=>?@AMZ[]^_`amz{|}~\u00e4\u00ff", next(300)));
  const lists = Array.from({ length: 120 }, (_, at) => {
    const picked = Array.from({ length: next(12) }, () => [names[next(names.length)], values[next(values.length)]] as const);
    return Object.fromEntries([[":path", `/${at % 7}`], ["authorization", `a${next(3)}`], ...picked]);
  });
  const got: string[][] = [];
  const decoder = new HpackDecoder(64 * 1024);
  let accepted: Socket | undefined;
  const recorder = createServer((socket) => {
    accepted = socket;
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    readFrames(socket, true, ({ type, payload, flags }) => {
      if (type !== 1) return;
      expect(flags & 0x4).toBe(4);
      got.push(listOf(decoder, flags & 0x20 ? payload.subarray(5) : payload));
    });
  });
  await new Promise<void>((resolve) => recorder.listen(0, "127.0.0.1", () => resolve()));
  const session = connect(`http://127.0.0.1:${(recorder.address() as { port: number }).port}`);
  for (const list of lists) session.request(list).on("error", () => {});
  while (got.length < lists.length) await new Promise((resolve) => setTimeout(resolve, 5));
  session.destroy();
  accepted?.destroy();
  recorder.close();
  for (const [at, list] of lists.entries()) {
    const sent = Object.entries(list).map(([name, value]) => `${name}: ${value}`);
    const rest = (got[at] as string[]).filter((line) => !/^:(method|scheme|authority): /.test(line));
    expect(rest.sort(), `seed ${seed}, list ${at}`).toEqual(sent.sort());
  }
});
