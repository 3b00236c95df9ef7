/** Effect's folders that every room may import. */
export declare const plain: ReadonlyArray<string>

/** Every import of a module; `specifier` is undefined if it is computed. */
export declare const importsOf: (
  path: string,
  text: string
) => ReadonlyArray<{ readonly specifier: string | undefined; readonly line: number }>

/** Judges the files, given as [path, text], and the package.json files, given by path. */
export declare const judge: (
  files: ReadonlyArray<readonly [path: string, text: string]>,
  manifests: Readonly<Record<string, object>>
) => { readonly faults: ReadonlyArray<string>; readonly imports: number }
