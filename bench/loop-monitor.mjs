// Loaded into the measured server with --import: on SIGUSR2 prints the longest stall of the event loop since the last signal.
import { monitorEventLoopDelay } from "node:perf_hooks";

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
process.on("SIGUSR2", () => {
  process.stderr.write(`loop-stall-ms=${(delay.max / 1e6).toFixed(2)}\n`);
  delay.reset();
});
