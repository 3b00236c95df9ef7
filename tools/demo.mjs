// npm run demo [-- --native] [arguments]: runs examples/demo.ts on the mock, or on the real ws2_32.dll. The program
// learns which from EFFECT_WINSOCK_LAYER.
import { checkNode, runNode } from "./node.mjs"

checkNode()
const args = process.argv.slice(2)
const native = args.includes("--native")
const rest = args.filter((arg) => arg !== "--native")
const launcher = native ? ["tools/wine/run.mjs"] : []
const env = { ...process.env, EFFECT_WINSOCK_LAYER: native ? "native" : "mock" }
process.exitCode = await runNode([...launcher, "examples/demo.ts", ...rest], env)
