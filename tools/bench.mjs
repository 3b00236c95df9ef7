// npm run bench [-- arguments]: runs bench/run.ts.
import { checkNode, runNode } from "./node.mjs"

checkNode()
process.exitCode = await runNode(["bench/run.ts", ...process.argv.slice(2)])
