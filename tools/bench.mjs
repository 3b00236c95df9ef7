// npm run bench [-- arguments]: runs bench/run.ts; with --native, bench/native/run.ts on the real ws2_32 and one CPU (under
// Wine, figures that wander between two CPUs are bimodal); with --idle, bench/idle.ts, natively if --native is given too.
import { checkNode, runNode } from "./node.mjs"

checkNode()
const oneCpu = process.platform === "win32" ? [] : ["--cpu=0"]
const args = process.argv.slice(2)
const given = (flag) => args.includes(flag)
const rest = args.filter((arg) => arg !== "--native" && arg !== "--idle")
const launcher = given("--native") ? ["tools/wine/run.mjs", ...oneCpu] : []
const script = given("--idle")
  ? ["--expose-gc", "bench/idle.ts", ...(given("--native") ? ["--native"] : [])]
  : [given("--native") ? "bench/native/run.ts" : "bench/run.ts"]
process.exitCode = await runNode([...launcher, ...script, ...rest])
