// npm run simulate -- [--runs N] [--streams N] [--seed S]: more runs of the models than `npm test` makes; see
// test/model/simulate.ts.
import { checkNode, runNode } from "./node.mjs"

checkNode()
process.exitCode = await runNode(["test/model/simulate.ts", ...process.argv.slice(2)])
