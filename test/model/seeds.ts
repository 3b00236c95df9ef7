/** Which model a seed plays: mostly a machine by itself, which is fast; one in eight a whole network. */
import type { Winsock } from "@effect-winsock/core"
import * as Network from "./network/run.ts"
import { run } from "./run.ts"

/** How often something happened, by its name. */
export interface Happenings {
  [name: string]: number
}

export interface Outcome {
  readonly model: "machine" | "network"
  readonly problems: ReadonlyArray<string>
  readonly happened: Happenings
  readonly story: ReadonlyArray<string>
}

const share = 8

const told = (
  model: Outcome["model"],
  { happened, problems, story }: Omit<Outcome, "model" | "happened"> & { readonly happened: object }
): Outcome => ({ model, problems, story, happened: { ...happened } as Happenings })

export const playSeed = async (seed: number, tell: boolean, completion?: Winsock.Completion): Promise<Outcome> =>
  completion === undefined && seed % share === 0
    ? told("network", await Network.run(seed, tell))
    : told("machine", await run(seed, tell, completion))
