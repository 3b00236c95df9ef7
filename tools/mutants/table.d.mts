/** A planted fault. */
export interface Mutant {
  readonly name: string
  /** Why the text is there. */
  readonly why: string
  readonly file: string
  /** Occurs once in the file. */
  readonly find: string
  readonly replace: string
  /** The test files that must fail. */
  readonly caughtBy: ReadonlyArray<string>
}

export declare const mutants: ReadonlyArray<Mutant>
