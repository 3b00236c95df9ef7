// The planted faults that `npm run mutants` expects some test to catch. Each names a file, the text in it that is
// replaced, why the text is there, and the test files that must fail.
import blocking from "./blocking.mjs"
import engine from "./engine.mjs"
import events from "./events.mjs"
import foundations from "./foundations.mjs"
import names from "./names.mjs"
import platform from "./platform.mjs"
import receives from "./receives.mjs"
import streams from "./streams.mjs"
import streamsConnect from "./streams-connect.mjs"

export const mutants = [
  ...receives,
  ...engine,
  ...foundations,
  ...streams,
  ...streamsConnect,
  ...events,
  ...blocking,
  ...names,
  ...platform
]
