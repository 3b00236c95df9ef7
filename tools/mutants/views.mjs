// planted faults in the views of a trace
const views = "test/mock/views.test.ts"

export default [
  {
    name: "timeline: a picture of one line",
    file: "packages/mock/src/internal/Timeline.ts",
    why: "a long trace would be wider than any screen",
    find: "if (x - xs[first] <= room) return",
    replace: "if (x >= 0) return",
    caughtBy: [views]
  },
  {
    name: "timeline: a bar that began above",
    file: "packages/mock/src/internal/Timeline.ts",
    why: "it would stand outside of the picture",
    find: "if (step < this.first) return gutter",
    replace: "if (step < 0) return gutter",
    caughtBy: [views]
  },
  {
    name: "diagram: as long as the trace",
    file: "packages/mock/src/internal/Sequence.ts",
    why: "Mermaid would draw nothing but an error",
    find: "const most = 49_000",
    replace: "const most = 4_900_000",
    caughtBy: [views]
  }
]
