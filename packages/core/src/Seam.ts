/**
 * The seam: ws2_32's own C interface as a record of functions. What is above it (packing, decoding, cancelling, every
 * error path) is one body of code; what is below is either the real DLL or a simulated one.
 *
 * @since 0.1.0
 */
import type { Abi } from "@effect-winsock/schema/Layout"
import type * as Brand from "effect/Brand"
import type { CType, ExtensionName, extensions, FunctionName, functions, Signature } from "./Signatures.ts"

/**
 * A `SOCKET` as the DLL numbers it; `-1` is `INVALID_SOCKET`. Numbers are reused at once after `closesocket`.
 *
 * @category models
 * @since 0.1.0
 */
export type SocketHandle = Brand.Branded<number, "SOCKET">

/**
 * A `HANDLE`: a completion port, an event or a file.
 *
 * @category models
 * @since 0.1.0
 */
export type Handle = Brand.Branded<number, "HANDLE">

type FromC<T extends CType> = T extends "void"
  ? void
  : T extends "socket"
    ? SocketHandle
    : T extends "handle"
      ? Handle
      : number

// a SOCKET is a HANDLE (CancelIoEx, CreateIoCompletionPort take both); 0 and -1 are nobody's
type ToC<T extends CType> = T extends "socket"
  ? SocketHandle | -1
  : T extends "handle"
    ? Handle | SocketHandle | -1 | 0
    : number

type Arguments<P extends Signature["parameters"]> = { -readonly [I in keyof P]: ToC<P[I][1]> }

type CallOf<S extends Signature> = (...args: Arguments<S["parameters"]>) => FromC<S["result"]>

/**
 * The exported functions, each taking and returning numbers only. A call never throws: it fails as its signature's
 * `fails` says.
 *
 * @category models
 * @since 0.1.0
 */
export type Calls = { readonly [K in FunctionName]: CallOf<(typeof functions)[K]> }

/**
 * The extension functions, once bound to their address.
 *
 * @category models
 * @since 0.1.0
 */
export type Extensions = { readonly [K in ExtensionName]: CallOf<(typeof extensions)[K]> }

/**
 * All functions, exported or extensions.
 *
 * @category models
 * @since 0.1.0
 */
export type AnyCalls = Calls & Extensions

/**
 * A piece of memory that the kernel can be given addresses of. `bytes` and `view` cover it whole; neither may leave
 * the library, and neither may be used after `free`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Block {
  readonly address: number
  readonly size: number
  readonly bytes: Uint8Array
  readonly view: DataView
}

/**
 * Native memory. `alloc` gives zeroed memory aligned to 16 bytes and throws a `RangeError` when there is none; `free`
 * takes back a block that no pending operation refers to.
 *
 * @category models
 * @since 0.1.0
 */
export interface SeamMemory {
  readonly alloc: (size: number) => Block
  readonly free: (block: Block) => void
}

/**
 * The event loop that the seam lives in. Its time is the provider's own: real for the DLL, Effect's `Clock` for the
 * simulated one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Host {
  /**
   * Runs `task` on the JS thread from the top of a later turn of the event loop, after `delay` milliseconds when
   * given. Returns a function that withdraws it. A scheduled task does not by itself keep the process alive when it
   * has a delay; one without delay does.
   */
  readonly schedule: (task: () => void, delay?: number) => () => void
  /** Keeps the process alive, or lets it go. */
  readonly keepAlive: (on: boolean) => void
  /** Runs `task` synchronously when the process or the worker exits. Returns a function that withdraws it. */
  readonly onExit: (task: () => void) => () => void
  /**
   * How often, in milliseconds, the JS thread looks at the completion port although an off-thread call waits there:
   * the bound on the delay when the threads that make such calls are all busy. `0` when they cannot be.
   */
  readonly pollInterval: number
}

/**
 * Makes a call off the JS thread and reports its result and, when it failed, its last error, from the top of the
 * event loop. The call cannot be withdrawn: what it waits for must have a bound, or be cancelled. An extension function
 * is called at its `address`.
 *
 * @category models
 * @since 0.1.0
 */
export type OffThread = <K extends FunctionName | ExtensionName>(
  name: K,
  args: Parameters<AnyCalls[K]>,
  done: (result: ReturnType<AnyCalls[K]>, lastError: number) => void,
  address?: number
) => void

/**
 * A completion routine: LPWSAOVERLAPPED_COMPLETION_ROUTINE with its parameters as numbers. It runs on the JS thread,
 * inside an alertable call (`SleepEx`, `WSAWaitForMultipleEvents`) that the same thread makes, and must do next to nothing:
 * above all make no other call, and never throw.
 *
 * @category models
 * @since 0.1.0
 */
export type CompletionRoutine = (error: number, bytes: number, lpOverlapped: number, flags: number) => void

/**
 * A completion routine that calls can be given the address of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Routine {
  readonly address: number
  /** Takes it back. No operation that was given its address may be without its run then. */
  readonly release: () => void
}

/**
 * The whole of what the library asks of a provider.
 *
 * @category models
 * @since 0.1.0
 */
export interface Seam {
  /** `"native"` or `"mock"`, or what a provider of one's own calls itself. */
  readonly name: string
  readonly abi: Abi
  readonly memory: SeamMemory
  readonly calls: Calls
  readonly offThread: OffThread
  /** Makes an extension function of the address that `WSAIoctl` gave for it. */
  readonly bind: <K extends ExtensionName>(name: K, address: number) => Extensions[K]
  /**
   * Makes a completion routine of a function. A provider that can tell calls `queued` from the top of the event loop when a
   * run of it has come to wait for an alertable call; Windows cannot, so whoever expects one must look all the same.
   */
  readonly routine: (run: CompletionRoutine, queued?: () => void) => Routine
  readonly host: Host
}
