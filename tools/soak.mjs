// npm run soak: TCP against node:net with a gibibyte each way, which takes longer than `npm test` should.
import { checkNode, runNode } from "./node.mjs"

checkNode()
const env = { ...process.env, EFFECT_WINSOCK_BULK: "1024" }
process.exitCode = await runNode(["tools/test.mjs", "--layer=native", "--skip-check", "test/peers/tcp.test.ts"], env)
