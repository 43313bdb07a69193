/** What GetQuerySegmentInfo says of the segments that a loaded collection is read from. */
import { afterEach, expect, it } from "vitest";
import { openEngine } from "../../src/engine/open.js";
import { type GetQuerySegmentInfoResponse, SegmentState } from "../../src/shared/proto/generated/messages.js";
import { Driver } from "../support/driver.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const folders: string[] = [];
afterEach(() => {
  for (const each of folders.splice(0)) removeFolder(each);
});

it("a segment in a file is Sealed, one in memory is not told", async () => {
  const folder = temporaryFolder();
  folders.push(folder);
  const engine = await openEngine({ folder });
  const driver = new Driver(engine);
  await driver.createCollection("rows", 4);
  const segments = async () => {
    const reply = await driver.call<GetQuerySegmentInfoResponse>("GetQuerySegmentInfo", { collectionName: "rows" });
    return reply.infos.map(({ numRows, state }) => [Number(numRows), state]);
  };
  await driver.insert("rows", [1, 2, 3], 0);
  expect(await segments()).toEqual([]);
  await driver.flush("rows");
  expect(await segments()).toEqual([[3, SegmentState.Sealed]]);
  await engine.close();
});
