// Planted faults in completion by event and by routine.
const events = "packages/core/src/internal/eventCompletions.ts"
const routines = "packages/core/src/internal/routineCompletions.ts"
const receives = "packages/core/src/internal/receives.ts"
const operation = "packages/core/src/internal/operation.ts"
const engine = "packages/core/src/internal/engine.ts"
const ofModes = "test/both/modes/completion.test.ts"
const ofEvents = "test/both/modes/events.test.ts"
const ofRoutines = "test/both/modes/routines.test.ts"
const truncation = "test/both/laws/truncation.test.ts"
const cancelling = "test/both/laws/cancelling.test.ts"

export default [
  {
    name: "modes: routine given back too early",
    file: routines,
    why: "a routine that runs when it was given back is a jump into nowhere",
    find: "if (this.outstanding === 0) this.made.release()",
    replace: "this.made.release()",
    caughtBy: [ofRoutines]
  },
  {
    name: "modes: cancelled routine forgotten",
    file: routines,
    why: "a queued routine survives the cancellation, and the kernel has the address until it ran",
    find: "    this.late.add(overlapped)",
    replace: "",
    caughtBy: [ofRoutines]
  },
  {
    name: "modes: routine that never comes",
    file: routines,
    why: "after a synchronous WSAEMSGSIZE the wait that ran all that was queued decides",
    find: "    for (const [owner, overlapped] of sentinels) owner.sentinel(overlapped)\n",
    replace: "",
    caughtBy: [truncation]
  },
  {
    name: "modes: no timer for routines",
    file: routines,
    why: "nothing else looks while the program is idle",
    find: "    this.setTimer(Math.min(pause, isAwaited ? slowest : slowestUnattended))\n",
    replace: "",
    caughtBy: [ofRoutines]
  },
  {
    name: "modes: event shared by status only",
    file: events,
    why: "an operation that is held back, or was asked for too early, is pending still",
    find: "      calls.WSAGetLastError() !== WSA_IO_INCOMPLETE\n",
    replace: "      true\n",
    caughtBy: [cancelling]
  },
  {
    name: "modes: events waited for although nobody waits",
    file: events,
    why: "a thread that blocks keeps the process alive",
    find: "    if (pump.waiting === 0) {\n      this.attend(false)",
    replace: "    if (pump.waiting < 0) {\n      this.attend(false)",
    caughtBy: [ofEvents]
  },
  {
    name: "modes: events not waited for",
    file: events,
    why: "an idle program learns of nothing otherwise",
    find: "    this.attend(true)\n",
    replace: "",
    caughtBy: [ofModes]
  },
  {
    name: "modes: event not kept for the next",
    file: events,
    why: "making one is a call into the kernel",
    find: "this.spare.length < mostSpare) this.spare.push(event)",
    replace: "this.spare.length < 0) this.spare.push(event)",
    caughtBy: [ofEvents]
  },
  {
    name: "modes: events closed under sockets",
    file: events,
    why: "what closes last may still begin operations",
    find: "    this.waits.enter()\n",
    replace: "",
    caughtBy: [ofEvents]
  },
  {
    name: "modes: routine for a call that takes none",
    file: operation,
    why: "nobody would be told of its end",
    find: "this.source = takesRoutine.has(this.name) ? main : other",
    replace: "this.source = main",
    caughtBy: [ofModes]
  },
  {
    name: "modes: event of the program's and a routine",
    file: operation,
    why: "the end would be told twice, and the program's event never set",
    find: "return this.byEvent ? 0 : this.source.routine",
    replace: "return this.source.routine",
    caughtBy: [ofEvents]
  },
  {
    name: "modes: call that is over waited for",
    file: receives,
    why: "where nothing comes after a synchronous WSAEMSGSIZE its own answer is the result",
    find: "else if (answer === NOTHING_COMES) {",
    replace: "else if (answer === -1) {",
    caughtBy: [ofModes]
  },
  {
    name: "modes: off-thread calls made while closing not waited for",
    file: engine,
    why: "the port, the events and the memory are theirs until they return",
    find: "if (left > 0 || this.away > 0 || stopping) return",
    replace: "if (left > 0 || stopping) return",
    caughtBy: ["test/both/laws/streamFiles.test.ts"]
  }
]
