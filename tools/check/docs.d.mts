/** The examples of a file, each a module whose lines stand where they stand in the file. */
export declare const examplesOf: (
  path: string,
  text: string
) => {
  readonly examples: ReadonlyArray<{ readonly name: string; readonly text: string }>
  readonly faults: ReadonlyArray<string>
}
