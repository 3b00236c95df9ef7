/** Judges the files, given as [path, text], and the package.json files, given by path. */
export declare const judge: (
  files: ReadonlyArray<readonly [path: string, text: string]>,
  manifests: Readonly<Record<string, object>>
) => { readonly faults: ReadonlyArray<string>; readonly imports: number }
