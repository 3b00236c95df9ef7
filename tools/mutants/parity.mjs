// Planted faults in what scenarios of calls have in common on both layers.
const lengths = "packages/mock/src/internal/OptionLengths.ts"
const options = "packages/mock/src/internal/SocketOptions.ts"
const sockets = "packages/mock/src/internal/Sockets.ts"
const ofOptions = "test/mock/options.test.ts"
const ofParity = "test/mock/parity.test.ts"

export default [
  {
    name: "parity: bytes are told as words",
    file: options,
    why: "Windows tells a few options as one byte, and leaves the rest of the room alone",
    find: "length < 4 || OptionLengths.isByte(level, name)",
    replace: "length < 4",
    caughtBy: [ofOptions]
  },
  {
    name: "parity: switches of control messages as bytes",
    file: lengths,
    why: "Windows wants the whole word for them",
    find: "(isBool && !has(whole, level, name))",
    replace: "isBool",
    caughtBy: [ofOptions]
  },
  {
    name: "parity: hop limits as words only",
    file: lengths,
    why: "Windows takes a byte for a hop limit",
    find: "has(short, level, name) || ",
    replace: "",
    caughtBy: [ofOptions]
  },
  {
    name: "parity: differences either way",
    file: "test/parity/Compare.ts",
    why: "a difference is accepted to the very code, on the very side",
    find: "d.native.test(real) && d.mock.test(simulated)",
    replace: "d.call.test(both)",
    caughtBy: [ofParity]
  },
  {
    name: "parity: a comparison that forgives everything",
    file: "test/parity/Compare.ts",
    why: "what has no name is a fault",
    find: "if (difference === undefined) return { same, notCompared: mock.length - i - 1, named, unnamed: i }",
    replace: "if (difference === undefined) continue",
    caughtBy: [ofParity]
  },
  {
    name: "parity: a comparison that sees no difference",
    file: "test/parity/Compare.ts",
    why: "the same is the same text",
    find: "if (real === simulated) same++",
    replace: "if (real.length > 0) same++",
    caughtBy: [ofParity]
  },
  {
    name: "parity: a field that forgives the whole call",
    file: "test/parity/Compare.ts",
    why: "the rest of the text must be the same",
    find: 'real.replaceAll(field, "") === simulated.replaceAll(field, "")',
    replace: "field.test(real)",
    caughtBy: [ofParity]
  },
  {
    name: "parity: compared past different states",
    file: "test/parity/Compare.ts",
    why: "what follows is another scenario on each",
    find: 'difference.after === "cut"',
    replace: "false",
    caughtBy: [ofParity]
  },
  {
    name: "parity: cancelled operations that never end",
    file: sockets,
    why: "every operation that was taken ends once",
    find: "  for (const operation of pending) cancel(kernel, operation, fault)\n  return 1",
    replace: "  return 1",
    caughtBy: [ofParity]
  }
]
