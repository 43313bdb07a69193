/** SETTINGS: what we say, and what a peer may say. Source: RFC 9113, section 6.5. */
import type { Outbox } from "./outbox.js";
import {
  ConnectionError,
  ErrorCode,
  Flag,
  FRAME_BYTES_DEFAULT,
  FRAME_BYTES_LIMIT,
  FrameType,
  INT31_MAX,
  SETTING_BYTES,
  Setting,
} from "./protocol.js";

export const sendSettings = (outbox: Outbox, settings: readonly (readonly [id: number, value: number])[]): void => {
  const payload = Buffer.alloc(settings.length * SETTING_BYTES);
  for (const [index, [id, value]] of settings.entries()) {
    payload.writeUInt16BE(id, index * SETTING_BYTES);
    payload.writeUInt32BE(value, index * SETTING_BYTES + 2);
  }
  outbox.frameHeader(payload.length, FrameType.Settings, 0, 0);
  outbox.bytes(payload);
};

export const sendSettingsAck = (outbox: Outbox): void => outbox.frameHeader(0, FrameType.Settings, Flag.Ack, 0);

const check = (id: number, value: number): void => {
  if (id === Setting.EnablePush && value > 1) throw new ConnectionError(ErrorCode.Protocol, `SETTINGS_ENABLE_PUSH is ${value}`);
  if (id === Setting.InitialWindowSize && value > INT31_MAX)
    throw new ConnectionError(ErrorCode.FlowControl, `SETTINGS_INITIAL_WINDOW_SIZE is ${value}`);
  if (id === Setting.MaxFrameSize && (value < FRAME_BYTES_DEFAULT || value > FRAME_BYTES_LIMIT))
    throw new ConnectionError(ErrorCode.Protocol, `SETTINGS_MAX_FRAME_SIZE is ${value}`);
};

/** The peer's settings, in their order. @throws ConnectionError */
export const readSettings = (bytes: Buffer, start: number, end: number): [id: number, value: number][] => {
  if ((end - start) % SETTING_BYTES !== 0) throw new ConnectionError(ErrorCode.FrameSize, "SETTINGS are no whole number of settings");
  const settings: [number, number][] = [];
  for (let at = start; at < end; at += SETTING_BYTES) {
    const [id, value] = [bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2)];
    check(id, value);
    settings.push([id, value]);
  }
  return settings;
};
