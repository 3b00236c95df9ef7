// npm run bench [-- arguments]: runs bench/run.ts; with --sockets bench/sockets.ts; with --native, bench/native/run.ts on the real ws2_32 and one CPU:
// under Wine, figures that wander between two CPUs are bimodal.
import { checkNode, runNode } from "./node.mjs"

checkNode()
const oneCpu = process.platform === "win32" ? [] : ["--cpu=0"]
const args = process.argv.slice(2)
const rest = args.filter((arg) => arg !== "--native")
process.exitCode = await runNode(
  args.includes("--native")
    ? ["tools/wine/run.mjs", ...oneCpu, "--expose-gc", "bench/native/run.ts", ...rest]
    : [args.includes("--sockets") ? "bench/sockets.ts" : "bench/run.ts", ...rest]
)
