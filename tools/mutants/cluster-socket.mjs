// Planted faults in the transport of clusters, and in the time that they live in.
const cluster = "packages/platform/src/WinsockClusterSocket.ts"

export default [
  {
    name: "cluster: a runner listens where it is called",
    file: cluster,
    why: "behind a translator of addresses the two differ",
    find: "Option.orElse(runnerListenAddress, () => runnerAddress)",
    replace: "Option.orElse(runnerAddress, () => runnerListenAddress)",
    caughtBy: ["test/both/transports/cluster.test.ts"]
  },
  {
    name: "cluster: fractions of milliseconds",
    file: "packages/mock/src/internal/Loop.ts",
    why: "programs count on whole milliseconds, as the system's clock has them",
    find: "return Math.floor(this.now)",
    replace: "return this.now",
    caughtBy: ["test/mock/cluster.test.ts"]
  }
]
