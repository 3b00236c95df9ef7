/** The faults of docs/pages.md, with the project's files: their paths, and how to read one. */
export declare const judge: (
  text: string,
  paths: ReadonlyArray<string>,
  read: (path: string) => string
) => { readonly faults: ReadonlyArray<string>; readonly rows: number }
