// npm run conformance [-- --layer=mock] [--json]: see test/conformance/run.ts.
import { checkNode, runNode } from "./node.mjs"

checkNode()
process.exitCode = await runNode(["test/conformance/run.ts", ...process.argv.slice(2)])
