// The laws of sending, over AF_UNIX: the same suite, on pairs of another family.
import { AF_UNIX } from "@effect-winsock/schema/Flags"
import { transport } from "../support/peer.ts"

transport.family = AF_UNIX
await import("../both/laws/streamSending.test.ts")
